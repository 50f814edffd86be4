"""One reader for many streams, that no single stream and no bad reply can stop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from unittest.mock import PropertyMock, patch

import pytest
import pytest_asyncio

from extdebug.hub.stream_reader import StreamReader
from extdebug.hub.tail import MOST_KEYS, Tail
from extdebug.hub.watched_stream import WatchedStream
from extdebug.wire.keys import Target
from extdebug.wire.positions import EntryId
from policies.redaction.redactor import Redactor
from tests.extdebug.hub.test_hub import until
from tests.fixtures.redis import RedisServer

Make = Callable[..., Tail]


def stream(name: str = "a") -> WatchedStream:
    return WatchedStream(Target("acme", name), f"ext-debug:acme:{name}", Redactor(key=None))


@pytest_asyncio.fixture
async def make_tail() -> AsyncIterator[Make]:
    tails: list[Tail] = []

    def make(url: str, told: list[str] | None = None) -> Tail:
        said = told if told is not None else []
        tails.append(Tail(url, name="t", group=b"ee-debug-ui:t", on_state=said.append))
        return tails[-1]

    yield make
    for tail in tails:
        await tail.stop()


@pytest.mark.parametrize(("keys", "count"), [(0, 500), (1, 500), (10, 200), (100, 20), (128, 20)])
async def test_one_reply_is_bounded_however_many_keys_it_lists(
    make_tail: Make, keys: int, count: int
) -> None:
    one = make_tail("redis://127.0.0.1:1/0")
    for n in range(keys):
        one.add(stream(f"e{n}"))
    assert one._count() == count
    assert one.room == (keys < MOST_KEYS)


async def test_a_redis_that_is_away_is_told_once_and_its_coming_back_too(
    make_tail: Make, redis_server: RedisServer
) -> None:
    told: list[str] = []
    tail, watched = make_tail(redis_server.url, told), stream()
    tail.add(watched)
    tail.start()
    await until(lambda: watched.attached)
    await asyncio.to_thread(redis_server.kill9)
    await until(lambda: tail.problem)
    await asyncio.to_thread(redis_server.start)
    await until(lambda: not tail.problem)
    assert [bool(problem) for problem in told] == [True, False]
    assert "does not answer" in told[0]


async def test_a_reply_of_more_than_one_page_is_read_to_its_end(
    make_tail: Make, redis_server: RedisServer
) -> None:
    tail, watched = make_tail(redis_server.url), stream()
    tail.add(watched)
    tail.start()
    await until(lambda: watched.attached)
    with redis_server.client() as client:
        pipe = client.pipeline()
        for n in range(2345):
            pipe.xadd(watched.key, {"message": f"m{n}"}, id=f"{n + 1}-0")
        pipe.execute()
    await until(lambda: watched.cursor.index == 2345)
    assert watched.cursor.id == EntryId(2345, 0)
    assert watched.counts.entries == 2345
    assert not watched.counts.lost


async def test_a_stream_that_is_left_loses_its_group_and_nobody_elses(
    make_tail: Make, redis_server: RedisServer
) -> None:
    tail, left, kept = make_tail(redis_server.url), stream("left"), stream("kept")
    tail.add(left)
    tail.add(kept)
    tail.start()
    await until(lambda: left.attached and kept.attached)

    with redis_server.client() as client:

        def groups(watched: WatchedStream) -> list[bytes]:
            return [group["name"] for group in client.xinfo_groups(watched.key)]

        client.xgroup_create(left.key, "somebody-else")
        tail.remove(left)
        tail.wake()
        await until(lambda: b"ee-debug-ui:t" not in groups(left))
        assert b"somebody-else" in groups(left)
        assert b"ee-debug-ui:t" in groups(kept)
        await tail.stop()
        assert b"ee-debug-ui:t" not in groups(kept)


async def test_a_refused_read_of_many_streams_has_each_looked_at(
    make_tail: Make, redis_server: RedisServer
) -> None:
    """The error names no key: whose life has ended is found out at once, not at the next look."""
    tail, gone, kept = make_tail(redis_server.url), stream("gone"), stream("kept")
    tail.add(gone)
    tail.add(kept)
    tail.start()
    await until(lambda: gone.attached and kept.attached)
    for reader in tail._readers.values():
        reader.look_at = time.monotonic() + 1000  # nothing else makes it look
    with redis_server.client() as client:
        client.delete(gone.key)
        client.xadd(gone.key, {"message": "of another life"})
    before = gone.cursor.epoch
    await until(lambda: gone.cursor.epoch != before and gone.cursor.index == 1)
    with redis_server.client() as client:
        client.xadd(kept.key, {"message": "goes on"})
    await until(lambda: kept.cursor.index == 1)
    assert not kept.counts.lost


async def test_a_stream_that_fails_in_the_middle_of_much_to_read_costs_no_turns_meanwhile(
    make_tail: Make, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again after a second; a tail that hurried on until then would take a core."""
    tail, watched = make_tail(redis_server.url), stream()
    tail.add(watched)
    tail.start()
    await until(lambda: watched.attached)
    reader = tail._readers[watched.key]
    turns = 0
    cycle = tail._cycle

    async def counted() -> None:
        nonlocal turns
        turns += 1
        await cycle()

    with redis_server.client() as client:
        client.delete(watched.key)
        client.set(watched.key, "no stream")
    reader.due()
    reader.behind = True  # as after a reply that was full
    tail.wake()
    await until(lambda: watched.problem)
    monkeypatch.setattr(tail, "_cycle", counted)
    await asyncio.sleep(0.5)
    assert reader.behind
    assert turns < 50


async def test_sessions_speak_while_the_next_reply_is_made(
    make_tail: Make, redis_server: RedisServer
) -> None:
    """Of a stream with much to read each look is sent before the sessions' turn; one for which a
    watcher has no room waits for that turn."""
    tail, watched = make_tail(redis_server.url), stream()
    reader = StreamReader(watched, tail._link, tail._server, group=b"g")
    tail._readers[watched.key] = reader
    tail._agenda.wake(reader)
    spoke: list[bool] = []

    async def turn(*, crowded: bool) -> bool:
        spoke.clear()
        reader.behind = True
        monkey = PropertyMock(return_value=crowded)
        with patch.object(WatchedStream, "crowded", monkey):
            asyncio.get_running_loop().call_soon(spoke.append, True)
            await tail._linger(500)
        return bool(spoke)

    assert not await turn(crowded=False)
    assert await turn(crowded=True)
    watched.problem = "it cannot be read"
    assert await turn(crowded=False)


async def test_a_stream_that_is_watched_while_writes_are_held_back_waits_and_harms_nobody(
    make_tail: Make, redis_server: RedisServer
) -> None:
    tail, first, second = make_tail(redis_server.url), stream("a"), stream("b")
    tail.add(first)
    tail.start()
    await until(lambda: first.attached)
    with contextlib.closing(redis_server.client()) as client:
        client.execute_command("CLIENT", "PAUSE", 800, "WRITE")  # as a failover on command does
        tail.add(second)
        await asyncio.sleep(0.3)
        assert client.ping()
        assert not second.attached
        await until(lambda: second.attached)
        client.xadd(second.key, {"message": "line"})
        await until(lambda: second.counts.entries == 1)
    assert tail.problem == ""
