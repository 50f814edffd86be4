"""A session's place at a stream: begun anew without losing what the stream still holds."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from extdebug.hub.history import History
from extdebug.hub.hub import Hub
from extdebug.hub.subscription import Subscription
from extdebug.hub.watched_stream import WatchedStream
from extdebug.wire.keys import Target
from extdebug.wire.positions import EntryId, Start
from policies.redaction.redactor import Redactor
from tests.extdebug.hub.test_history import drain, place_of, read_on, told
from tests.extdebug.hub.test_hub import KEY, TARGET, hub, until, watch, write
from tests.extdebug.hub.test_watched_stream import ALL, EVEN, at, row, snapshot, stream
from tests.extdebug.hub.test_watched_stream import told as told_of
from tests.extdebug.hub.test_watched_stream import watch as watch_stream
from tests.fixtures.redis import RedisServer

__all__ = ["hub"]  # the fixture


def test_before_the_stream_is_attached_there_is_no_boundary() -> None:
    watched = WatchedStream(Target("acme", "a"), "ext-debug:acme:a", Redactor(key=None))
    sub = Subscription(watched, ALL, lambda: None, limit=1000)
    assert sub.boundary is None
    watched.attach(at(5), snapshot(1, 5, 5))
    assert sub.boundary == at(5)


def test_another_filter_begins_at_the_streams_place_with_an_empty_ring() -> None:
    watched = stream()
    sub = watch_stream(watched)
    watched.read([row(n) for n in range(1, 4)])
    sub.restart(EVEN)
    assert (sub.boundary, bool(sub.ring), sub.ring.parked) == (at(3), False, True)
    sub.ring.release()
    watched.read([row(4), row(5)])
    assert told_of(sub) == (["even 4"], 2)
    assert watched.subscribers == 1


def test_only_a_session_that_keeps_up_and_reads_live_holds_up_the_stream() -> None:
    watched = stream()
    sub = Subscription(watched, ALL, lambda: None, limit=600)
    for n in range(1, 4):
        watched.read([row(n)])
    assert sub.ring.crowded
    sub.keeps_up = lambda: True
    assert not sub.crowded, "its history reads what the ring drops"
    sub.ring.release()
    assert sub.crowded
    assert watched.crowded
    sub.keeps_up = lambda: False
    assert not watched.crowded


def test_who_was_told_all_and_would_take_more_is_starved() -> None:
    watched = stream()
    sub = watch_stream(watched)
    sub.keeps_up = lambda: True
    assert sub.starved
    watched.read([row(1)])
    assert not sub.starved, "it has a line to tell"
    told_of(sub)
    assert sub.starved
    sub.keeps_up = lambda: False
    assert not sub.starved, "it takes nothing itself"
    sub.keeps_up = lambda: True
    sub.restart(ALL)
    assert not sub.starved, "it reads its past"


def test_a_session_is_woken_by_what_arrives() -> None:
    woken: list[int] = []
    watched = stream()
    Subscription(watched, ALL, lambda: woken.append(1), limit=1000)
    watched.read([row(1)])
    assert woken


@pytest.mark.parametrize("through", ["", "a filter change"])
async def test_who_joins_while_lines_wait_behind_a_loss_told_ahead_is_told_where_it_may_lie(
    hub: Hub, redis_server: RedisServer, through: str
) -> None:
    """The stream's count has the loss by then. Its lines, and the holes in their numbers, wait for
    a watcher that has no room and has just acknowledged."""
    ids = [write(redis_server, f"m{n}", src="a", n=str(n))[0] for n in range(1, 11)]
    slow = hub.subscribe(TARGET, ALL, lambda: None, ring_bytes=200)
    await until(lambda: slow.boundary is not None)
    watched: Any = slow.watched
    slow.ring.release()
    place = place_of(slow, ids[1], 2)
    one = watch_live(hub)
    ids += [write(redis_server, f"m{n}", src="a", n=str(n))[0] for n in range(11, 15)]
    await until(lambda: slow.ring.crowded and watched.cursor.index == 14)
    slow.keeps_up = lambda: bool(watched.pending) and watched.sequence_gaps.certain
    gone = (15, 16, 18)
    with redis_server.client() as client:
        pipe = client.pipeline(transaction=True)
        after = int(time.time() * 1000) + 10
        for n in range(15, 21):
            pipe.xadd(KEY, {"message": f"m{n}", "src": "a", "n": str(n)}, id=f"{after}-{n}")
        pipe.xdel(KEY, *(f"{after}-{n}" for n in gone))
        pipe.execute()
    await until(lambda: watched.cursor.index == 17 and watched.pending)
    slow.keeps_up = lambda: True
    if through:
        one.restart(ALL)
    else:
        one = watch(hub)
    history = History(hub, one, Start(cursor=place))
    await history.begin()
    pieces = await read_on(history)
    slow.keeps_up = lambda: False
    one.ring.release()
    await until(lambda: one.ring.count == 3)
    shown, gaps, end = told(place, pieces + drain(one))
    assert shown == [f"m{n}" for n in range(3, 21) if n not in gone]
    assert [(gap.reason, gap.missed) for gap in gaps] == [("retention", 3)]
    assert EntryId.parse(gaps[0].before or "") > EntryId(after, 18)
    assert (end.index, end.ahead) == (20, 0)


@pytest.mark.parametrize("stated", [False, True])
async def test_what_another_process_told_behind_a_place_is_told_by_none_that_reads_it_later(
    hub: Hub, redis_server: RedisServer, *, stated: bool
) -> None:
    """The client came with the place right before the line that shows it: its rate had refused
    that line there."""
    ids = [write(redis_server, f"m{n}", src="a", n=str(n))[0] for n in (1, 2)]
    one = watch(hub)
    await until(lambda: one.boundary is not None)
    place = msgspec.structs.replace(place_of(one, ids[1], 2), stated=stated)
    history = History(hub, one, Start(cursor=place))
    await history.begin()
    pieces = await read_on(history)
    one.ring.release()
    write(redis_server, "m6", src="a", n="6")
    await until(lambda: one.ring.count == 1)
    shown, gaps, end = told(place, pieces + drain(one))
    assert (shown, end.index) == (["m6"], 3)
    assert sum(gap.missed or 0 for gap in gaps) == (0 if stated else 3)
    assert len(gaps) == (0 if stated else 1)


def watch_live(hub: Hub) -> Subscription:
    sub = watch(hub)
    sub.ring.release()
    return sub
