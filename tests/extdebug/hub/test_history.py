"""A session's own past joins the live stream without hole or double, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from extdebug.filters.filter import Filter
from extdebug.hub.history import PROVISIONAL_MS, History
from extdebug.hub.hub import Hub
from extdebug.hub.pieces import Piece
from extdebug.hub.selection import Selection
from extdebug.hub.subscription import Subscription
from extdebug.sessions.flow_control import Events, FlowControl
from extdebug.streams import epochs
from extdebug.wire.events import Gap
from extdebug.wire.keys import EPOCH_PREFIX
from extdebug.wire.positions import EPOCH_DIGITS, Cursor, EntryId, Start
from policies.redaction.redactor import Redactor
from tests.extdebug.hub.test_hub import ALL, KEY, TARGET, hub, until, watch, write
from tests.extdebug.sessions.pieces import Queue, deliver_all
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
    while (piece := sub.ring.take()) is not None:
        pieces.append(piece)
    return pieces


async def read_on(history: History) -> list[Piece]:
    pieces: list[Piece] = []
    async with asyncio.timeout(10):
        while not history.done:
            pieces += await history.page()
    return pieces


async def past(hub: Hub, sub: Subscription, start: Start) -> list[Piece]:
    """A whole history, then what the live ring goes on with."""
    await until(lambda: sub.boundary is not None)
    history = History(hub, sub, start)
    await history.begin()
    pieces = await read_on(history)
    sub.ring.release()
    return pieces + drain(sub)


def told(place: Cursor, pieces: list[Piece]) -> tuple[list[str], list[Gap], Cursor]:
    """What a client that stood at `place` is shown, its gaps, and where it stands then."""
    flow = FlowControl(position=place, rev=1, events_per_second=0, bytes_per_second=0)
    shown, gaps = [], []
    for message in deliver_all(flow, Queue(*pieces)):
        if isinstance(message, Events):
            shown += [one.event.message for one, _ in message.places() if one.event]
        else:
            gaps.append(message.gap)
    return shown, gaps, flow.position


def place_of(sub: Subscription, id: str, index: int | None) -> Cursor:
    """A place in the stream's present life, as a client would bring it."""
    return Cursor(EntryId.parse(id), index, sub.watched.cursor.epoch)


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
    await until(lambda: sub.boundary is not None)
    place = place_of(sub, ids[29], 30)
    shown, gaps, _ = told(place, await past(hub, sub, Start(cursor=place)))
    assert (shown, gaps) == ([f"m{n}" for n in range(30, 100)], [])
    with redis_server.client() as client:
        client.xtrim(KEY, maxlen=40, approximate=False)
        shown, gaps, _ = told(place, await past(hub, watch(hub), Start(cursor=place)))
        assert shown == [f"m{n}" for n in range(60, 100)]
        # Who brings a place between two looks may have missed what lay just before it.
        provisional = f"{place.id.ms - PROVISIONAL_MS}-0"
        assert [(gap.reason, gap.missed, gap.after, gap.before) for gap in gaps] == [
            ("retention", 30, provisional, ids[60])
        ]
        client.xtrim(KEY, maxlen=0, approximate=False)
    shown, gaps, end = told(place, await past(hub, watch(hub), Start(cursor=place)))
    assert shown == []
    assert [(gap.reason, gap.missed) for gap in gaps] == [("retention", 70)]
    assert (str(end.id), end.index) == (ids[99], 100)


async def test_a_cursor_of_the_old_form_goes_on_and_learns_its_count(
    hub: Hub, redis_server: RedisServer
) -> None:
    ids = write(redis_server, *(f"m{n}" for n in range(10)))
    for text in (ids[2], f"{ids[2]}.3"):
        place = Cursor.parse(text)
        shown, gaps, end = told(place, await past(hub, watch(hub), Start(cursor=place)))
        assert (shown, gaps) == ([f"m{n}" for n in range(3, 10)], [])
        assert (end.index, len(end.epoch)) == (10, EPOCH_DIGITS)


async def test_what_was_deleted_by_hand_is_counted_across_a_reconnect(
    hub: Hub, redis_server: RedisServer
) -> None:
    ids = write(redis_server, *(f"m{n}" for n in range(20)))
    sub = watch(hub)
    await until(lambda: sub.boundary is not None)
    with redis_server.client() as client:
        client.xdel(KEY, ids[7], ids[11], ids[12])
    place = place_of(sub, ids[4], 5)
    shown, gaps, end = told(place, await past(hub, sub, Start(cursor=place)))
    assert shown == [f"m{n}" for n in range(5, 20) if n not in (7, 11, 12)]
    assert sum(gap.missed or 0 for gap in gaps) == 3
    assert all(EntryId.parse(gap.after or "") <= EntryId.parse(ids[6]) for gap in gaps)
    assert end.index == 20


