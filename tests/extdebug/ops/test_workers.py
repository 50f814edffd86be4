"""Several processes on one port: all serve, a lost one is replaced, one answer tells of all."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
from asgiref.sync import sync_to_async
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import ConnectionClosed

from extdebug.demo.sample import Cast
from policies.models import Limits
from tests.extdebug.test_live import KEY, entry, receive, watching
from tests.fixtures.console import Console, gone
from tests.fixtures.programs import wait_until
from tests.fixtures.redis import RedisServer

TOKEN = "a-metrics-token-of-the-tests-0123456789"
MOST = 24  # sessions until both workers have one: that one has none by then is 1 in 8 million


def sessions(console: Console) -> dict[str, float]:
    """Sessions by worker, as any of the workers says it."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    text = httpx.get(f"{console.url}/metrics", headers=headers, timeout=10).text
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "ext_debug_sessions":
                worker = sample.labels["worker"]
                found[worker] = found.get(worker, 0) + sample.value
    return found


async def served_by_two(console: Console) -> None:
    await asyncio.to_thread(
        wait_until, lambda: console.serves_with(2), seconds=30, what="two workers"
    )


async def ended(socket: Any) -> int:
    """The code with which the server closed."""
    try:
        while True:
            await socket.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006


async def test_two_workers_serve_one_port_and_a_lost_one_is_replaced(
    live_console: Callable[..., Console], redis_server: RedisServer, cast: Cast
) -> None:
    await Limits.objects.acreate(sessions_per_user=MOST, openings_per_minute=MOST)
    console = await sync_to_async(live_console)(
        redis_url=redis_server.url, workers=2, METRICS_TOKEN=TOKEN
    )
    await asyncio.to_thread(
        wait_until, lambda: console.serves_with(2), seconds=30, what="two workers"
    )
    async with AsyncExitStack() as stack:
        sockets: list[Any] = []
        found: dict[str, float] = {}
        while len(sockets) < MOST:
            sockets.append(await stack.enter_async_context(watching(console, cast.dan)))
            await receive(sockets[-1], "ready", within=15)
            found = await asyncio.to_thread(sessions, console)
            if len(sockets) >= 2 and len(found) == 2:
                break
        assert found.keys() == {"0", "1"}
        assert sum(found.values()) == len(sockets)
        with redis_server.client() as redis:
            redis.xadd(KEY, entry("for all of them"))
        for socket in sockets:
            said = await receive(socket, "events", within=15)
            assert [event["message"] for event in said["events"]] == ["for all of them"]

        ends = [asyncio.create_task(ended(socket)) for socket in sockets]
        before = console.workers
        assert len(before) == 2
        os.kill(min(before), signal.SIGKILL)
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.to_thread(
            wait_until, lambda: console.serves_with(2), seconds=30, what="two again"
        )
        assert len(console.workers & before) == 1
        lost = [task.result() for task in ends if task.done()]
        assert lost == [1006] * len(lost)
        assert 0 < len(lost) < len(ends), "the other worker's watchers stay"

        # One after the other is replaced, and tells its watchers to come back.
        old = console.workers
        console.process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(90):
            assert set(await asyncio.gather(*ends)) == {1006, 4012}
        await asyncio.to_thread(wait_until, lambda: gone(old), seconds=30, what="two new ones")
        assert console.serves_with(2)
    new = console.workers
    assert await asyncio.to_thread(console.stop) == 0
    assert gone(new)


def test_workers_do_not_outlive_their_supervisor(live_console: Callable[..., Console]):
    console = live_console(workers=2)
    workers = console.workers
    assert len(workers) == 2
    console.kill9()
    wait_until(lambda: gone(workers), seconds=30, what="the workers end")
