"""A reader of the producers' numbers that begins in the middle says what one says that came by."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from extdebug.streams.producers import Missing
from extdebug.streams.sequence_gaps import SequenceGaps
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
        st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.integers(0, 3)), max_size=40
    ),
    cut=st.integers(0, 60),
    seen=st.integers(0, 12),
)
def test_a_reader_that_begins_in_the_middle_says_what_one_says_that_came_by(
    steps: list[tuple[str, int, int]], cut: int, seen: int
) -> None:
    """Any markers and holes; of what was before its place the second sees only the last entries."""
    numbers = {"a": 1, "b": 1}
    entries = [Origin("a", 1), Origin("b", 1)]
    for src, hole, lost in steps:
        if lost:
            entries.append(Origin(src, lost=lost))
        numbers[src] += 1 + hole
        entries.append(Origin(src, numbers[src]))
    cut = min(cut, len(entries))
    live, middle = SequenceGaps(), SequenceGaps()
    live.begin(ZERO_ID)
    said = [live.account(one, at=EntryId(n + 1, 0)) for n, one in enumerate(entries)]
    for n in range(max(0, cut - seen), cut):
        middle.seed(entries[n], at=EntryId(n + 1, 0))
    here = EntryId(cut, 0)
    middle.recall(live.log.as_of(here))
    for n, one in enumerate(entries[cut:], start=cut):
        if middle.unknown(one, at=EntryId(n + 1, 0)):
            earlier = SequenceGaps()
            for k in range(n):
                earlier.account(entries[k], at=EntryId(k + 1, 0))
            middle.learn(earlier)
        assert middle.account(one, at=EntryId(n + 1, 0)) == said[n]
