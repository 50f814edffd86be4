"""ASGI messages of the runner's server: JSON and plain answers, disconnects, start and stop."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec

from extdebug.wire.events import encode_json

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

# What a body raises that is not the JSON asked for: another shape, no UTF-8, too deep.
NOT_AS_ASKED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
MOST_ERROR: Final = 4000  # characters: a compiler's message may repeat names of the component
# A caller's id is echoed in a header, so it is kept to what is safe there.
REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
_PLAIN: Final = re.compile(r"(?:[!-~](?:[ -~]*[!-~])?)?")
_VISIBLE: Final = "".join(map(chr, range(0x21, 0x7F)))


class Answer(Exception):
    """An HTTP answer that ends the handling of a request.

    `request_id`: the flow's, once it is known. `retry`: seconds after which to come again.
    """

    def __init__(
        self,
        status: int,
        error: str,
        *,
        code: str,
        request_id: str | None = None,
        retry: int | None = None,
    ) -> None:
        super().__init__(error)
        self.status = status
        self.request_id = request_id
        self.retry = retry
        self.body = {"error": error[:MOST_ERROR], "code": code}
        if request_id is not None:
            self.body["request_id"] = request_id


async def disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def json(
    send: Send, status: int, body: Mapping[str, Any] | bytes, *, request_id: str,
    retry: int | None = None,
) -> None:  # fmt: skip
    """`body`: what to encode, or JSON already."""
    data = body if isinstance(body, bytes) else encode_json(body)
    await reply(send, status, data, b"application/json", request_id, retry=retry)


async def reply(
    send: Send, status: int, body: bytes, kind: bytes, rid: str, *, retry: int | None = None
) -> None:
    head = start(status, kind, rid)
    head["headers"].append((b"content-length", str(len(body)).encode()))
    if retry is not None:
        head["headers"].append((b"retry-after", str(retry).encode()))
    await send(head)
    await send({"type": "http.response.body", "body": body})


def start(status: int, kind: bytes, rid: str) -> dict[str, Any]:
    headers = [
        (b"content-type", kind),
        (b"cache-control", b"no-store"),
        (b"x-request-id", in_header(rid).encode()),
    ]
    return {"type": "http.response.start", "status": status, "headers": headers}


def in_header(rid: str) -> str:
    """A request id as a header can carry it: what is no plain ASCII is percent-encoded."""
    return rid if _PLAIN.fullmatch(rid) else quote(rid, safe=_VISIBLE)
