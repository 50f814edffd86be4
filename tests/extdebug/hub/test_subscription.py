"""A session's place at a stream: begun anew without losing what the stream still holds."""

from __future__ import annotations

from extdebug.hub.subscription import Subscription
from extdebug.hub.watched_stream import WatchedStream
from extdebug.wire.keys import Target
from policies.redaction.redactor import Redactor
from tests.extdebug.hub.test_watched_stream import ALL, EVEN, at, row, snapshot, stream, told, watch


def test_before_the_stream_is_attached_there_is_no_boundary() -> None:
    watched = WatchedStream(Target("acme", "a"), "ext-debug:acme:a", Redactor(key=None))
    sub = Subscription(watched, ALL, lambda: None, limit=1000)
    assert sub.boundary is None
    watched.attach(at(5), snapshot(1, 5, 5))
    assert sub.boundary == at(5)


def test_another_filter_begins_at_the_streams_place_with_an_empty_ring() -> None:
    watched = stream()
    sub = watch(watched)
    watched.read([row(n) for n in range(1, 4)])
    sub.restart(EVEN)
    assert (sub.boundary, bool(sub.ring), sub.ring.parked) == (at(3), False, True)
    sub.ring.release()
    watched.read([row(4), row(5)])
    assert told(sub) == (["even 4"], 2)
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
    sub = watch(watched)
    sub.keeps_up = lambda: True
    assert sub.starved
    watched.read([row(1)])
    assert not sub.starved, "it has a line to tell"
    told(sub)
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
