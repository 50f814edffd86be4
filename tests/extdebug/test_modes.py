"""Rolling a console between stream modes: nothing lost or doubled, and the session goes on.

docs/operations.md has the steps as an operator takes them; here they are taken.
"""

import asyncio
import itertools
import json
from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from websockets.exceptions import ConnectionClosed

from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from tests.extdebug.test_live import KEY, entry, receive, watching
from tests.fixtures.console import Console
from tests.fixtures.programs import free_port
from tests.fixtures.redis import RedisServer

SECRETS = {
    "RUNNER_AUTH_TOKEN": "an-auth-token-of-the-tests-0123456789",
    "RUNNER_DEBUG_STREAM_SECRET": "a-stream-secret-of-the-tests-9876543210",
}
EVERY = 0.005  # seconds between two lines
LINES = 120  # seen under each console before the next one takes over


class Watcher:
    """A client that does what the page does: acknowledge, remember the cursor, come back."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.gaps: list[dict[str, Any]] = []
        self.sessions: list[str] = []
        self.resumed: list[bool] = []
        self.cursor = ""

    async def watch(self, console: Console, user: Any, *, lines: int, stop: bool) -> None:
        """Come (back), see so many lines, and, with `stop`, be sent away by SIGTERM."""
        again: dict[str, Any] = {"from": {"tail": 0}}
        if self.cursor:
            again = {"from": {"cursor": self.cursor}, "resume": self.sessions[-1]}
        async with watching(console, user, **again) as socket:
            ready = await receive(socket, "ready")
            self.sessions.append(ready["session"])
            self.resumed.append(ready["resumed"])
            until = len(self.seen) + lines
            async with asyncio.timeout(20):
                while len(self.seen) < until:
                    await self._take(socket)
            if not stop:
                return
            console.process.terminate()
            closing: dict[str, Any] = {}
            try:
                async with asyncio.timeout(15):
                    while True:  # what was sent before the goodbye counts
                        closing = await self._take(socket)
            except ConnectionClosed:
                assert (closing["type"], closing["code"]) == ("closing", 4012)

    async def _take(self, socket: Any) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(await socket.recv())
        self.seen += [event["message"] for event in frame.get("events", ())]
        if frame["type"] == "gap":
            self.gaps.append(frame)
        self.cursor = frame.get("cursor") or self.cursor
        if "seq" in frame:
            await socket.send(json.dumps({"type": "ack", "seq": frame["seq"]}))
        return frame


async def test_a_session_survives_the_roll_from_redis_to_auto_and_back(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast
) -> None:
    start = sync_to_async(live_console)
    auto = {
        "EXT_DEBUG_STREAM_MODE": "auto",
        "RUNNER_URL": f"http://127.0.0.1:{free_port()}",  # nobody there: Redis is up, none is asked
        **SECRETS,
    }
    watcher, written = Watcher(), itertools.count()
    stopped = asyncio.Event()

    async def write() -> None:
        with redis_server.client() as client:
            while not stopped.is_set():
                client.xadd(KEY, entry(f"line {next(written)}"))
                await asyncio.sleep(EVERY)

    before = await start(redis_url=redis_server.url)
    during = await start(redis_url=redis_server.url, **auto)
    after = await start(redis_url=redis_server.url)
    writer = asyncio.create_task(write())
    try:
        await watcher.watch(before, cast.dan, lines=LINES, stop=True)
        await watcher.watch(during, cast.dan, lines=LINES, stop=True)
        await watcher.watch(after, cast.dan, lines=LINES, stop=False)
    finally:
        stopped.set()
        await writer

    assert watcher.gaps == []
    first = int(watcher.seen[0].removeprefix("line "))
    assert watcher.seen == [f"line {n}" for n in range(first, first + len(watcher.seen))]
    assert len(watcher.seen) >= 3 * LINES
    assert watcher.resumed == [False, True, True]
    assert len(set(watcher.sessions)) == 1
    row = await DebugSession.objects.aget(pk=watcher.sessions[0])
    assert row.opened_at < row.expires_at, "one row, one opening, one time to live"
