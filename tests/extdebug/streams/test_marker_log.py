"""What a reader knew of its producers at the places it came by, as far back as it remembers."""

from __future__ import annotations

from extdebug.streams.marker_log import MOST, MarkerLog
from extdebug.streams.producers import Markers, Stand
from extdebug.wire.positions import ZERO_ID, EntryId


def markers(ahead: int) -> Markers:
    return Markers(
        ahead=ahead, credit=0, unsure=0, late=0, taken=0, fresh=False, marked=0, untold=0
    )


def note(log: MarkerLog, at: EntryId, src: str, known: Markers, last: int | None = None) -> None:
    log.note(at, src, known, last=last)


def at(n: int) -> EntryId:
    return EntryId(n, 0)


def test_a_place_shows_the_last_change_up_to_it() -> None:
    log = MarkerLog()
    note(log, at(3), "a", markers(1))
    note(log, at(5), "b", markers(2))
    note(log, at(7), "a", markers(3))
    assert log.as_of(at(2)) == {}
    assert log.as_of(at(3)) == {"a": markers(1)}
    assert log.as_of(at(6)) == {"a": markers(1), "b": markers(2)}
    assert log.as_of(at(9)) == {"a": markers(3), "b": markers(2)}


def test_nothing_is_known_of_the_places_before_its_beginning() -> None:
    log = MarkerLog()
    note(log, at(3), "old", markers(9))
    log.begin(at(10), {"a": markers(1)})
    assert log.as_of(at(9)) == {}
    assert log.as_of(at(10)) == {"a": markers(1)}
    log.learnt("quiet", markers(4))
    assert log.as_of(at(10)) == {"a": markers(1), "quiet": markers(4)}
    log.forget("a")
    assert log.as_of(at(10)) == {"quiet": markers(4)}


def test_the_memory_is_bounded_and_says_how_far_it_reaches() -> None:
    log = MarkerLog()
    for n in range(1, 10 * MOST):
        note(log, at(n), "a", markers(n))
        assert len(log._changes) <= 2 * MOST
    newest = 10 * MOST - 1
    for n in range(newest - MOST + 1, newest + 1):
        assert log.as_of(at(n)) == {"a": markers(n)}
    assert log.as_of(ZERO_ID) == log.as_of(at(5)) == {}


def test_an_entry_shows_how_its_producer_stood_right_before_it() -> None:
    log = MarkerLog()
    log.begin(ZERO_ID, {"a": markers(0)})
    log.note(at(3), "a", markers(1), last=4)
    log.note(at(7), "a", markers(2), last=9)
    assert log.stand("a", 5, at(2)) == Stand(markers(0), 4), "nothing changed: the next"
    assert log.stand("a", 8, at(3)) == Stand(markers(0), 4), "a hole of three"
    assert log.stand("a", 9, at(6)) == Stand(markers(1), 8)
    assert log.stand("a", None, at(7)) == Stand(markers(1), 9), "a marker has no number"
    assert log.stand("a", 10, at(8)) == Stand(markers(2), 9)
    assert log.stand("b", 10, at(8)) is None


def test_of_entries_before_its_beginning_it_knows_nothing() -> None:
    log = MarkerLog()
    log.begin(at(5), {"a": markers(1)})
    assert log.stand("a", 3, at(5)) is None
    assert log.stand("a", 3, EntryId(5, 1)) == Stand(markers(1), 2)
