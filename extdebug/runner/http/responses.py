"""ASGI messages of the runner's server: JSON and plain answers, disconnects, start and stop."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from extdebug.wire.events import encode_json

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

# A caller's id is echoed in a header, so it is kept to what is safe there.
REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


class Answer(Exception):
    """An HTTP answer that ends the handling of a request."""

    def __init__(self, status: int, error: str, *, code: str, **more: Any) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error, "code": code, **more}


async def disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def json(send: Send, status: int, body: Mapping[str, Any], *, request_id: str) -> None:
    await reply(send, status, encode_json(body), b"application/json", request_id)


async def reply(send: Send, status: int, body: bytes, kind: bytes, rid: str) -> None:
    head = start(status, kind, rid)
    head["headers"].append((b"content-length", str(len(body)).encode()))
    await send(head)
    await send({"type": "http.response.body", "body": body})


def start(status: int, kind: bytes, rid: str) -> dict[str, Any]:
    headers = [
        (b"content-type", kind),
        (b"cache-control", b"no-store"),
        (b"x-request-id", rid.encode("latin-1", "replace")),
    ]
    return {"type": "http.response.start", "status": status, "headers": headers}


def echo(rid: str) -> str:
    return rid if REQUEST_ID.fullmatch(rid) else ""
