"""One link to Redis: raw replies, errors as they are, and no late reply for the next question."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from redis.asyncio import Connection
from redis.exceptions import AskError, MovedError, ResponseError

from extdebug.streams.connection import LOST, Link, pack
from extdebug.wire.keys import Keys
from extdebug.wire.redis_address import RedisAddress
from extdebug.wire.redis_causes import SlotAway
from tests.fixtures.programs import free_port, wait_until
from tests.fixtures.redis import RedisServer
from tests.fixtures.redis_cluster import Cluster


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


async def test_a_reply_that_waits_while_we_are_busy_is_no_lost_link(link: Link) -> None:
    """As when one session's regex takes half a second on a machine that others use as well."""
    await link.call("PING")
    asked = asyncio.create_task(link.call("ECHO", "there", timeout=0.4))
    await asyncio.sleep(0.01)
    asked_again = asyncio.create_task(link.call("ECHO", "again", timeout=0.4))
    await asyncio.sleep(0)
    time.sleep(0.8)  # noqa: ASYNC251 - it is what this is about

    assert await asked == b"there"
    assert await asked_again == b"again"
    assert link.connected


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


# --- on a cluster

BUCKET = 7
PROBE = Keys("p:", bucketed=True).probe(BUCKET)


@pytest.fixture
def cluster(cluster_factory: Callable[..., Cluster]) -> Cluster:
    return cluster_factory()


@pytest.mark.redis
async def test_a_slot_that_moved_is_followed_and_who_gave_it_is_known(cluster: Cluster) -> None:
    link, other = Link(cluster.url, bucket=BUCKET), Link(cluster.url, bucket=BUCKET)
    owner = cluster.owner(BUCKET)
    heir = next(one for one in cluster.masters if one is not owner)
    await link.call("SET", PROBE, "kept")
    assert await other.call("GET", PROBE) == b"kept"
    assert (link.place, await link.node_id()) == (("127.0.0.1", owner.port), cluster.id(owner))
    cluster.begin_move(BUCKET, heir)
    assert await link.call("GET", PROBE) == b"kept", "nothing of it moved yet"
    assert cluster.move_keys(BUCKET, heir) == 1
    for _ in range(2):
        with pytest.raises(AskError):
            await link.call("GET", PROBE)
        with pytest.raises(AskError):
            await link.together(("GET", PROBE), ("GET", PROBE))
    assert link.connected, "an answer to one command"
    cluster.end_move(BUCKET, heir)
    with pytest.raises(SlotAway) as moved:
        await link.together(("GET", PROBE), ("GET", PROBE))
    assert moved.value.heir == cluster.id(heir)
    assert isinstance(moved.value, LOST)
    assert await link.call("GET", PROBE) == b"kept"
    assert link.place == ("127.0.0.1", heir.port)
    await other.follow(link)
    assert await other.call("GET", PROBE) == b"kept"
    assert other.place == link.place
    await link.close()
    await other.close()


@pytest.mark.redis
async def test_one_that_took_the_place_of_the_heir_is_not_believed(cluster: Cluster) -> None:
    """The slot was on its way to a second node, and a third has it."""
    link = Link(cluster.url, bucket=BUCKET)
    owner = cluster.owner(BUCKET)
    second, third = (one for one in cluster.masters if one is not owner)
    await link.call("SET", PROBE, "kept")
    cluster.begin_move(BUCKET, second)
    cluster.move_keys(BUCKET, second)
    with pytest.raises(AskError):
        await link.call("GET", PROBE)
    cluster.end_move(BUCKET, third)
    with pytest.raises(SlotAway) as moved:
        await link.call("GET", PROBE)
    assert moved.value.heir == ""
    await link.close()


@pytest.mark.redis
async def test_a_cluster_that_is_down_ends_the_call_and_the_next_asks_anew(
    cluster: Cluster,
) -> None:
    link = Link(cluster.url, bucket=BUCKET)
    owner = cluster.owner(BUCKET)
    await link.call("SET", PROBE, "kept")
    victim = next(one for one in cluster.masters if one is not owner)
    victim.kill9()  # without a replica: no cluster any more
    async with asyncio.timeout(10):
        with pytest.raises(SlotAway, match="cluster is down") as down:
            await _ask_for_ever(link)
    assert (down.value.place, down.value.heir, link.connected) == (None, "", False)
    victim.start()
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(SlotAway):
                assert await link.call("GET", PROBE) == b"kept"
                break
            await asyncio.sleep(0.05)
    await link.close()


async def _ask_for_ever(link: Link) -> None:
    while await link.call("GET", PROBE):  # noqa: ASYNC110 - until it raises
        await asyncio.sleep(0.05)


@pytest.mark.redis
async def test_a_node_named_as_a_plain_server_keeps_its_answer(cluster: Cluster) -> None:
    wrong = next(one for one in cluster.masters if one is not cluster.owner(BUCKET))
    link = Link(wrong.url)
    with pytest.raises(MovedError):
        await link.call("GET", PROBE)
    assert link.connected
    await link.close()


class Pieces:
    """A server that answers anything with these bytes, a piece at a time."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        for piece in self._pieces:
            writer.write(piece)
            await asyncio.sleep(0.01)
        await reader.read()
        writer.close()


@contextlib.asynccontextmanager
async def answering(*pieces: bytes) -> AsyncIterator[Link]:
    port = free_port()
    server = await asyncio.start_server(Pieces(*pieces), "127.0.0.1", port)

    async def make(address: RedisAddress, **defaults: Any) -> Connection:
        options: dict[str, Any] = {"driver_info": None, "protocol": 2}
        return Connection(host="127.0.0.1", port=port, **options)

    link = Link(f"redis://127.0.0.1:{port}/0", make=make)
    try:
        yield link
    finally:
        await link.close()
        await asyncio.sleep(0.02)  # it sees that nobody is there any more
        server.close()


@pytest.mark.parametrize("at", range(1, 29, 3))
async def test_replies_are_told_apart_wherever_they_are_cut(at: int) -> None:
    said = b"+OK\r\n-ERR no\r\n$-1\r\n*1\r\n:7\r\n"
    async with answering(said[:at], said[at:] + b":8\r\n") as link:
        replies = await link.ask_each([pack(("PING",))] * 4)
        assert [replies[0], *replies[2:]] == [b"OK", None, [7]]
        assert isinstance(replies[1], ResponseError)
        assert await link.ask(b"") == 8, "and what comes behind them is not taken with them"


@pytest.mark.parametrize("reply", [b"-LOADING wait\r\n", b"*1\r\n-LOADING wait\r\n"])
async def test_a_server_that_is_no_server_yet_is_lost_whichever_reply_says_so(reply: bytes) -> None:
    async with answering(b"+OK\r\n" + reply) as link:
        with pytest.raises(LOST):
            await link.ask_each([pack(("PING",))] * 2)
        assert not link.connected
