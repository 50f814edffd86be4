"""Rows of the fault plan in which processes, connections and clocks fail."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable

import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command

from extdebug.models import DebugSession
from tests.faults.stage import Stage, poll
from tests.fixtures import console as console_fixture
from tests.fixtures.console import Server
from tests.fixtures.redis import RedisServer

Factory = Callable[..., RedisServer]


async def test_one_of_two_workers_is_killed(stage: Stage, redis_server_factory: Factory) -> None:
    server = redis_server_factory()
    first, second = await stage.console(server.url), await stage.console(server.url)
    watchers = [await stage.watcher(first, second) for _ in range(2)]
    orphan = await stage.watcher(first, user=stage.cast.alice)
    writer = stage.writer(server.port).start()
    await stage.steady()
    known = [len(one.events_at) for one in watchers]
    began = time.monotonic()
    first.kill9()
    for one, count in zip(watchers, known, strict=True):
        await one.until(lambda: one.connections > 1 and len(one.events_at) > count, what="resumed")  # noqa: B023
    recovered = time.monotonic() - began
    await stage.steady()
    writer.stop()
    await stage.settle(*watchers, writer=writer)
    verdicts = stage.judge(*watchers)
    for one in watchers:
        assert one.gaps == []
        readies = [frame for _, frame in one.frames if frame["type"] == "ready"]
        assert len({frame["session"] for frame in readies}) == 1, "the same session goes on"
        assert readies[-1]["resumed"]

    def closed() -> bool:
        call_command("janitor", verbosity=0)
        return DebugSession.objects.get(pk=str(orphan.session)).closed_at is not None

    took = await poll(closed, within=30 - recovered, what="the orphan's row is closed")
    live = DebugSession.objects.filter(pk__in=[one.session for one in watchers], closed_at=None)
    assert await sync_to_async(live.count)() == 2
    stage.row(
        "kill -9 one of two workers", expected="resume on the other, orphan closed <= 30 s",
        verdicts=verdicts, seen=f"orphan closed after {took + recovered:.0f} s",
        recovered=recovered,
    )  # fmt: skip


@pytest.mark.parametrize("server_name", ["uvicorn", "daphne"])
async def test_a_rolling_restart_under_traffic(
    stage: Stage, redis_server_factory: Factory, server_name: Server
) -> None:
    server = redis_server_factory()
    consoles = [await stage.console(server.url, server_name) for _ in range(2)]
    watchers = [await stage.watcher(*consoles) for _ in range(2)]
    watchers += [await stage.watcher(*reversed(consoles), user=stage.cast.alice) for _ in range(2)]
    writer = stage.writer(server.port).start()
    await stage.steady()
    slowest = 0.0
    for old in list(consoles):
        began = time.monotonic()
        await asyncio.to_thread(old.stop)
        slowest = max(slowest, time.monotonic() - began)
        fresh = await stage.console(server.url, server_name)
        for one in watchers:
            one.doors.append(
                await stage.door(fresh, stage.cast.dan if one in watchers[:2] else stage.cast.alice)
            )
        for one in watchers:
            await one.until(lambda: one.state in ("live", "history"), what="back")  # noqa: B023
    assert slowest <= 10
    await stage.steady()
    writer.stop()
    await stage.settle(writer=writer)
    verdicts = stage.judge()
    for one in watchers:
        assert one.gaps == []
        told = [closing for closing in one.closings if closing["code"] == 4012]
        assert told, "each session was told to come back"
        assert all(not closing["final"] for closing in told)
        assert len({f["session"] for _, f in one.frames if f["type"] == "ready"}) == 1
    stage.row(
        f"SIGTERM, rolling restart ({server_name})", expected="told, drained <= 10 s, no loss",
        verdicts=verdicts, seen=f"drained in {slowest:.2f} s",
    )  # fmt: skip


async def test_a_connection_whose_other_end_vanished(
    stage: Stage, redis_server_factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heartbeat is shortened to 1 s: what is proved is that it reaps, not how long 20 s are."""
    monkeypatch.setattr(
        console_fixture, "command",
        lambda _, port, workers: [
            sys.executable, "-m", "tests.faults.quick_pings", "--port", str(port)
        ],
    )  # fmt: skip
    server = redis_server_factory()
    console = await stage.console(server.url)
    proxy = await stage.proxy(console.port)
    watcher = await stage.watcher(console, through=proxy)
    writer = stage.writer(server.port).start(50)
    await stage.steady()
    proxy.hold()

    def reaped() -> bool:
        return DebugSession.objects.filter(pk=str(watcher.session), detached_at=None).count() == 0

    took = await poll(reaped, within=20, what="the server reaps the connection")
    proxy.release()
    proxy.reset()
    recovered = await stage.recovery(watcher)
    writer.stop()
    await stage.settle(writer=writer)
    verdicts = stage.judge()
    assert watcher.gaps == []
    stage.row(
        "half-open TCP", expected="reaped by heartbeat, resumed without loss", verdicts=verdicts,
        seen=f"reaped {took:.1f} s after a 1 s heartbeat", recovered=recovered,
    )  # fmt: skip


async def test_clocks_that_jump(stage: Stage, redis_server_factory: Factory) -> None:
    """The runner's clock an hour off either way, Redis' own four minutes ahead and back again."""
    server = redis_server_factory()
    console = await stage.console(server.url)
    watcher = await stage.watcher(console)
    writer = stage.writer(server.port)
    for shift in (3_600_000, -3_600_000, 0):
        writer.stamp = str(int(time.time() * 1000) + shift)
        await asyncio.to_thread(writer.write, 20)
    ahead = int(time.time() * 1000) + 4 * 60_000
    await asyncio.to_thread(writer.write, 3, ids=[f"{ahead}-{seq}" for seq in range(3)])
    await asyncio.to_thread(writer.write, 20)
    await stage.settle(writer=writer)
    verdicts = stage.judge()
    assert watcher.gaps == []
    assert watcher.state == "live"
    ready = next(frame for _, frame in watcher.frames if frame["type"] == "ready")
    status = [frame for _, frame in watcher.frames if frame["type"] == "status"][-1]
    assert 0 <= ready["ttl"] - status["ttl"] <= 60, "time left is counted by a clock of its own"
    ids = [item.id for item in watcher.shown]
    assert ids == sorted(ids, key=lambda id: tuple(map(int, id.split("-"))))
    stage.row("clock +-1 h", expected="ids monotonic, TTL right", verdicts=verdicts)


async def test_connections_lost_under_traffic_resume_by_cursor(
    stage: Stage, redis_server_factory: Factory
) -> None:
    server = redis_server_factory()
    first, second = await stage.console(server.url), await stage.console(server.url)
    watchers = [await stage.watcher(first, second) for _ in range(3)]
    picky = await stage.watcher(first, second, user=stage.cast.alice, filter={"q": "level:error"})
    writer = stage.writer(server.port).start(600)
    for round in range(8):
        await asyncio.sleep(0.15)
        for one in (*watchers, picky):
            if one.socket is not None:
                one.cut()
        await watchers[round % 3].until(lambda: watchers[round % 3].socket is not None)  # noqa: B023
    writer.stop()
    await stage.settle(*watchers, writer=writer)
    verdicts = stage.judge(*watchers)
    for one in (*watchers, picky):
        assert one.gaps == [], "a selective filter does not resume into a false gap either"
        assert one.connections > 3
    stage.row("lost connections, two processes", expected="no hole, no double", verdicts=verdicts)
