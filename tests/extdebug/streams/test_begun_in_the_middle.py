"""A reader of the producers' numbers that begins in the middle says what one says that came by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.streams.marker_log import MarkerLog
from extdebug.streams.producers import Missing
from extdebug.streams.sequence_gaps import MOST, SequenceGaps
from extdebug.wire.events import Origin
from extdebug.wire.positions import ZERO_ID, Cursor, EntryId
from tests.extdebug.streams.test_sequence_gaps import Book


def swallowed() -> Book:
    """A hole without a marker, then one whose marker is taken for the first one's."""
    book = Book()
    for number in (1, 5, 6):
        book.see(number)
    book.see(lost=3)
    assert (book.marked, book.holes) == (0, 3)
    return book


def seeded(*entries: Origin) -> SequenceGaps:
    numbers = SequenceGaps()
    for n, origin in enumerate(entries):
        numbers.seed(origin, at=EntryId(3 + n, 0))
    return numbers


def test_a_place_behind_a_marker_that_was_not_told_says_so_until_the_next_number() -> None:
    book = swallowed()
    here = EntryId(book.at, 0)
    assert book.producers.told(Cursor(here, 4)) == Cursor(here, 4, untold=3)
    assert book.see(10) == Missing(0, 3)
    assert book.producers.told(Cursor(EntryId(5, 0), 5)) == Cursor(EntryId(5, 0), 5)


def test_who_begins_behind_a_marker_tells_its_hole_if_that_was_not_told() -> None:
    for untold, hole in ((3, 3), (1, 1), (0, 0)):
        middle = seeded(Origin("a", 6), Origin("a", lost=3))
        middle.learn(SequenceGaps())
        middle.owe(untold)
        assert middle.account(Origin("a", 10), at=EntryId(5, 0)).hole == hole


def test_who_takes_for_late_a_marker_that_was_told_does_not_tell_its_hole() -> None:
    """The stream holds no more what the marker of the first hole stated."""
    middle = seeded(Origin("a", 1), Origin("a", 5), Origin("a", lost=3))
    middle.learn(SequenceGaps())
    assert middle.told(Cursor(ZERO_ID)).untold == 3
    middle.owe(0)
    assert middle.told(Cursor(ZERO_ID)).untold == 0
    assert middle.account(Origin("a", 9), at=EntryId(6, 0)).hole == 0


def test_what_is_learnt_later_is_held_to_what_was_told() -> None:
    middle = seeded(Origin("a", 6), Origin("a", lost=3))
    middle.owe(3)
    scanned = SequenceGaps()
    for origin in (Origin("a", 6), Origin("a", lost=3)):
        scanned.account(origin, at=EntryId(4, 0))
    assert middle.unknown(Origin("a", 10), at=EntryId(5, 0))
    middle.learn(scanned)
    assert middle.account(Origin("a", 10), at=EntryId(5, 0)).hole == 3


@given(
    steps=st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)),
        max_size=40,
    ),
    cut=st.integers(0, 60),
    seen=st.integers(0, 12),
    trimmed=st.integers(0, 60),
)
def test_a_reader_that_begins_in_the_middle_says_what_one_says_that_came_by(
    steps: list[tuple[str, int, int, int]], cut: int, seen: int, trimmed: int
) -> None:
    """Any markers and holes; of what was before its place the second sees only the last entries,
    and even when it looks for more only those that the stream still holds."""
    numbers = {"a": 1, "b": 1}
    entries = [Origin("a", 1), Origin("b", 1)]
    for src, hole, lost, late in steps:
        if lost:
            entries.append(Origin(src, lost=lost))
        numbers[src] += 1 + hole
        entries.append(Origin(src, numbers[src]))
        if late:
            entries.append(Origin(src, lost=late))
    cut = min(cut, len(entries))
    live, middle = SequenceGaps(), SequenceGaps()
    live.begin(ZERO_ID)
    said = [live.account(one, at=EntryId(n + 1, 0)) for n, one in enumerate(entries)]
    trimmed = min(trimmed, cut)
    for n in range(max(trimmed, cut - seen), cut):
        middle.seed(entries[n], at=EntryId(n + 1, 0))
    here = EntryId(cut, 0)
    middle.recall(live.log, at=here)
    for n, one in enumerate(entries[cut:], start=cut):
        if middle.unknown(one, at=EntryId(n + 1, 0)):
            earlier = SequenceGaps()
            for k in range(trimmed, n):
                earlier.account(entries[k], at=EntryId(k + 1, 0))
            middle.learn(earlier)
        assert middle.account(one, at=EntryId(n + 1, 0)) == said[n]


def remembered(*entries: Origin) -> MarkerLog:
    """Of a reader that came by these from the stream's beginning on, at 1, 2, 3 ..."""
    live = SequenceGaps()
    live.begin(ZERO_ID)
    for n, origin in enumerate(entries, start=1):
        live.account(origin, at=EntryId(n, 0))
    return live.log


