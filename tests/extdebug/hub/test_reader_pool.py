"""A few connections, used by one at a time, and only where somebody reads."""

from __future__ import annotations

import asyncio

import pytest

from extdebug.hub.reader_pool import READERS, ReaderPool
from tests.fixtures.redis import RedisServer

pytestmark = pytest.mark.redis


async def test_one_more_waits_for_its_turn(redis_server: RedisServer) -> None:
    pool = ReaderPool(redis_server.url)
    left, inside = asyncio.Event(), 0

    async def use() -> None:
        nonlocal inside
        async with pool.reader() as link:
            assert await link.call("PING") == b"PONG"
            inside += 1
            await left.wait()

    tasks = [asyncio.create_task(use()) for _ in range(READERS + 1)]
    async with asyncio.timeout(5):
        while inside < READERS:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.01)
        assert (pool.idle, inside) == (0, READERS)
        left.set()
        await asyncio.gather(*tasks)
    assert (pool.idle, inside) == (READERS, READERS + 1)
    await pool.close()
    assert not any(link.connected for link in pool.links)


async def test_nothing_connects_before_it_is_used(redis_server: RedisServer) -> None:
    pool = ReaderPool(redis_server.url)
    async with pool.reader() as link:
        await link.call("PING")
    assert sum(link.connected for link in pool.links) == 1
    await pool.close()