async def test_a_cursor_ahead_of_this_process_shows_nothing_twice(
    hub: Hub, redis_server: RedisServer
) -> None:
    """Another process had read further than ours has: its client must not see that again."""
    write(redis_server, "m0")
    sub = watch(hub)
    await until(lambda: sub.boundary is not None)
    redis_server.pause()  # our process lags: nothing is read meanwhile
    redis_server.resume()
    ids = write(redis_server, *(f"m{n}" for n in range(1, 11)))
    place = place_of(sub, ids[4], 6)
    boundary = sub.boundary
    assert boundary is not None
    history = History(hub, sub, Start(cursor=place))
    await history.begin()
    pieces = await read_on(history)
    sub.ring.release()
    await until(lambda: sub.watched.cursor.index == 11)
    shown, gaps, _ = told(place, pieces + drain(sub))
    assert (shown, gaps) == ([f"m{n}" for n in range(6, 11)], [])


async def test_a_cursor_of_an_earlier_life_is_a_reset_and_all_of_the_new_life(
    hub: Hub, redis_server: RedisServer
) -> None:
    """Refilled past the old count: only the epoch tells."""
    ids = write(redis_server, *(f"old{n}" for n in range(5)))
    sub = watch(hub)
    await until(lambda: sub.boundary is not None)
    place = place_of(sub, ids[4], 5)
    with redis_server.client() as client:
        client.delete(KEY)
    write(redis_server, *(f"new{n}" for n in range(50)))
    await until(lambda: sub.watched.cursor.epoch != place.epoch)
    await until(lambda: sub.watched.cursor.index == 50)
    shown, gaps, _ = told(place, await past(hub, watch(hub), Start(cursor=place)))
    assert shown == [f"new{n}" for n in range(50)]
    assert [(gap.reason, gap.missed, gap.after) for gap in gaps] == [("reset", None, ids[4])]


async def test_a_cursor_goes_on_through_a_restart_that_kept_the_stream(
    redis_server_factory: Callable[..., RedisServer],
) -> None:
    server = redis_server_factory("--appendonly", "yes", "--appendfsync", "always")
    hub = Hub(url=server.url, prefix="ext-debug:", name="h1", redactor=Redactor(key=None))
    try:
        ids = write(server, *(f"m{n}" for n in range(10)))
        sub = watch(hub)
        await until(lambda: sub.boundary is not None)
        place = place_of(sub, ids[3], 4)
        await asyncio.to_thread(server.kill9)
        await asyncio.to_thread(server.start)
        await until(lambda: sub.watched.cursor.epoch != place.epoch)
        await until(lambda: sub.watched.cursor.index == 10)
        shown, gaps, end = told(place, await past(hub, watch(hub), Start(cursor=place)))
        assert shown == [f"m{n}" for n in range(4, 10)], "nothing twice, nothing passed over"
        assert [(gap.reason, gap.missed) for gap in gaps] == [("reset", None)]
        assert end.index == 10
    finally:
        await hub.close()


async def test_what_live_reads_while_history_is_emptied_is_not_counted_lost(
    hub: Hub, redis_server: RedisServer
) -> None:
    ids = write(redis_server, *(f"m{n}" for n in range(10)))
    sub = watch(hub)
    await until(lambda: sub.boundary is not None)
    place = place_of(sub, ids[1], 2)
    history = History(hub, sub, Start(cursor=place))
    await history.begin()
    write(redis_server, "live 1", "live 2")
    await until(lambda: sub.ring.count == 2)
    with redis_server.client() as client:
        client.xtrim(KEY, maxlen=0, approximate=False)
    pieces = await read_on(history)
    sub.ring.release()
    shown, gaps, _ = told(place, pieces + drain(sub))
    assert shown == ["live 1", "live 2"]
    assert [(gap.reason, gap.missed) for gap in gaps] == [("retention", 8)]