def test_a_hole_behind_what_the_stream_holds_no_more_is_told() -> None:
    middle = SequenceGaps()
    middle.recall(remembered(Origin("a", 1), Origin("a", 4)), at=EntryId(1, 0))
    assert not middle.unknown(Origin("a", 4), at=EntryId(2, 0)), "there is nothing to look for"
    assert middle.account(Origin("a", 4), at=EntryId(2, 0)) == Missing(0, 2)


def test_a_hole_that_its_producer_made_is_no_loss_of_the_stream_to_who_comes_later() -> None:
    middle = SequenceGaps()
    middle.recall(remembered(Origin("a", 1), Origin("a", 4)), at=EntryId(1, 0))
    middle.lost(5, after=EntryId(1, 0), until=EntryId(9, 0))
    assert middle.account(Origin("a", 4), at=EntryId(2, 0)).hole == 2


@pytest.mark.parametrize("certain", [True, False])
def test_what_may_have_been_the_streams_loss_is_looked_for_in_the_stream(certain: bool) -> None:
    """Whoever came by there had missed a line that the stream still showed to others."""
    live = SequenceGaps()
    live.begin(ZERO_ID)
    live.account(Origin("a", 1), at=EntryId(1, 0))
    live.certain = certain
    live.account(Origin("a", 4), at=EntryId(4, 0))
    middle = SequenceGaps()
    middle.recall(live.log, at=EntryId(2, 0))
    assert middle.unknown(Origin("a", 4), at=EntryId(4, 0)) is not certain
    if not certain:
        earlier = SequenceGaps()
        earlier.account(Origin("a", 3), at=EntryId(2, 0))
        middle.learn(earlier)
    assert middle.account(Origin("a", 4), at=EntryId(4, 0)).hole == (2 if certain else 0)


def test_the_marker_of_a_hole_that_the_stream_holds_no_more_is_not_told_again() -> None:
    log = remembered(Origin("a", 1), Origin("a", 4), Origin("a", lost=2), Origin("a", 5))
    middle = SequenceGaps()
    middle.recall(log, at=EntryId(2, 0))
    assert middle.account(Origin("a", lost=2), at=EntryId(3, 0)) == Missing(0, 0)
    assert middle.account(Origin("a", 5), at=EntryId(4, 0)) == Missing(0, 0)


def test_a_producer_that_was_forgotten_is_remembered_as_it_stands_then() -> None:
    log = remembered(*(Origin("a", n) for n in (1, 2, 3, 6, 7)))
    middle = SequenceGaps()
    middle.recall(log, at=ZERO_ID)
    middle.account(Origin("a", 1), at=EntryId(1, 0))
    middle.account(Origin("a", 2), at=EntryId(2, 0))
    for n in range(MOST):
        middle.account(Origin(f"other {n}", 1), at=EntryId(2, n + 1))
    assert middle.last_number("a") is None
    assert middle.account(Origin("a", 6), at=EntryId(4, 0)) == Missing(0, 2)


def test_a_hole_that_was_the_streams_loss_to_who_came_by_is_its_to_who_did_not() -> None:
    live = SequenceGaps()
    live.begin(ZERO_ID)
    live.account(Origin("a", 1), at=EntryId(1, 0))
    live.lost(2, after=EntryId(1, 0), until=EntryId(4, 0))
    assert live.account(Origin("a", lost=3), at=EntryId(4, 0)) == Missing(3, 0)
    assert live.account(Origin("a", 7), at=EntryId(5, 0)) == Missing(0, 0)
    assert live.account(Origin("a", 9), at=EntryId(6, 0)) == Missing(0, 1)
    for begins, said in ((1, (3, 0, 1)), (4, (0, 0, 1)), (5, (0, 0, 1))):
        middle = SequenceGaps()
        middle.recall(live.log, at=EntryId(begins, 0))
        middle.owe(0)
        found = [
            sum(middle.account(origin, at=EntryId(4 + n, 0))[:2]) if 4 + n > begins else 0
            for n, origin in enumerate((Origin("a", lost=3), Origin("a", 7), Origin("a", 9)))
        ]
        assert tuple(found) == said


def test_a_new_stream_whose_clock_is_behind_is_remembered_from_its_own_beginning() -> None:
    live = SequenceGaps()
    live.begin(ZERO_ID)
    live.account(Origin("a", 1), at=EntryId(100, 0))
    live.account(Origin("a", 4), at=EntryId(101, 0))
    live.lost(None, after=EntryId(101, 0), until=EntryId(7, 0))
    live.account(Origin("a", lost=2), at=EntryId(8, 0))
    middle = SequenceGaps()
    middle.recall(live.log, at=EntryId(7, 0))
    assert middle.account(Origin("a", lost=2), at=EntryId(8, 0)) == Missing(0, 0)
