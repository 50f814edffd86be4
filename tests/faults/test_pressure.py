"""Rows of the fault plan in which somebody is too slow, too full or not allowed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from extdebug.runner.config import PublisherConfig
from extdebug.runner.context import RequestFlow
from extdebug.runner.publish.publisher import Publisher
from extdebug.wire.events import Level, Output
from policies.models import ExtensionDeveloper, Limits
from tests.faults.oracle import Written
from tests.faults.stage import Stage, memory
from tests.faults.writer import Writer
from tests.fixtures.console import Server
from tests.fixtures.redis import RedisServer

Factory = Callable[..., RedisServer]
FLOW = RequestFlow(tenant="acme", extension="invoice-sync", install="inst-acme", request="req-1")
KEY = "ext-debug:acme:invoice-sync"


class Runner(Writer):
    """A real publisher in the writer's place; what reached the stream is read from the stream."""

    def __init__(self, port: int, *, lane: int = 300, padding: int = 0) -> None:
        super().__init__(port, src="r", padding=padding)
        self._line = self._padding
        self._padding = ""
        self.publisher = Publisher(
            PublisherConfig(
                redis_url=f"redis://127.0.0.1:{port}/0",
                rate=0,
                lane_events=lane,
                maxlen=100_000,
                reply_timeout=30,
                mirror=False,
            )
        )

    def write(self, count: int = 1, *, ids: list[str] | None = None, level: str = "info") -> None:
        for _ in range(count):
            self._n += 1
            text = f"r {self._n}"
            fields = {"pad": self._line} if self._line else None
            self.publisher.emit(FLOW, Output.STDOUT, Level.INFO, text, fields=fields)

    def run(self, rate: float) -> Runner:
        self.start(rate)
        return self

    def find(self, client: Any) -> None:
        """Which numbers reached the stream, and as which entries."""
        lease = {}
        for id, fields in client.xrange(KEY):
            message = fields.get(b"message", b"").decode()
            if message.startswith("r ") and message[2:].isdigit():
                lease[int(message[2:])] = id.decode()
        self.written = [Written("r", n, lease.get(n)) for n in range(1, self._n + 1)]

    def close(self) -> None:
        self.publisher.close(timeout=1)
        super().close()


def runner(stage: Stage, port: int, **options: int) -> Runner:
    one = Runner(port, **options)
    stage.writers.append(one)
    return one


async def test_writes_are_paused_and_the_runner_overflows(
    stage: Stage, redis_server_factory: Factory
) -> None:
    server = redis_server_factory()
    console = await stage.console(server.url)
    watcher = await stage.watcher(console)
    writer = runner(stage, server.port).run(400)
    await stage.steady()
    with server.client() as client:
        client.execute_command("CLIENT", "PAUSE", 5000, "WRITE")
        await asyncio.sleep(5)
        recovered = await stage.recovery(watcher)
        await stage.steady(1)
        writer.stop()
        await asyncio.to_thread(writer.publisher.flush, 10)
        writer.find(client)
    await stage.settle(writer=writer)
    verdicts = stage.judge(reasons={"dropped": ["producer"]})
    assert verdicts[0].lost["producer"] > 100, "the queue holds 300, so this row loses some"
    assert verdicts[0].lost["producer"] == sum(writer.publisher.stats()["lost"].values())
    stage.row(
        "CLIENT PAUSE 5000 WRITE", expected="the runner counts its drops", verdicts=verdicts,
        recovered=recovered,
    )  # fmt: skip


