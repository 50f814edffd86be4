"""A blocking read is ended at once, and one that the server holds back is left alone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis.exceptions import ResponseError

from extdebug.hub.waking import unblock
from extdebug.streams.connection import Link
from tests.extdebug.hub.test_hub import until
from tests.fixtures.redis import RedisServer

KEY = b"ext-debug:acme:a"
READ = ("XREADGROUP", "GROUP", "g", "c", "BLOCK", 20_000, "NOACK", "STREAMS", KEY, ">")


class Pair:
    """A connection that reads, and the one that wakes it."""

    def __init__(self, url: str) -> None:
        self.reader, self.control = Link(url), Link(url)
        self.id = b""

    async def begin(self) -> asyncio.Task[object]:
        self.id = b"%d" % await self.reader.call("CLIENT", "ID")
        return asyncio.create_task(self.reader.call(*READ, timeout=25))


@pytest_asyncio.fixture
async def pair(redis_server: RedisServer) -> AsyncIterator[Pair]:
    one = Pair(redis_server.url)
    await one.control.call("XADD", KEY, "1-0", "a", "b")
    await one.control.call("XGROUP", "CREATE", KEY, "g", "$")
    yield one
    await one.reader.close()
    await one.control.close()


def blocked(server: RedisServer) -> bool:
    with contextlib.closing(server.client()) as client:
        return int(client.info("clients")["blocked_clients"]) == 1


async def test_a_read_that_blocks_ends_and_nothing_is_changed(
    pair: Pair, redis_server: RedisServer
) -> None:
    read = await pair.begin()
    await until(lambda: blocked(redis_server))
    await unblock(pair.control, pair.id, key=KEY)
    async with asyncio.timeout(2):
        assert await read is None
    with contextlib.closing(redis_server.client()) as client:
        assert len(client.xinfo_groups(KEY.decode())) == 1
        assert client.xlen(KEY.decode()) == 1


async def test_a_read_that_is_held_back_with_all_writes_does_not_end_the_server(
    pair: Pair, redis_server: RedisServer
) -> None:
    with contextlib.closing(redis_server.client()) as client:
        client.execute_command("CLIENT", "PAUSE", 600, "WRITE")
        read = await pair.begin()
        await asyncio.sleep(0.1)  # it is held back, which no count tells
        for _ in range(3):
            await unblock(pair.control, pair.id, key=KEY)
            await asyncio.sleep(0.02)
        async with asyncio.timeout(2):
            assert await read is None
        assert client.ping()
        assert client.xlen(KEY.decode()) == 1


async def test_a_stream_that_is_not_there_is_key_enough(
    pair: Pair, redis_server: RedisServer
) -> None:
    read = await pair.begin()
    await until(lambda: blocked(redis_server))
    await unblock(pair.control, pair.id, key=b"ext-debug:acme:none")
    async with asyncio.timeout(2):
        assert await read is None


async def test_a_refusal_is_raised(pair: Pair, redis_server: RedisServer) -> None:
    with contextlib.closing(redis_server.client()) as client:
        client.execute_command("ACL", "SETUSER", "default", "-client|unblock")
    with pytest.raises(ResponseError, match="no permissions"):
        await unblock(pair.control, b"1", key=KEY)
