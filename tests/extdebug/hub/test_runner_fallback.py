"""Redis away in mode `auto`: sessions move to the runner, and back, and nothing comes twice."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from extdebug.demo.sample import Cast
from extdebug.runner.wasm.components import LoadedComponent
from tests.extdebug.test_live import receive, watching
from tests.fixtures.console import Console
from tests.fixtures.redis import RedisServer
from tests.fixtures.runner import SHARED, execute_at


@pytest.fixture
def runner(runner_process: Callable[[str], str], redis_server: RedisServer) -> str:
    """The URL of a runner that publishes to Redis and has its internal stream on."""
    return runner_process(redis_server.url)


async def test_a_session_moves_to_the_runner_and_back_and_nothing_comes_twice(
    live_console: Callable[..., Console],
    redis_server: RedisServer,
    cast: Cast,
    runner: str,
    edges: LoadedComponent,
) -> None:
    console = await sync_to_async(live_console)(
        redis_url=redis_server.url, EXT_DEBUG_STREAM_MODE="auto", RUNNER_URL=runner, **SHARED
    )
    seen: list[str] = []
    gaps: list[str] = []

    async def execute(request: str) -> None:
        await execute_at(runner, edges, request)

    async def until(socket: Any, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        async with asyncio.timeout(15):
            while True:
                frame = await receive(socket, "", within=15)
                seen.extend(
                    f"{event['requestId']} {event['stream']} {event['message']}"
                    for event in frame.get("events", ())
                )
                if frame["type"] == "gap":
                    gaps.append(frame["reason"])
                if done(frame):
                    return frame

    def ends(request: str) -> Callable[[dict[str, Any]], bool]:
        return lambda frame: any(
            event["requestId"] == request and (event.get("fields") or {}).get("event") == "end"
            for event in frame.get("events", ())
        )

    def state(name: str) -> Callable[[dict[str, Any]], bool]:
        return lambda frame: frame.get("state") == name

    async with watching(console, cast.dan) as socket:
        await until(socket, state("live"))
        await execute("before")
        await until(socket, ends("before"))
        await asyncio.to_thread(redis_server.stop)
        limited = await until(socket, state("fallback"))
        assert "single runner pod" in limited["message"]
        await execute("while away")
        await until(socket, ends("while away"))
        await asyncio.to_thread(redis_server.start)
        await until(socket, state("live"))
        await execute("after")
        await until(socket, ends("after"))
    for request in ("before", "while away", "after"):
        lines = [line for line in seen if line.startswith(f"{request} ")]
        assert len(lines) == len(set(lines)) == 62, f"{request}: start, 60 lines and end, once each"
    assert "failover" in gaps, "the seam is marked"
