"""What operators see of one watched stream."""

from __future__ import annotations

from extdebug.hub.stream_health import health_of
from extdebug.hub.watched_stream import WatchedStream
from extdebug.streams.replies import Snapshot
from extdebug.wire.keys import Target
from extdebug.wire.positions import Cursor, EntryId
from policies.redaction.redactor import Redactor
from tests.extdebug.hub.test_watched_stream import EPOCH, row, snapshot, stream, watch


def test_a_stream_that_was_not_read_yet_is_unknown_and_not_empty() -> None:
    watched = WatchedStream(Target("acme", "a"), "ext-debug:acme:a", Redactor(key=None))
    health = health_of(watched, problem="no answer", now_ms=1000.0)
    assert (health.problem, health.watchers, health.length) == ("no answer", 0, 0)
    assert (health.backlog, health.lag_ms, health.retention_ms) == (None, None, None)


def test_what_is_left_to_read_is_counted_and_its_age_told() -> None:
    watched = stream(10)
    watched.snapshot = snapshot(4, 30, 30)
    health = health_of(watched, problem="", now_ms=100.0)
    assert (health.backlog, health.lag_ms, health.retention_ms, health.length) == (20, 90, 96, 27)


def test_a_stream_read_to_its_end_has_no_lag_however_old() -> None:
    health = health_of(stream(10), problem="", now_ms=1e9)
    assert (health.backlog, health.lag_ms) == (0, 0)


def test_a_place_without_a_count_has_no_backlog_to_tell() -> None:
    watched = stream()
    watched.attach(Cursor(EntryId(5, 0), None, EPOCH), Snapshot(exists=True, length=3))
    health = health_of(watched, problem="", now_ms=100.0)
    assert (health.backlog, health.retention_ms) == (None, None)


def test_what_was_read_delivered_and_lost_adds_up() -> None:
    watched = stream(10)
    watch(watched)
    watched.look(snapshot(15, 16, 16), [row(15), row(16)], whole=True)
    health = health_of(watched, problem="", now_ms=100.0)
    assert (health.entries, health.delivered, health.lost) == (2, 2, {"retention": 4})
