"""Entries that are accounted for together leave what accounting for each of them leaves."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from extdebug.streams.plain_numbers import take_plain
from extdebug.streams.producers import NOTHING_MISSING, Producer
from extdebug.streams.sequence_gaps import SequenceGaps
from extdebug.wire.events import NO_ORIGIN, Origin
from extdebug.wire.positions import Cursor, EntryId


class Entry(NamedTuple):
    id: EntryId
    origin: Origin


def state(gaps: SequenceGaps) -> object:
    """All that it knows, the order in which producers spoke included."""
    known = [
        (src, [getattr(one, name) for name in Producer.__slots__])
        for src, one in gaps._known.items()
    ]
    others = {name: value for name, value in vars(gaps).items() if name not in ("_known", "log")}
    return known, others, vars(gaps.log)


class Step(NamedTuple):
    """An entry `ahead` numbers further than the last of its producer, or a loss of the stream."""

    src: str | None
    ahead: int | None = 1
    lost: int = 0
    stream: int = 0


PLAIN = st.builds(Step, st.sampled_from(("a", "b")))
STEPS = st.one_of(
    PLAIN, PLAIN, PLAIN, PLAIN,
    st.builds(Step, st.sampled_from(("a", "b", "c", None)), st.sampled_from((1, 0, -1, 3, None))),
    st.builds(Step, st.sampled_from(("a", "b")), st.none(), st.integers(1, 4)),
    st.builds(Step, st.none(), st.none(), st.integers(0, 1), st.integers(1, 4)),
)  # fmt: skip


@given(st.lists(STEPS, max_size=40), st.lists(st.integers(1, 9), min_size=1, max_size=9))
def test_a_run_says_and_leaves_what_its_entries_would(steps: list[Step], sizes: list[int]) -> None:
    """Each piece of the stream is offered whole; what is not taken is accounted for singly."""
    together, singly = SequenceGaps(), SequenceGaps()
    numbers, entries = dict.fromkeys("abc", 1), list[Entry | int]()
    for number, step in enumerate(steps, 1):
        if step.stream:
            entries.append(step.stream)
            continue
        n = None
        if step.src is not None and step.ahead is not None:
            n = numbers[step.src] = max(1, numbers[step.src] + step.ahead)
        entries.append(Entry(EntryId(number, 0), Origin(step.src, n, step.lost)))
    place, turn = EntryId(0, 0), 0
    while entries:
        first = entries[0]
        if isinstance(first, int):
            for gaps in (together, singly):
                gaps.lost(first, after=place, until=EntryId(place.ms + 1, 0))
            del entries[0]
            continue
        size, turn = sizes[turn % len(sizes)], turn + 1
        offered = list[Entry]()
        for entry in entries[:size]:
            if isinstance(entry, int):
                break
            offered.append(entry)
        taken = together.plain(offered)
        for entry in offered[: taken or 1]:
            place = entry.id
            doubt = singly.unknown(entry.origin, at=entry.id)
            assert doubt is (not taken and together.unknown(entry.origin, at=entry.id))
            assert not (taken and singly.shows_loss(entry.origin, at=entry.id))
            said = singly.account(entry.origin, at=entry.id)
            if taken:
                assert said == NOTHING_MISSING
                assert singly.told(Cursor(entry.id, 3)) == Cursor(entry.id, 3)
            else:
                assert together.account(entry.origin, at=entry.id) == said
        assert state(together) == state(singly)
        del entries[: taken or 1]


def known(**last: int) -> OrderedDict[str, Producer]:
    found = OrderedDict[str, Producer]()
    for src, number in last.items():
        found[src] = Producer()
        found[src].last = number
    return found


def entries(*origins: Origin) -> list[Entry]:
    return [Entry(EntryId(place, 0), origin) for place, origin in enumerate(origins, 1)]


def test_a_run_goes_on_over_several_producers_and_entries_of_none() -> None:
    producers = known(a=4, b=7)
    run = entries(Origin("a", 5), NO_ORIGIN, Origin("b", 8), Origin("a", 6), Origin("b", 10))
    assert take_plain(producers, run) == 4
    assert [(src, one.last, one.last_at.ms) for src, one in producers.items()] == [
        ("b", 8, 3), ("a", 6, 4),
    ]  # fmt: skip


def test_a_run_ends_at_what_shows_more() -> None:
    for origin in (
        Origin("a", 6), Origin("a", 4), Origin("a"), Origin("new", 1), Origin("a", 5, 1),
        Origin(lost=2),
    ):  # fmt: skip
        producers = known(other=1, a=4)
        assert take_plain(producers, entries(NO_ORIGIN, origin)) == 1
        assert list(producers) == ["other", "a"]
        assert producers["a"].last == 4


def test_of_an_unsettled_producer_nothing_is_taken() -> None:
    producers = known(a=4)
    producers["a"].marked = 1
    assert take_plain(producers, entries(Origin("a", 5))) == 0


def begun() -> SequenceGaps:
    """Two producers, each with its first number."""
    gaps = SequenceGaps()
    gaps.account(Origin("a", 1), at=EntryId(1, 0))
    gaps.account(Origin("b", 1), at=EntryId(2, 0))
    return gaps


def test_nothing_is_plain_while_a_place_says_what_was_told_ahead() -> None:
    gaps = begun()
    gaps.lost(5, after=EntryId(2, 0), until=EntryId(4, 0))
    gaps.account(Origin("a", 4), at=EntryId(4, 0))  # two of the five are its hole
    following = Entry(EntryId(5, 0), Origin("a", 5))
    assert gaps.told(Cursor(following.id)).ahead == 3
    assert gaps.plain([following]) == 0


def test_nothing_is_plain_while_a_place_says_what_a_marker_stated() -> None:
    gaps = begun()
    gaps.account(Origin("a", 4), at=EntryId(3, 0))
    gaps.account(Origin("a", lost=2), at=EntryId(4, 0))  # told already, as the hole
    following = Entry(EntryId(5, 0), Origin("b", 2))
    assert gaps.told(Cursor(following.id)).untold == 2
    assert gaps.plain([following]) == 0
    gaps.account(Origin("a", 5), at=EntryId(5, 0))
    assert gaps.plain([following]) == 1
