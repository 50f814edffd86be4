"""A session's own past joins the live stream without hole or double, whatever happens meanwhile."""

from __future__ import annotations

import asyncio

from extdebug.filters.filter import EVERYTHING, Filter
from extdebug.hub.history import History, fetch
from extdebug.hub.hub import Hub
from extdebug.hub.ring_buffer import Piece
from extdebug.hub.selection import Selection
from extdebug.hub.watched_stream import Subscription
from extdebug.wire.positions import Cursor, EntryId, Start
from tests.extdebug.hub.test_hub import ALL, KEY, TARGET, hub, until, watch, write
from tests.fixtures.redis import RedisServer

__all__ = ["hub"]  # the fixture


def messages(pieces: list[Piece]) -> list[str]:
    return [
        prepared.event.message
        for piece in pieces
        if piece.chunk
        for prepared in piece.chunk.events
        if prepared.event
    ]


def drain(sub: Subscription) -> list[Piece]:
    pieces = []
    while (piece := sub.ring.take(Cursor(EntryId(0, 0)))) is not None:
        pieces.append(piece)
    return pieces


async def past(hub: Hub, sub: Subscription, start: Start) -> list[Piece]:
    """A whole history, then what the live ring goes on with."""
    await until(lambda: sub.boundary is not None)
    history = History(hub, sub, start)
    await history.begin()
    pieces: list[Piece] = []
    async with asyncio.timeout(10):
        while not history.done:
            pieces += await history.page()
    sub.ring.release()
    return pieces + drain(sub)


async def test_the_last_n_that_match_and_then_live(hub: Hub, redis_server: RedisServer) -> None:
    with redis_server.client() as client:
        pipe = client.pipeline()
        for n in range(2000):
            pipe.xadd(KEY, {"message": f"{'keep' if n % 3 == 0 else 'skip'} {n}"})
        pipe.execute()
    selection = Selection(None, Filter.parse({"q": "keep"}))
    sub = watch(hub, selection=selection)
    await until(lambda: sub.boundary is not None)
    write(redis_server, "keep live", "skip live")
    await until(lambda: bool(sub.ring))
    pieces = await past(hub, sub, Start(tail=300))
    shown = messages(pieces)
    assert shown == [*(f"keep {n}" for n in range(1101, 2000, 3)), "keep live"][-len(shown) :]
    assert len(shown) in (300, 301)
    assert not [piece.gap for piece in pieces if piece.gap]


async def test_a_cursor_goes_on_without_hole_or_double_and_counts_what_was_trimmed(
    hub: Hub, redis_server: RedisServer
) -> None:
    ids = write(redis_server, *(f"m{n}" for n in range(100)))
    sub = watch(hub)
    kept = await past(hub, sub, Start(cursor=Cursor.parse(f"{ids[29]}.30")))
    assert messages(kept) == [f"m{n}" for n in range(30, 100)]
    with redis_server.client() as client:
        client.xtrim(KEY, maxlen=40, approximate=False)
    again = watch(hub)
    trimmed = await past(hub, again, Start(cursor=Cursor.parse(f"{ids[29]}.30")))
    assert messages(trimmed) == [f"m{n}" for n in range(60, 100)]
    assert [(p.gap.reason, p.gap.missed) for p in trimmed if p.gap] == [("retention", 30)]
    with redis_server.client() as client:
        client.xtrim(KEY, maxlen=0, approximate=False)
    emptied = await past(hub, watch(hub), Start(cursor=Cursor.parse(f"{ids[29]}.30")))
    assert messages(emptied) == []
    assert [(p.gap.reason, p.gap.missed) for p in emptied if p.gap] == [("retention", 70)]


async def test_a_cursor_ahead_of_this_process_shows_nothing_twice(
    hub: Hub, redis_server: RedisServer
) -> None:
    """Another process had read further than ours has: its client must not see that again."""
    write(redis_server, "m0")
    sub = watch(hub)
    await until(lambda: sub.boundary is not None)
    tail = hub._tails[0]
    await tail.stop()  # our process lags
    ids = write(redis_server, *(f"m{n}" for n in range(1, 11)))
    history = History(hub, sub, Start(cursor=Cursor.parse(f"{ids[4]}.6")))
    await history.begin()
    assert await history.page() == []
    assert not history.done
    tail.start()
    pieces: list[Piece] = []
    async with asyncio.timeout(10):
        while not history.done:
            pieces += await history.page()
    sub.ring.release()
    assert messages(pieces + drain(sub)) == [f"m{n}" for n in range(6, 11)]
    assert not [piece.gap for piece in pieces if piece.gap]


async def test_what_live_reads_while_history_is_emptied_is_not_counted_lost(
    hub: Hub, redis_server: RedisServer
) -> None:
    ids = write(redis_server, *(f"m{n}" for n in range(10)))
    sub = watch(hub)
    await until(lambda: sub.boundary is not None)
    history = History(hub, sub, Start(cursor=Cursor.parse(f"{ids[1]}.2")))
    await history.begin()
    write(redis_server, "live 1", "live 2")
    await until(lambda: sub.ring.count == 2)
    with redis_server.client() as client:
        client.xtrim(KEY, maxlen=0, approximate=False)
    pieces: list[Piece] = []
    while not history.done:
        pieces += await history.page()
    sub.ring.release()
    assert [p.gap.missed for p in pieces if p.gap] == [8]
    assert messages(pieces + drain(sub)) == ["live 1", "live 2"]


async def test_a_hole_in_the_numbers_across_a_reconnect_is_told(
    hub: Hub, redis_server: RedisServer
) -> None:
    first = write(redis_server, "a", src="s", n="5")
    write(redis_server, "b", src="s", n="8")
    sub = watch(hub)
    pieces = await past(hub, sub, Start(cursor=Cursor.parse(f"{first[0]}.1")))
    assert [(p.gap.reason, p.gap.missed) for p in pieces if p.gap] == [("producer", 2)]
    write(redis_server, "c", src="s", n="12")
    await until(lambda: bool(sub.ring) and sub.ring.count == 1)
    await until(lambda: len(sub.ring._pieces) == 2)
    live = drain(sub)
    assert [(p.gap.reason, p.gap.missed) for p in live if p.gap] == [("producer", 3)]


async def test_a_time_is_a_place_to_begin(hub: Hub, redis_server: RedisServer) -> None:
    with redis_server.client() as client:
        for ms in (1000, 2000, 3000):
            client.xadd(KEY, {"message": f"at {ms}"}, id=f"{ms}-0")
    assert messages(await past(hub, watch(hub), Start(since_ms=2000))) == ["at 2000", "at 3000"]


async def test_fetch_gives_what_lies_between_and_nothing_of_others(
    hub: Hub, redis_server: RedisServer
) -> None:
    ids = write(redis_server, *(f"m{n}" for n in range(10)), install="inst-acme")
    none = Selection(frozenset({"inst-other"}), EVERYTHING)
    after, before = Cursor.parse(ids[2]), EntryId.parse(ids[7])
    found, cursor, done = await fetch(
        hub, TARGET, selection=ALL, after=after, before_id=before, limit=2
    )
    assert [one.event.message for one in found if one.event] == ["m3", "m4"]
    assert (str(cursor), done) == (ids[4], False)
    hidden, _, done = await fetch(
        hub, TARGET, selection=none, after=None, before_id=None, limit=100
    )
    assert (hidden, done) == ([], True)