async def test_a_hole_in_the_numbers_across_a_reconnect_is_told_once(
    hub: Hub, redis_server: RedisServer
) -> None:
    first = write(redis_server, "a", src="s", n="5")
    second = write(redis_server, "b", src="s", n="8")
    sub = watch(hub)
    await until(lambda: sub.boundary is not None)
    place = place_of(sub, first[0], 1)
    shown, gaps, _ = told(place, await past(hub, sub, Start(cursor=place)))
    assert [(gap.reason, gap.missed, gap.after, gap.before) for gap in gaps] == [
        ("producer", 2, first[0], second[0])
    ]
    assert shown == ["b"]
    was_told = Cursor(place.id, place.index, place.epoch, stated=True)
    shown, gaps, _ = told(was_told, await past(hub, watch(hub), Start(cursor=was_told)))
    assert (shown, gaps) == (["b"], [])
    write(redis_server, "c", src="s", n="12")
    await until(lambda: sub.ring.count == 1)
    live = drain(sub)
    assert [(p.gap.reason, p.gap.missed) for p in live if p.gap] == [("producer", 3)]


@pytest.mark.parametrize(("doubt_ms", "told_before"), [(3_000, True), (1_500, True), (500, False)])
async def test_a_hole_where_two_runs_meet_was_told_with_the_gap_that_reaches_over_it(
    hub: Hub, redis_server: RedisServer, doubt_ms: int, told_before: bool
) -> None:
    """A client comes back to a place of which nobody can say which run wrote what follows it."""
    ago = int(time.time() * 1000) - 5_000
    with redis_server.client() as client:
        for ms, number in ((1_000, 5), (2_000, 8)):
            client.xadd(KEY, {"message": "m", "src": "s", "n": str(number)}, id=f"{ago + ms}-0")
        run_id = str(client.info("server")["run_id"])
        life = epochs.new_epoch(run_id, began_ms=ago, doubt_ms=doubt_ms)
        for name in (epochs.new_epoch("e" * 40, began_ms=1), life):
            client.xgroup_create(KEY, f"{EPOCH_PREFIX}{name}", "0")
    sub = watch(hub)
    await until(lambda: sub.boundary is not None)
    place = place_of(sub, f"{ago + 1_000}-0", None)
    shown, gaps, _ = told(place, await past(hub, sub, Start(cursor=place)))
    assert shown == ["m"]
    assert [(gap.reason, gap.missed) for gap in gaps] == ([] if told_before else [("producer", 2)])


async def test_a_quiet_producers_hole_behind_many_loud_entries_is_told(
    hub: Hub, redis_server: RedisServer
) -> None:
    write(redis_server, "a", src="quiet", n="5")
    loud = write(redis_server, *(f"m{n}" for n in range(200)))
    write(redis_server, "b", src="quiet", n="8")
    sub = watch(hub)
    await until(lambda: sub.boundary is not None)
    place = place_of(sub, loud[-1], 201)
    shown, gaps, _ = told(place, await past(hub, sub, Start(cursor=place)))
    assert (shown, [gap.missed for gap in gaps]) == (["b"], [2])


async def test_a_time_is_a_place_to_begin(hub: Hub, redis_server: RedisServer) -> None:
    with redis_server.client() as client:
        for ms in (1000, 2000, 3000):
            client.xadd(KEY, {"message": f"at {ms}"}, id=f"{ms}-0")
    assert messages(await past(hub, watch(hub), Start(since_ms=2000))) == ["at 2000", "at 3000"]


async def test_a_time_ahead_of_the_stream_is_its_end_and_counts_from_there(
    hub: Hub, redis_server: RedisServer
) -> None:
    write(redis_server, "m0")
    sub = watch(hub)
    await until(lambda: sub.boundary is not None)
    history = History(hub, sub, Start(since_ms=9_999_999_999_999))
    assert await history.begin() == sub.boundary


async def test_a_third_life_that_live_has_not_noticed_is_a_reset_and_nothing_of_it(
    hub: Hub, redis_server: RedisServer
) -> None:
    """The place is of the first life, the boundary of the second, the stream by now the third."""
    ids = write(redis_server, "first")
    sub = watch(hub)
    await until(lambda: sub.boundary is not None)
    place = place_of(sub, ids[0], 1)
    with redis_server.client() as client:
        client.delete(KEY)
        write(redis_server, "second 1", "second 2")
        await until(lambda: sub.watched.cursor.epoch != place.epoch)
        await until(lambda: sub.watched.cursor.index == 2)
        here = watch(hub)
        boundary = here.boundary
        assert boundary is not None
        client.delete(KEY)
        write(redis_server, "third 1", "third 2", "third 3")
        history = History(hub, here, Start(cursor=place))
        async with hub.reader(TARGET) as link:  # no turn of the tail between this and the reading
            at = await history._resumed(link, place, boundary)
    assert at == boundary
    here.ring.release()
    await until(lambda: here.watched.cursor.epoch != boundary.epoch)
    await until(lambda: here.watched.cursor.index == 3)
    assert messages(drain(here)) == ["third 1", "third 2", "third 3"]


