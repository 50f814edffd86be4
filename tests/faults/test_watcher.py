"""The client of the fault plays hears everything that was sent, as a browser does."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

from tests.faults.watcher import Door, Watcher


def events(seq: int) -> dict[str, Any]:
    return {"type": "events", "seq": seq, "rev": 0, "cursor": f"{seq}-0.{seq}", "events": []}


CLOSING = {"type": "closing", "code": 4410, "reason": "taken_over", "final": True}


async def test_a_connection_that_is_closed_while_it_acknowledges_is_told_why() -> None:
    """`closing` lies behind frames that are still to be acknowledged on a socket that is closed."""

    async def console(socket: ServerConnection) -> None:
        await socket.recv()
        frames = [{"type": "ready", "session": "s"}, *(events(n) for n in range(1, 30)), CLOSING]
        for frame in frames:
            await socket.send(json.dumps(frame))
        await socket.close(4410)

    async with serve(console, "127.0.0.1", 0) as server:
        [sock] = server.sockets
        url = f"ws://127.0.0.1:{sock.getsockname()[1]}"
        async with Watcher([Door(url, "http://console.example", "")]) as one:
            one.stall()  # it reads on when everything, the close included, has arrived
            await one.until(lambda: one.session)
            await asyncio.sleep(0.2)
            one.go_on()
            await one.until(lambda: one.closings, what="told why it was closed")
    assert [end["code"] for end in one.closings] == [4410]
    assert one.wrong == []
