"""docs/runbooks/key-rotation.md: RUNNER_AUTH_TOKEN and RUNNER_DEBUG_STREAM_SECRET."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import pytest
from asgiref.sync import sync_to_async

from extdebug.runner.wasm.components import LoadedComponent
from tests.faults.proxy import Proxy
from tests.faults.stage import Stage, poll
from tests.faults.watcher import Watcher
from tests.fixtures.redis import RedisServer
from tests.fixtures.runner import SHARED, execute_at
from tests.runbooks.rolling import noticed_nothing, roll, sessions

NEW: Final = {
    "RUNNER_AUTH_TOKEN": "another-auth-token-of-the-tests-0123456789",
    "RUNNER_DEBUG_STREAM_SECRET": "another-stream-secret-of-the-tests-9876543210",
}


class Page(Watcher):
    """Keeps whose requests it saw lines of. Only the writer's lines are numbered."""

    requests: frozenset[str] = frozenset()

    def _show(self, frame: dict[str, Any]) -> None:
        self.requests |= {event["requestId"] for event in frame["events"]}
        own = [event for event in frame["events"] if event["message"].startswith("w ")]
        super()._show({**frame, "events": own})


async def redis_away(proxy: Proxy) -> None:
    proxy.refuse = True
    proxy.reset()


@pytest.mark.timeout(180)
async def test_other_secrets_of_the_runners(
    stage: Stage,
    redis_server: RedisServer,
    runner_process: Callable[..., str],
    edges: LoadedComponent,
) -> None:
    """Two watch under mode `auto` and `redis`; Redis is away for `auto` between the steps and
    after them, and what it missed follows when Redis is back."""
    start = sync_to_async(runner_process)
    runner = await start(redis_server.url)
    proxy = await stage.proxy(redis_server.port)
    auto = {"EXT_DEBUG_STREAM_MODE": "auto", "RUNNER_URL": runner}
    old = await stage.console(proxy.url, **auto, **SHARED)
    other = await stage.console(redis_server.url)
    plain, page = [Page([await stage.door(one, stage.cast.dan)]) for one in (other, old)]
    writer = stage.writer(redis_server.port)

    async def back() -> None:
        proxy.refuse = False
        await page.live()

    async with plain, page:
        await plain.live()
        await page.live()
        writer.start()
        await stage.recovery(page)

        # 1. Runners. Between the two steps their own streams refuse the console, which says so.
        one = runner_process.processes[0]  # type: ignore[attr-defined]
        one.terminate()
        await asyncio.to_thread(one.wait, 15)
        port = runner.rpartition(":")[2]
        assert await start(redis_server.url, RUNNER_PORT=port, **NEW) == runner
        await redis_away(proxy)
        await poll(
            lambda: "the runner refuses to be watched" in old.log, within=20, what="the refusal"
        )
        assert page.state != "fallback"
        await execute_at(runner, edges, "between", token=NEW["RUNNER_AUTH_TOKEN"])
        await back()
        await page.until(lambda: "between" in page.requests, what="Redis had them")

        # 2. Consoles.
        fresh = await stage.console(proxy.url, **auto, **NEW)
        await roll(old, fresh, page)
        await redis_away(proxy)
        await page.until(lambda: page.state == "fallback", within=20, what="the fallback")
        await execute_at(runner, edges, "after", token=NEW["RUNNER_AUTH_TOKEN"])
        await page.until(lambda: "after" in page.requests, what="straight from the runner")
        await back()
        await noticed_nothing(stage, plain, writer)
        assert plain.requests >= {"between", "after"}
        await stage.settle(page, writer=writer)
    await asyncio.to_thread(fresh.stop)  # while its Redis answers
    (verdict,) = stage.judge(page, reasons=("failover",))
    assert (verdict.doubled, verdict.lost_total, len(sessions(page))) == (0, 0, 1)
    assert {(gap.reason, gap.missed) for gap in page.gaps} <= {("failover", None)}
