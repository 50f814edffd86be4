"""A cluster under traffic: slots that move to other nodes, and a node that dies."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from channels.layers import BaseChannelLayer
from redis.exceptions import RedisError

from config.channel_layer import channel_layer
from config.patient_layer import PatientLayer
from extdebug.wire.keys import Keys, Target
from tests.faults.numbered_guest import Guest, written
from tests.faults.oracle import Verdict, judge
from tests.faults.stage import LONG, Stage, poll
from tests.faults.watcher import Watcher
from tests.fixtures.console import Console
from tests.fixtures.redis import RedisServer
from tests.fixtures.redis_cluster import Cluster

pytestmark = pytest.mark.redis

KEYS = Keys("ext-debug:", bucketed=True)
TARGET = Target("acme", "invoice-sync")
BUCKET = KEYS.bucket(TARGET) or 0
MOVES = 12 if LONG else 3
PASSWORD = "for whoever connects from now on"


async def test_a_slot_moves_and_nobody_is_told_of_a_loss(
    stage: Stage, cluster_factory: Callable[..., Cluster], tmp_path: Path
) -> None:
    """Back to where it was, too. Some stay, two come back on the other process with the place that
    they had before, as the same session and as a new one; one comes later, and reads the past."""
    cluster = await asyncio.to_thread(cluster_factory)
    consoles = [await stage.console(cluster.url) for _ in range(2)]
    guest = Guest(tmp_path)
    longest = 0.0
    try:
        await guest.start({"RUNNER_DEBUG_REDIS_URL": cluster.url})
        stays = [await stage.watcher(console) for console in consoles]
        returns = await stage.watcher(*consoles)
        stranger = await stage.watcher(*consoles, resume=False)
        await returns.until(lambda: len(returns.shown) > 50, what="traffic")
        for number in range(MOVES):
            owner = await asyncio.to_thread(cluster.owner, BUCKET)
            others = [one for one in cluster.masters if one is not owner]
            heir = others[number % 2]
            await asyncio.to_thread(cluster.begin_move, BUCKET, heir)
            await stage.steady(0.3)
            for one in (returns, stranger):
                one.leave()
            began = time.monotonic()
            assert await asyncio.to_thread(cluster.move_keys, BUCKET, heir) == 1
            await stage.steady(0.2 * number)
            await asyncio.to_thread(cluster.end_move, BUCKET, heir)
            moved = time.monotonic() - began
            for one in (returns, stranger):
                one.come_back()
            for one in (*stays, returns, stranger):
                longest = max(longest, await stage.recovery(one))
            await stage.steady(moved)
        late = await stage.watcher(*consoles, start={"tail": 500})
        count = await guest.stop()
    finally:
        guest.close()
    watchers = [*stays, returns, stranger, late]
    verdicts = await _judged(cluster, watchers, count)
    assert not any(watcher.gaps for watcher in watchers), [one.gaps for one in watchers]
    assert not any(verdict.lost for verdict in verdicts)
    assert longest < 3
    stage.row(
        f"a slot moves to another node, {MOVES} times", expected="nothing", verdicts=verdicts,
        recovered=longest,
    )  # fmt: skip


async def test_a_node_dies_and_its_replica_is_followed(
    stage: Stage, cluster_factory: Callable[..., Cluster], tmp_path: Path
) -> None:
    cluster = await asyncio.to_thread(cluster_factory, replicas=True)
    consoles = [await stage.console(cluster.url) for _ in range(2)]
    owner = await asyncio.to_thread(cluster.owner, BUCKET)
    settings = channel_layer(cluster.url, prefix="ext-debug-layer")["CONFIG"]
    known = [("127.0.0.1", owner.port)]  # at first the node that dies alone
    (host,) = settings["hosts"]
    layer = PatientLayer(**{**settings, "hosts": [{**host, "nodes": known}]})
    channel = await _subscribed(layer)
    known += host["nodes"]
    guest = Guest(tmp_path)
    try:
        more = {"RUNNER_DEBUG_REDIS_URL": cluster.url, "RUNNER_DEBUG_REDIS_TIMEOUT": "3"}
        await guest.start(more)
        stays = [await stage.watcher(console) for console in consoles]
        returns = await stage.watcher(*consoles)
        await returns.until(lambda: len(returns.shown) > 100, what="traffic")
        returns.leave()
        await _write_what_nobody_else_has(owner, consoles)
        began = time.monotonic()
        owner.kill9()
        for console in consoles:
            console.process.send_signal(signal.SIGCONT)
        await poll(lambda: cluster.owner(BUCKET) is not owner, within=20, what="another owner")
        named = time.monotonic() - began
        returns.come_back()
        for one in (*stays, returns):
            await stage.recovery(one)
        recovered = time.monotonic() - began
        await _hears(layer, channel, within=5)
        await stage.steady()
        count = await guest.stop()
    finally:
        guest.close()
        with contextlib.suppress(RedisError):
            await layer.flush()
    watchers = [*stays, returns]
    # Who comes back is told by its number what the other process had read of the node that died and
    # the replica lacks, right before the gap between the two.
    verdicts = await _judged(
        cluster, watchers, count,
        reasons={"written": ["failover"], "dropped": ["failover", "producer"]},
    )  # fmt: skip
    for watcher in watchers:
        between = [gap for gap in watcher.gaps if gap.reason == "failover" and gap.missed is None]
        assert len(between) == 1, watcher.gaps
    assert recovered < named + 4
    assert min(verdict.lost["failover"] for verdict in verdicts) > 20, "this proved nothing"
    stage.row(
        "a node of a cluster dies, its replica takes its place",
        expected="found by console and runner, loss stated", verdicts=verdicts,
        seen=f"chosen after {named:.2f} s, {count} written", recovered=recovered,
    )  # fmt: skip


async def _judged(
    cluster: Cluster, watchers: Sequence[Watcher], count: int, *,
    reasons: dict[str, list[str]] | tuple[()] = (),
) -> list[Verdict]:  # fmt: skip
    owner = await asyncio.to_thread(cluster.owner, BUCKET)
    lines = written(owner, count, key=KEYS.of(TARGET))
    verdicts = []
    for watcher in watchers:
        await watcher.until(lambda: watcher.shown[-1].n == count, what="the last line")  # noqa: B023
        first = {"guest": watcher.shown[0].n}
        verdict = judge(watcher.log, lines, reasons=reasons, first=first)
        verdict.wrong += watcher.wrong
        assert not verdict.wrong, (verdict.wrong[:10], watcher.gaps)
        assert verdict.doubled == 0
        verdicts.append(verdict)
    return verdicts


async def _write_what_nobody_else_has(owner: RedisServer, consoles: Sequence[Console]) -> None:
    """For a moment the node acknowledges lines that neither its replica nor a console gets: the
    replica's connection is cut, and none may begin another; the consoles' processes stand, but not
    before they have read what the replica lacks: else some lines may be of either node."""
    with owner.client() as client:
        client.config_set("requirepass", PASSWORD)
        client.client_kill_filter(_type="replica")
    for console in consoles:
        console.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(0.3)


async def _subscribed(layer: BaseChannelLayer) -> str:
    channel: str = await layer.new_channel()
    await layer.group_add("ext-debug.cuts", channel)
    return channel


async def _hears(layer: BaseChannelLayer, channel: str, *, within: float) -> None:
    """Hints reach whoever subscribed before the node died."""
    async with asyncio.timeout(within):
        heard = asyncio.create_task(layer.receive(channel))
        while not heard.done():
            with contextlib.suppress(RedisError):
                await layer.group_send("ext-debug.cuts", {"type": "cut.hint"})
            await asyncio.wait({heard}, timeout=0.1)
        assert (await heard)["type"] == "cut.hint"
