"""One link to Redis: raw replies, errors as they are, and no late reply for the next question."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Connection
from redis.exceptions import ResponseError

from extdebug.streams.connection import LOST, Link, pack
from extdebug.wire.redis_address import RedisAddress
from tests.fixtures.programs import free_port, wait_until
from tests.fixtures.redis import RedisServer


@pytest.fixture
async def link(redis_server: RedisServer) -> AsyncIterator[Link]:
    link = Link(redis_server.url)
    yield link
    await link.close()


async def test_it_connects_with_the_first_question(link: Link) -> None:
    assert not link.connected
    assert await link.call("SET", "a", 1) == b"OK"
    assert link.connected
    assert await link.call("GET", "a") == b"1"


async def test_a_cancellation_in_the_moment_it_connects_is_one() -> None:
    """Lost, it would leave a session without a client: nobody cancels it a second time."""
    connected = asyncio.Event()

    class Slow(Connection):
        async def connect(self) -> None:
            await connected.wait()

    async def make(address: RedisAddress, **defaults: Any) -> Slow:
        return Slow(**defaults)

    link = Link("redis://127.0.0.1:1/0", make=make)
    asking = asyncio.create_task(link.call("PING"))
    await asyncio.sleep(0)
    connected.set()
    await asyncio.sleep(0)  # it is connected, and who asked does not know it yet
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not link.connected


async def test_an_error_of_redis_is_raised_and_the_link_stays(link: Link) -> None:
    await link.call("SET", "a", "text")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await link.call("XLEN", "a")
    assert link.connected
    assert await link.call("GET", "a") == b"text"


async def test_in_a_batch_and_in_a_transaction_an_error_is_one_of_the_replies(link: Link) -> None:
    commands = [("SET", "a", "1"), ("XLEN", "a"), ("GET", "a")]
    for replies in (await link.batch(commands), await link.atomic(*commands)):
        assert (replies[0], replies[2]) == (b"OK", b"1")
        assert isinstance(replies[1], ResponseError)
    assert await link.batch([]) == []


async def test_what_was_packed_once_is_sent_as_often_as_one_likes(link: Link) -> None:
    read, write = pack(("GET", "ä")), pack(("SET", b"\xc3\xa4", 7))
    assert await link.ask_each([write, read, read]) == [b"OK", b"7", b"7"]
    assert await link.ask(read) == b"7"
    with pytest.raises(ResponseError, match="unknown command"):
        await link.ask(pack(("NO",)))


async def test_a_refused_transaction_says_why(link: Link) -> None:
    with pytest.raises(ResponseError, match="wrong number of arguments"):
        await link.atomic(("GET",), ("SET", "a", "1"))
    assert await link.call("EXISTS", "a") == 0


async def test_without_memory_for_a_transaction_the_reads_come_one_by_one(link: Link) -> None:
    await link.call("XADD", "s", "1-1", "a", "b")
    await link.call("CONFIG", "SET", "maxmemory", "1")

    length, groups = await link.together(("XLEN", "s"), ("XINFO", "GROUPS", "s"))

    assert (length, groups) == (1, [])


async def test_a_late_reply_never_answers_the_next_question(
    link: Link, redis_server: RedisServer
) -> None:
    await link.call("SET", "a", "old")
    with redis_server.paused():
        with pytest.raises(LOST):
            await link.call("GET", "a", timeout=0.1)
        assert not link.connected

    assert await link.call("ECHO", "new") == b"new"


async def test_a_cancelled_question_closes_the_link(link: Link, redis_server: RedisServer) -> None:
    await link.call("PING")
    asked = asyncio.create_task(link.call("BLPOP", "nothing", 2))
    with redis_server.client() as client:
        blocked = lambda: client.info("clients")["blocked_clients"]  # noqa: E731
        await asyncio.to_thread(wait_until, blocked, what="the question waits")
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked

    assert not link.connected
    assert await link.call("ECHO", "new") == b"new"


async def test_a_server_that_went_is_a_lost_link_and_one_that_is_back_is_found(
    link: Link, redis_server: RedisServer
) -> None:
    await link.call("PING")
    redis_server.kill9()
    with pytest.raises(LOST):
        await link.call("PING")
    with pytest.raises(LOST):
        await link.call("PING")
    redis_server.start()
    assert await link.call("PING") == b"PONG"


async def test_nobody_there_is_a_lost_link() -> None:
    nobody = Link(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(LOST):
        await nobody.call("PING")
    assert not nobody.connected
