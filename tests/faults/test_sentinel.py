"""The master dies under traffic, three Sentinels choose its replica, and everybody finds it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from channels.layers import BaseChannelLayer
from redis.exceptions import RedisError

from config.channel_layer import channel_layer
from config.patient_layer import PatientLayer
from tests.faults.numbered_guest import Guest, written
from tests.faults.oracle import judge
from tests.faults.stage import LONG, Stage, poll
from tests.fixtures.certificates import Certificates
from tests.fixtures.console import Console
from tests.fixtures.redis import RedisServer, connect
from tests.fixtures.sentinels import Sentinels

pytestmark = pytest.mark.redis

PASSWORD = "for whoever connects from now on"


@pytest.mark.parametrize(
    "dies", [True, False] if LONG else [True], ids=["killed", "frozen"][: 1 + LONG]
)
async def test_the_master_dies_and_all_follow_the_sentinels(
    stage: Stage,
    sentinels: Callable[..., Sentinels],
    certificates: Certificates,
    tmp_path: Path,
    dies: bool,
) -> None:
    """A frozen one wakes when another is master, and answers: nobody may stay with it."""
    watch = await asyncio.to_thread(sentinels)
    address = watch.url.partition("?")[0]
    files = {
        "REDIS_TLS_CA_PATH": str(certificates.ca),
        "REDIS_TLS_CERT_PATH": str(certificates.certificate),
        "REDIS_TLS_KEY_PATH": str(certificates.key),
    }
    runner = {f"RUNNER_DEBUG_{name}": path for name, path in files.items()}
    console = await stage.console(address, **files)
    layer = PatientLayer(**channel_layer(watch.url, prefix="ext-debug-layer")["CONFIG"])
    channel = await _subscribed(layer)
    watcher = await stage.watcher(console)
    guest = Guest(tmp_path)
    try:
        more = {"RUNNER_DEBUG_REDIS_URL": address, "RUNNER_DEBUG_REDIS_TIMEOUT": "3"}
        await guest.start({**more, **runner})
        await watcher.until(lambda: len(watcher.shown) > 100, what="traffic")
        old = watch.master()
        await _write_what_nobody_else_has(old, console)
        began = time.monotonic()
        old.kill9() if dies else old.pause()
        console.process.send_signal(signal.SIGCONT)
        await poll(lambda: watch.master() is not old, within=20, what="another master")
        named = time.monotonic() - began
        recovered = named + await stage.recovery(watcher)
        if not dies:
            old.resume()
            with connect(old.port, password=PASSWORD) as client:
                client.config_set("requirepass", "")  # Sentinels, which come back, know none
            await stage.steady()
        await _hears(layer, channel, within=5 if dies else 60)
        await stage.steady()
        count = await guest.stop()
    finally:
        guest.close()
        await _close(layer)
    await watcher.until(lambda: watcher.shown[-1].n == count, what="the last line")
    assert recovered < named + (4 if dies else 8)
    assert [gap.reason for gap in watcher.gaps].count("failover") == 1
    verdict = judge(
        watcher.log,
        written(watch.master(), count),
        reasons={"written": ["failover"], "dropped": ["failover", "producer"]},
        first={"guest": watcher.shown[0].n},
    )
    verdict.wrong += watcher.wrong
    assert not verdict.wrong, (verdict.wrong[:10], watcher.gaps)
    assert verdict.doubled == 0
    assert verdict.lost["failover"] > 20, "nothing was lost: this proved nothing"
    stage.row(
        f"the master {'dies' if dies else 'freezes'}, Sentinels choose its replica (TLS)",
        expected="found by console and runner, loss stated", verdicts=[verdict],
        seen=f"chosen after {named:.2f} s, {count} written", recovered=recovered,
    )  # fmt: skip


async def _write_what_nobody_else_has(master: RedisServer, console: Console) -> None:
    """For a moment the master acknowledges lines that neither the replica nor the console gets:
    the replica's connection is cut, and none may begin another; the console's process stands, but
    not before it has read what the replica lacks: else some lines may be of either master."""
    with master.client() as client:
        client.config_set("requirepass", PASSWORD)
        client.client_kill_filter(_type="replica")
    console.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(0.3)


async def _subscribed(layer: BaseChannelLayer) -> str:
    channel: str = await layer.new_channel()
    await layer.group_add("ext-debug.cuts", channel)
    return channel


async def _hears(layer: BaseChannelLayer, channel: str, *, within: float) -> None:
    """Hints reach whoever subscribed before the failover; from a master that was frozen, when a
    Sentinel has made it a replica and cut its clients (until then sessions are polled for)."""
    async with asyncio.timeout(within):
        heard = asyncio.create_task(layer.receive(channel))
        while not heard.done():
            with contextlib.suppress(RedisError):
                await layer.group_send("ext-debug.cuts", {"type": "cut.hint"})
            await asyncio.wait({heard}, timeout=0.1)
        assert (await heard)["type"] == "cut.hint"


async def _close(layer: PatientLayer) -> None:
    """And the connections to Sentinels, which the layer leaves to the end of its process."""
    for shard in layer._shards:
        await shard._redis.connection_pool.sentinel_manager.aclose()
    with contextlib.suppress(RedisError):  # TLS waits for the answer of a server that is gone
        await layer.flush()
