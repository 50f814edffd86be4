"""An hour of ordinary life under SOAK_SECONDS=3600: nothing lost, nothing doubled, memory flat."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable

import pytest

from tests.faults.stage import Stage, memory
from tests.fixtures.redis import RedisServer

SECONDS = float(os.environ.get("SOAK_SECONDS", "0"))
MOST_GROWTH = 16 * 1024 * 1024  # bytes between the first quarter and the end


@pytest.mark.skipif(not SECONDS, reason="set SOAK_SECONDS, for example 3600")
async def test_a_long_time(stage: Stage, redis_server_factory: Callable[..., RedisServer]) -> None:
    server = redis_server_factory()
    console = await stage.console(server.url)
    watchers = [await stage.watcher(console) for _ in range(3)]
    watchers.append(await stage.watcher(console, user=stage.cast.alice))
    writer = stage.writer(server.port, maxlen=200_000).start(200)
    began, early = time.monotonic(), 0
    chance = random.Random(1)
    while time.monotonic() - began < SECONDS:
        await asyncio.sleep(min(15.0, SECONDS / 20))
        one = chance.choice(watchers)
        if one.socket is not None:
            one.cut()
        for each in watchers:  # sessions end with their time; new ones go on from the cursor
            if each.closings and each.closings[-1]["code"] == 4408 and each.socket is None:
                await each.open_again()
        if not early and time.monotonic() - began > SECONDS / 4:
            early = memory(console.process.pid)
    late = memory(console.process.pid)
    writer.stop()
    await stage.settle(writer=writer, within=30)
    verdicts = stage.judge()
    assert late - early < MOST_GROWTH
    stage.row(
        f"soak of {SECONDS:.0f} s", expected="nothing lost, memory flat", verdicts=verdicts,
        seen=f"{early >> 20} -> {late >> 20} MiB",
    )  # fmt: skip