async def test_a_client_away_over_a_restart_gets_the_rest_then_the_gap_then_the_new(
    redis_server_factory: Callable[..., RedisServer],
) -> None:
    server = redis_server_factory("--appendonly", "yes", "--appendfsync", "always")
    hub = Hub(url=server.url, prefix="ext-debug:", name="h1", redactor=Redactor(key=None))
    try:
        ids = write(server, *(f"old {n}" for n in range(10)))
        sub = watch(hub)
        await until(lambda: sub.boundary is not None)
        place = place_of(sub, ids[3], 4)
        await asyncio.sleep(0.01)
        await asyncio.to_thread(server.kill9)
        await asyncio.to_thread(server.start)
        new = write(server, *(f"new {n}" for n in range(5)))
        await until(lambda: sub.watched.cursor.epoch != place.epoch)
        await until(lambda: sub.watched.cursor.index == 15)
        pieces = await past(hub, watch(hub), Start(cursor=place))
        shown, gaps, end = told(place, pieces)
        assert shown == [*(f"old {n}" for n in range(4, 10)), *(f"new {n}" for n in range(5))]
        assert [(gap.reason, gap.missed, gap.after) for gap in gaps] == [("reset", None, ids[9])]
        [reset] = [n for n, piece in enumerate(pieces) if piece.gap]
        assert messages(pieces[:reset]) == [f"old {n}" for n in range(4, 10)]
        assert EntryId.parse(gaps[0].before or "") <= EntryId.parse(new[0])
        assert end.index == 15
    finally:
        await hub.close()


