"""The floor under a Python server: a bare ASGI application with one reader of the stream for all.

No session, no redaction, no decision, no acknowledgement and no bound: each entry is encoded once,
and each watcher has a queue of ready frames. `/different` asks each watcher's own words of every
event, as `-"nothing 7"` does on the console. Environment: BENCH_REDIS (URL), BENCH_STREAM, and
BENCH_FRAME, the most events of one frame.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import msgspec
import redis.asyncio

FRAME = int(os.environ.get("BENCH_FRAME", "100"))
Encoded = list[tuple[dict[str, str], bytes]]


def frames_of(events: Encoded) -> list[str]:
    """Frames of at most FRAME events; text, because that is what a browser's JSON is read from."""
    if FRAME == 1:
        return [one.decode() for _, one in events]
    return [
        f"[{b','.join(one for _, one in events[at : at + FRAME]).decode()}]"
        for at in range(0, len(events), FRAME)
    ]


class Reader:
    """The one reader: a queue for each watcher, with ready frames or with the events themselves."""

    def __init__(self) -> None:
        self.equal: set[asyncio.Queue[list[str]]] = set()
        self.different: set[asyncio.Queue[Encoded]] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Read from now on, if this is the first watcher."""
        if self._task is None:
            self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        stream = os.environ["BENCH_STREAM"]
        url = os.environ["BENCH_REDIS"]
        client: Any = redis.asyncio.Redis.from_url(url, socket_timeout=None, protocol=2)
        newest = await client.xrevrange(stream, count=1)
        last = newest[0][0] if newest else b"0-0"
        while True:
            reply = await client.xread({stream: last}, count=100, block=1000)
            for _, rows in reply or ():
                last = rows[-1][0]
                events = [_encoded(fields) for _, fields in rows]
                ready = frames_of(events) if self.equal else []
                for queue in self.equal:
                    queue.put_nowait(ready)
                for other in self.different:
                    other.put_nowait(events)


def _encoded(fields: dict[bytes, bytes]) -> tuple[dict[str, str], bytes]:
    event = {name.decode(): value.decode() for name, value in fields.items()}
    return event, msgspec.json.encode(event)


reader = Reader()


async def watch_equal(send: Any) -> None:
    queue: asyncio.Queue[list[str]] = asyncio.Queue()
    reader.equal.add(queue)
    try:
        while True:
            for text in await queue.get():
                await send({"type": "websocket.send", "text": text})
    finally:
        reader.equal.discard(queue)


async def watch_different(send: Any, *, words: str) -> None:
    queue: asyncio.Queue[Encoded] = asyncio.Queue()
    reader.different.add(queue)
    try:
        while True:
            events = await queue.get()
            kept = [both for both in events if words not in both[0]["message"]]
            for text in frames_of(kept):
                await send({"type": "websocket.send", "text": text})
    finally:
        reader.different.discard(queue)


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "websocket":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})
        return
    await receive()
    await send({"type": "websocket.accept"})
    reader.start()
    if scope["path"] == "/different":
        sending = asyncio.create_task(watch_different(send, words=f"nothing {id(scope)}"))
    else:
        sending = asyncio.create_task(watch_equal(send))
    while (await receive())["type"] != "websocket.disconnect":
        pass
    sending.cancel()