async def test_redis_is_full_until_the_janitor_trims(
    stage: Stage, redis_server_factory: Factory
) -> None:
    server = redis_server_factory("--maxmemory", "4mb", "--maxmemory-policy", "noeviction")
    console = await stage.console(server.url)
    watcher = await stage.watcher(console)
    writer = runner(stage, server.port, padding=1000).run(600)
    with server.client() as client:
        deadline = time.monotonic() + 30
        while not writer.publisher.stats()["lost"]:
            assert time.monotonic() < deadline, writer.publisher.stats()
            await asyncio.sleep(0.05)
        await stage.steady(1)
        await asyncio.to_thread(writer.find, client)
        before = {one.n: one.id for one in writer.written if one.id is not None}
        client.xtrim(KEY, maxlen=200, approximate=False)
        recovered = await stage.recovery(watcher)
        await stage.steady(1)
        writer.stop()
        await asyncio.to_thread(writer.publisher.flush, 10)
        writer.find(client)
    writer.written = [Written("r", one.n, one.id or before.get(one.n)) for one in writer.written]
    await stage.settle(writer=writer)
    verdicts = stage.judge(
        reasons={"dropped": ["producer"], "written": ["retention", "not_consumed"]}
    )
    assert verdicts[0].lost["producer"] > 0
    stage.row(
        "OOM, then a trim", expected="drops counted, writes restored, producer gap",
        verdicts=verdicts, recovered=recovered,
    )  # fmt: skip


async def test_redis_sleeps_and_revocation_does_not(
    stage: Stage, redis_server_factory: Factory
) -> None:
    server = redis_server_factory()
    console = await stage.console(server.url)
    watcher = await stage.watcher(console)
    other = await stage.watcher(console, user=stage.cast.alice)
    writer = stage.writer(server.port)
    await asyncio.to_thread(writer.write, 5)
    await stage.settle(writer=writer)
    with server.client() as client:
        sleeping = asyncio.create_task(
            asyncio.to_thread(client.execute_command, "DEBUG", "SLEEP", "3")
        )
        await asyncio.sleep(0.2)
        pong = await watcher.pong()
        await sync_to_async(ExtensionDeveloper.objects.filter(user=stage.cast.dan).delete)()
        cut = await watcher.until(lambda: watcher.closings, what="cut")
        assert not sleeping.done(), "all of this while Redis slept"
        await sleeping
    assert pong < 1
    assert cut < 2
    assert watcher.closings[0]["code"] == 4409
    await asyncio.to_thread(writer.write, 5)
    await stage.settle(other, writer=writer)
    verdicts = stage.judge(other)
    assert other.gaps == []
    stage.row(
        "DEBUG SLEEP 3", expected="ping and revocation still <= 1 s", verdicts=verdicts,
        seen=f"pong {pong * 1000:.0f} ms, revoked {cut:.2f} s",
    )  # fmt: skip


async def test_a_stream_that_the_console_may_no_longer_read(
    stage: Stage, redis_server_factory: Factory
) -> None:
    server = redis_server_factory()
    with server.client() as client:
        client.acl_setuser(
            "console", enabled=True, passwords=["+pw"], keys=["*"], channels=["*"],
            categories=["+@all"],
        )  # fmt: skip
        url = server.url.replace("redis://", "redis://console:pw@")
        console = await stage.console(url)
        watcher = await stage.watcher(console)
        other = await stage.watcher(
            console, user=stage.cast.greta, target=("globex", "invoice-sync")
        )
        ours = stage.writer(server.port)
        theirs = stage.writer(server.port, src="g", tenant="globex", install="inst-globex").start(
            100
        )
        await asyncio.to_thread(ours.write, 3)
        await stage.settle(watcher, writer=ours)
        client.acl_setuser("console", reset_keys=True, keys=["ext-debug:globex:*", "ext-debug-l*"])
        await watcher.until(lambda: watcher.state == "degraded", what="stated")
        assert "NOPERM" in watcher.message or "permission" in watcher.message.lower()
        connections = client.info("stats")["total_connections_received"]
        await stage.steady(3)
        made = client.info("stats")["total_connections_received"] - connections
        assert made <= 5, "a storm of reconnects"
        client.acl_setuser("console", keys=["*"])
        await asyncio.to_thread(ours.write, 3)
        recovered = await stage.recovery(watcher, within=15)
    theirs.stop()
    await stage.settle(watcher, writer=ours)
    await stage.settle(other, writer=theirs)
    verdicts = [
        *stage.judge(watcher, writers=[ours]),
        *stage.judge(other, writers=[theirs]),
    ]
    assert other.gaps == watcher.gaps == []
    stage.row(
        "ACL denial", expected="stated, no storm, other tenants unaffected", verdicts=verdicts,
        seen=f"{made} connections in 3 s", recovered=recovered,
    )  # fmt: skip


