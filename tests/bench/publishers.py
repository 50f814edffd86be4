"""Publishes numbered, stamped events: to Redis, as runners do, or to Nchan itself.

The events are those of the deployed runners, with eleven fields. The stamp (CLOCK_MONOTONIC) and
the number are in the message, where watchers.c reads them.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Sequence
from typing import Final

import hiredis

from tests.bench.stage import EXTENSION, STREAM, TENANT

WORDS: Final = (
    "handled request path=/v1/orders/8731 status=200 rows=17 cache=miss "
    "upstream=pg-main took=18.4ms retry=0 user=42 ok"
)
_STAMP: Final = b"0" * 19
_NUMBER: Final = b"#" * 8
MESSAGE: Final = f"t={_STAMP.decode()} n={_NUMBER.decode()} {WORDS}"
ENTRY: Final = {
    "ts": "1732356000000", "level": "info", "stream": "stdout", "tenant": TENANT,
    "extension": EXTENSION, "install": "inst-acme", "request": "req-0a1b2c3d",
    "version": "1.4.2", "content_hash": "sha256:0123456789abcdef01234567", "message": MESSAGE,
}  # fmt: skip
# What the console makes of one of them, within a few bytes, so that all send about the same.
BODY: Final = json.dumps(
    {
        "ts": "2024-11-23T10:00:00.000Z", "level": "info", "stream": "stdout", "message": MESSAGE,
        "id": "1732356000000-0", "tenantId": TENANT, "extensionId": EXTENSION,
        "installId": "inst-acme", "requestId": "req-0a1b2c3d", "versionId": "1.4.2",
        "contentHash": "sha256:0123456789abcdef01234567",
    },
    separators=(",", ":"),
)  # fmt: skip
MOST_KEPT: Final = 300_000  # entries in the stream, more than any round writes: nothing is trimmed
_AT_ONCE: Final = 500  # XADDs in one pipeline
_IN_ONE_POST: Final = 100  # events of one of Nchan's messages, as many as the others put in a frame


class Template:
    """One event's bytes, cut where stamp and number go."""

    def __init__(self, text: bytes) -> None:
        self._head, rest = text.split(_STAMP, 1)
        self._middle, self._tail = rest.split(_NUMBER, 1)

    def events(self, first: int, count: int) -> list[bytes]:
        """Events with the numbers from `first` on, all stamped now."""
        head = self._head + b"%019d" % time.monotonic_ns() + self._middle
        tail = self._tail
        return [b"%b%08d%b" % (head, number, tail) for number in range(first, first + count)]


def xadd(stream: str = STREAM, *, kept: int = MOST_KEPT, **changed: str) -> Template:
    """The packed XADD of one event to this stream, which keeps so many of them; `changed` are
    fields that differ."""
    flat = [part for pair in (ENTRY | changed).items() for part in pair]
    command = ("XADD", stream, "MAXLEN", "~", str(kept), "*", *flat)
    return Template(hiredis.pack_command(command))  # type: ignore[arg-type]


def to_redis(
    port: int,
    *,
    count: int,
    per_second: float | None = None,
    templates: Sequence[Template] = (),
) -> None:
    """`count` events as fast as Redis takes them, or at a rate; to several streams in turn."""
    turns = templates or [xadd()]

    def send(connection: socket.socket, first: int, number: int) -> None:
        parts = []
        if len(turns) == 1:
            parts = turns[0].events(first, number)
        else:
            for at in range(first, first + number):
                parts += turns[at % len(turns)].events(at // len(turns), 1)
        connection.sendall(b"".join(parts))
        _answers(connection, b"$", number)

    _publish(port, send, count=count, step=_AT_ONCE, per_second=per_second)


def to_nchan(port: int, *, count: int, per_second: float | None = None) -> None:
    """The same to Nchan by POST, many events in one message unless a rate is asked for."""
    template = Template(BODY.encode())

    def send(connection: socket.socket, first: int, number: int) -> None:
        events = template.events(first, number)
        body = events[0] if number == 1 else b"[%b]" % b",".join(events)
        head = b"POST /publish HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % len(body) + body)
        _answers(connection, b"HTTP/1.1 20", 1)

    _publish(port, send, count=count, step=_IN_ONE_POST, per_second=per_second)


def _publish(
    port: int,
    send: Callable[[socket.socket, int, int], None],
    *,
    count: int,
    step: int,
    per_second: float | None,
) -> None:
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        began = time.monotonic()
        done = 0
        while done < count:
            number = min(step, count - done) if per_second is None else 1
            if per_second is not None:
                time.sleep(max(0.0, began + done / per_second - time.monotonic()))
            send(connection, done, number)
            done += number


def _answers(connection: socket.socket, mark: bytes, count: int) -> None:
    """Wait until `count` replies came; each has `mark` once (an id's length, a status line)."""
    while count > 0:
        data = connection.recv(1 << 18)
        if not data:
            raise ConnectionError("the server closed the publisher's connection")
        if mark == b"$" and data.startswith(b"-"):
            raise ConnectionError(data[:200].decode())
        count -= data.count(mark)
