"""Mode `runner`: no Redis anywhere, and still live lines and cuts; and the way out of it."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async

from extdebug.demo.sample import Cast
from extdebug.hub.history import SEAM_MS
from extdebug.runner.wasm.components import LoadedComponent
from extdebug.wire.positions import Cursor
from policies.models import Lock
from tests.extdebug.test_live import receive, watching
from tests.fixtures.console import Console
from tests.fixtures.redis import RedisServer
from tests.fixtures.runner import SHARED, execute_at

METRICS = {"METRICS_TOKEN": "a-metrics-token-of-the-tests-0123456789"}


class Page:
    """What a watcher was told, over several connections."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.gaps: list[dict[str, Any]] = []
        self.cursor = ""

    async def until(self, socket: Any, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        async with asyncio.timeout(15):
            while True:
                frame = await receive(socket, "", within=15)
                for event in frame.get("events", ()):
                    said = f"{event['requestId']} {event['stream']} {event['message']}"
                    self.lines.append(said)
                if frame["type"] == "gap":
                    self.gaps.append(frame)
                self.cursor = frame.get("cursor") or self.cursor
                if "seq" in frame:
                    await socket.send(json.dumps({"type": "ack", "seq": frame["seq"]}))
                if done(frame):
                    return frame

    def of(self, request: str) -> list[str]:
        return [line for line in self.lines if line.startswith(f"{request} ")]


def ends(request: str) -> Callable[[dict[str, Any]], bool]:
    return lambda frame: any(
        event["requestId"] == request and (event.get("fields") or {}).get("event") == "end"
        for event in frame.get("events", ())
    )


def state(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda frame: frame.get("state") == name


@pytest.mark.parametrize("server", ["uvicorn", "daphne"])
async def test_lines_come_and_sessions_are_cut_without_any_redis(
    live_console: Callable[..., Console],
    cast: Cast,
    runner_process: Callable[[str], str],
    edges: LoadedComponent,
    server: str,
) -> None:
    runner = await sync_to_async(runner_process)("")
    console = await sync_to_async(live_console)(
        server, REDIS_URL="", EXT_DEBUG_STREAM_MODE="runner", RUNNER_URL=runner, **SHARED, **METRICS
    )
    page = Page()
    async with httpx.AsyncClient(base_url=console.url) as http:
        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()) == (200, {"ok": True, "problems": []})
        async with watching(console, cast.dan) as socket:
            told = await page.until(socket, state("fallback"))
            assert "single runner pod" in told["message"]
            await execute_at(runner, edges, "one")
            await page.until(socket, ends("one"))
            await socket.send(json.dumps({"type": "fetch", "id": "f", "after": "0-0", "limit": 9}))
            refused = await page.until(socket, lambda frame: frame["type"] == "error")
            assert refused["code"] == "unavailable"
            text = (
                await http.get(
                    "/metrics", headers={"Authorization": f"Bearer {METRICS['METRICS_TOKEN']}"}
                )
            ).text
            assert "ext_debug_streams_on_runners 1.0" in text
            # No layer reaches this process: the policy version that it polls does.
            await Lock.objects.acreate(user=cast.dan, reason="a test of the supervisor")
            closing = await page.until(socket, lambda frame: frame["type"] == "closing")
            assert (closing["code"], closing["reason"]) == (4409, "lock")
    assert len(page.of("one")) == len(set(page.of("one"))) == 62
    assert page.gaps == []


async def test_from_redis_to_runner_and_back_nothing_doubles_and_each_seam_is_marked(
    live_console: Callable[..., Console],
    redis_server: RedisServer,
    cast: Cast,
    runner_process: Callable[[str], str],
    edges: LoadedComponent,
) -> None:
    """Lines straight from a runner have no place in the stream: the roll cannot count over the
    seam, so it says so, and neither repeats what was shown nor begins another session."""
    runner = await sync_to_async(runner_process)(redis_server.url)
    start = sync_to_async(live_console)
    with_redis = {"redis_url": redis_server.url, "EXT_DEBUG_STREAM_MODE": "auto"}
    without = {"REDIS_URL": "", "EXT_DEBUG_STREAM_MODE": "runner"}
    consoles = [
        await start(**mode, RUNNER_URL=runner, **SHARED)
        for mode in (with_redis, without, with_redis)
    ]
    page = Page()
    sessions: list[str] = []
    for number, console in enumerate(consoles):
        again: dict[str, Any] = {}
        if sessions:
            again = {"from": {"cursor": page.cursor}, "resume": sessions[-1]}
            seam = (
                Cursor.parse(page.cursor).id.ms + SEAM_MS
            )  # what is printed within is passed over
            await asyncio.sleep(max(0, seam / 1000 - time.time()) + 0.01)
            await execute_at(runner, edges, f"between {number}")
        async with watching(console, cast.dan, **again) as socket:
            ready = await page.until(socket, lambda frame: frame["type"] == "ready")
            sessions.append(ready["session"])
            assert ready["resumed"] == bool(number)
            await page.until(socket, state("fallback" if number == 1 else "live"))
            assert len(page.gaps) == number, "told before what follows it"
            await execute_at(runner, edges, f"during {number}")
            await page.until(socket, ends(f"during {number}"))
            console.process.terminate()
            await page.until(socket, lambda frame: frame["type"] == "closing")
    assert len(set(sessions)) == 1
    for request in ("during 0", "during 1", "between 2", "during 2"):
        assert len(page.of(request)) == len(set(page.of(request))) == 62, request
    assert page.of("between 1") == [], "a runner shows from now on: what was before is passed over"
    assert [(gap["reason"], gap["missed"]) for gap in page.gaps] == [("failover", None)] * 2