async def test_what_was_deleted_ahead_of_numbered_producers_is_the_streams_loss_alone(
    hub: Hub, redis_server: RedisServer
) -> None:
    ids: list[str] = []
    for n in range(1, 601):  # more than one page: the deletion is ahead of the first
        ids += write(redis_server, f"m{n}", src="ab"[n % 2], n=str((n + 1) // 2))
    sub = watch(hub)
    await until(lambda: sub.boundary is not None)
    with redis_server.client() as client:
        gone = [*range(300, 310), 520]
        client.xdel(KEY, *(ids[n] for n in gone))
    place = place_of(sub, ids[9], 10)
    shown, gaps, end = told(place, await past(hub, sub, Start(cursor=place)))
    assert shown == [f"m{n + 1}" for n in range(10, 600) if n not in gone]
    assert [(gap.reason, gap.missed) for gap in gaps] == [("retention", len(gone))]
    assert end.index == 600


async def test_what_was_deleted_just_before_a_clients_place_lies_in_the_gap_that_counts_it(
    hub: Hub, redis_server: RedisServer
) -> None:
    """Its process had not looked since: the client's count is short, and its place behind them."""
    ids = write(redis_server, *(f"m{n}" for n in range(20)))
    sub = watch(hub)
    await until(lambda: sub.boundary is not None)
    with redis_server.client() as client:
        client.xdel(KEY, ids[3], ids[12])
    place = place_of(sub, ids[4], 4)  # it read m0, m1, m2 and m4
    shown, gaps, end = told(place, await past(hub, sub, Start(cursor=place)))
    assert shown == [f"m{n}" for n in range(5, 20) if n != 12]
    [gap] = gaps
    assert gap.missed == 2
    assert EntryId.parse(gap.after or "") < EntryId.parse(ids[3])
    assert EntryId.parse(gap.before or "") > EntryId.parse(ids[12])
    assert end.index == 20


async def test_what_was_trimmed_before_a_clients_place_is_placed_there_however_much_is_read(
    hub: Hub, redis_server: RedisServer
) -> None:
    """A burst pushed out a part of itself, and its process had not looked since."""
    ids = write(redis_server, *(f"m{n}" for n in range(400)))
    with redis_server.client() as client:
        client.xtrim(KEY, minid=ids[12], approximate=False)
    sub = watch(hub)
    await until(lambda: sub.boundary is not None)
    place = place_of(sub, ids[20], 5 + 9)  # it read m0 to m4, and m12 to m20
    shown, gaps, end = told(place, await past(hub, sub, Start(cursor=place)))
    assert shown == [f"m{n}" for n in range(21, 400)]
    [gap] = gaps
    assert (gap.reason, gap.missed, end.index) == ("retention", 7, 400)
    assert EntryId.parse(gap.after or "") < EntryId.parse(ids[5])


async def test_a_loss_told_ahead_is_not_told_again_to_whoever_comes_back_before_it(
    hub: Hub, redis_server: RedisServer
) -> None:
    """As a client that polls, or that leaves and comes back, on any process."""
    ids = [write(redis_server, f"m{n}", src="a", n=str(n))[0] for n in range(1, 801)]
    sub = watch(hub)
    await until(lambda: sub.boundary is not None)
    gone = [30, 400, 401, 700]
    with redis_server.client() as client:
        client.xdel(KEY, *(ids[n - 1] for n in gone))
    place, shown, gaps = place_of(sub, ids[9], 10), [], []
    visits = 0
    while place.id < EntryId.parse(ids[-1]):
        visits += 1
        here = watch(hub)
        history = History(hub, here, Start(cursor=Cursor.parse(str(place))))
        await history.begin()
        lines, losses, place = told(place, await history.page())
        shown += lines
        gaps += losses
    assert visits > 2
    assert shown == [f"m{n}" for n in range(11, 801) if n not in gone]
    assert [(gap.reason, gap.missed) for gap in gaps] == [("retention", len(gone))]


async def test_what_live_told_ahead_of_the_boundary_is_placed_where_it_may_lie(
    hub: Hub, redis_server: RedisServer
) -> None:
    """The live ring overflowed just behind the loss, which is the boundary's count by then."""
    ids = [write(redis_server, f"m{n}", src="a", n=str(n))[0] for n in range(1, 11)]
    sub = watch(hub)
    await until(lambda: sub.boundary is not None)
    place = place_of(sub, ids[1], 2)
    with redis_server.client() as client:
        pipe = client.pipeline(transaction=True)
        after = int(time.time() * 1000) + 10
        for n in range(11, 21):
            pipe.xadd(KEY, {"message": f"m{n}", "src": "a", "n": str(n)}, id=f"{after}-{n}")
        pipe.xdel(KEY, *(f"{after}-{n}" for n in (15, 16, 18)))
        pipe.execute()
    await until(lambda: sub.ring.count == 7)
    while sub.ring.floor is None or not sub.ring.floor.ahead:
        sub.ring._drop()
    shown, gaps, _ = told(place, await past(hub, sub, Start(cursor=place)))
    assert shown == [f"m{n}" for n in range(3, 21) if n not in (15, 16, 18)]
    assert [(gap.reason, gap.missed) for gap in gaps] == [("retention", 3)]
    assert EntryId.parse(gaps[0].before or "") > EntryId(after, 18)


async def test_a_history_whose_stream_is_replaced_shows_nothing_of_the_other(
    hub: Hub, redis_server: RedisServer
) -> None:
    """The other life's ids lie between our place and the boundary: only its name tells."""
    with redis_server.client() as client:
        for n in range(1, 11):
            client.xadd(KEY, {"message": f"ours {n}"}, id=f"{n}-0")
        sub = watch(hub)
        await until(lambda: sub.boundary is not None)
        place = place_of(sub, "2-0", 2)
        history = History(hub, sub, Start(cursor=place))
        await history.begin()
        client.delete(KEY)
        for n in range(3, 6):
            client.xadd(KEY, {"message": f"other {n}"}, id=f"{n}-0")
        assert messages(await read_on(history)) == []


async def test_history_reads_on_to_where_an_overflowing_live_ring_begins(
    hub: Hub, redis_server: RedisServer
) -> None:
    ids = write(redis_server, *(f"m{n}" for n in range(5)))
    sub = hub.subscribe(TARGET, ALL, lambda: None, ring_bytes=2_000)
    await until(lambda: sub.boundary is not None)
    place = place_of(sub, ids[1], 2)
    write(redis_server, *(f"m{n}" for n in range(5, 205)))
    await until(lambda: sub.watched.cursor.index == 205)
    assert sub.ring.floor is not None, "it dropped, or this proves nothing"
    shown, gaps, _ = told(place, await past(hub, sub, Start(cursor=place)))
    assert (shown, gaps) == ([f"m{n}" for n in range(2, 205)], [])