@pytest.mark.parametrize("server_name", ["uvicorn", "daphne"])
async def test_a_watcher_who_stops_reading(
    stage: Stage, redis_server_factory: Factory, server_name: Server
) -> None:
    server = redis_server_factory()
    limits = {"sessions_per_user": 8}  # of so many the noise of the process' own memory is small
    await Limits.objects.aupdate_or_create(tenant=None, extension=None, defaults=limits)
    console = await stage.console(server.url, server_name)
    healthy = await stage.watcher(console, user=stage.cast.alice)
    writer = stage.writer(server.port, padding=1000)

    async def flood() -> list[float]:
        """3 MiB in about 3 s; how long each ping of the healthy one took meanwhile."""
        writer.start(1000, batch=10)
        first = writer.last
        pings = []
        while writer.last < first + 3000:
            pings.append(await healthy.pong())
            await asyncio.sleep(0.1)
        writer.stop()
        await stage.settle(healthy, writer=writer)
        return pings

    await flood()  # what the process needs for the traffic itself
    stalled = [await stage.watcher(console, buffer=4096) for _ in range(8)]
    alone = await flood()
    for one in stalled:
        one.stall()
    await asyncio.sleep(0.2)
    before = memory(console.process.pid)
    crowded = await flood()
    each = (memory(console.process.pid) - before) / len(stalled)
    assert each < 1024 * 1024
    for one in stalled:
        one.go_on()
    await stage.settle(*stalled, writer=writer, within=30)
    await asyncio.to_thread(writer.write, 3)
    await stage.settle(writer=writer)
    first = {writer.src: writer.written[-1].n - 6002}
    verdicts = stage.judge(reasons=["not_consumed"], first=first)
    assert all(any(gap.reason == "not_consumed" for gap in one.gaps) for one in stalled)
    assert not healthy.gaps
    stage.row(
        f"zero window ({server_name})", expected="<= window, +< 1 MiB, not_consumed",
        verdicts=verdicts,
        seen=f"{each / 1024:.0f} KiB each; ping {max(alone) * 1000:.0f}"
        f" -> {max(crowded) * 1000:.0f} ms",
    )  # fmt: skip


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_who_acknowledges_slowly_holds_nobody_up_and_loses_nothing(
    stage: Stage, redis_server_factory: Factory, *, elsewhere: bool
) -> None:
    """Of 1.2 MB a second it takes half. Others are told each line as it comes, though they share
    its process, whether they stayed or come from another in the middle of it."""
    server = redis_server_factory()
    console = await stage.console(server.url)
    healthy = await stage.watcher(console, user=stage.cast.alice)
    moving = await stage.watcher(await stage.console(server.url), console, user=stage.cast.olivia)
    slow = await stage.watcher(console, acks=False)
    writer = stage.writer(server.port, padding=1000)

    async def acknowledge(pause: float) -> None:
        while True:
            await asyncio.sleep(pause)
            await slow.acknowledge()

    slowly = asyncio.create_task(acknowledge(0.4))
    writer.start(1200, batch=12)
    await stage.steady(3)
    if elsewhere:
        moving.leave()
        moving.come_back()
    await stage.steady(3)
    writer.stop()
    await stage.settle(healthy, moving, writer=writer)
    behind = writer.last - max(item.n for item in slow.shown)
    slowly.cancel()
    quickly = asyncio.create_task(acknowledge(0.02))
    await stage.settle(writer=writer, within=30)
    quickly.cancel()
    verdicts = stage.judge()
    assert healthy.gaps == moving.gaps == slow.gaps == []
    assert behind > 2000, "it would be 750 at the most, if others had waited for it"
    stage.row(
        "slow acknowledgements" + (", others come back" if elsewhere else ""),
        expected="others unaffected, nothing lost", verdicts=verdicts,
        seen=f"{behind} lines behind",
    )  # fmt: skip
