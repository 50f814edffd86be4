"""What a session was sent, as stretches: nothing sent lies outside, and gaps lie between."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from extdebug.hub.redacting_decoder import DecodedEntry
from extdebug.sessions.reach import MOST, Reach
from extdebug.wire.events import NO_ORIGIN, Event, Level, Output
from extdebug.wire.positions import ZERO_ID, EntryId


def entry(ms: int) -> DecodedEntry:
    return DecodedEntry(EntryId(ms, 0), None, NO_ORIGIN, b"")


def parts(reach: Reach) -> list[tuple[int, int]]:
    return [(first.ms, last.ms) for first, last in reach.parts]


def test_what_is_told_in_order_is_one_stretch_until_a_pause() -> None:
    reach = Reach()
    assert reach.bounds == ()
    reach.told(entry(1), entry(3))
    reach.told(entry(5), entry(8))
    assert parts(reach) == [(1, 8)]
    reach.pause()
    reach.told(entry(20), entry(21))
    assert parts(reach) == [(1, 8), (20, 21)]


def test_going_back_begins_a_stretch_and_overlaps_become_one() -> None:
    reach = Reach()
    reach.told(entry(50), entry(60))
    reach.told(entry(10), entry(20))
    assert parts(reach) == [(10, 20), (50, 60)]
    reach.told(entry(21), entry(55))
    assert parts(reach) == [(10, 60)]


def test_a_page_of_the_past_does_not_join_what_is_live() -> None:
    reach = Reach()
    reach.told(entry(100), entry(101))
    reach.paged(entry(5), entry(9))
    reach.told(entry(102), entry(103))
    assert parts(reach) == [(5, 9), (100, 103)]


def test_what_was_kept_is_read_again_and_joined() -> None:
    reach = Reach()
    reach.told(entry(100), entry(101))
    again = Reach.of(reach.bounds)
    later = Reach()
    later.told(entry(200), entry(300))
    again.join(later)
    assert again.bounds == (("100-0", "101-0"), ("200-0", "300-0"))


def test_a_line_straight_from_a_runner_counts_by_its_own_time() -> None:
    event = Event("2026-01-01T00:00:01.500Z", Level.INFO, Output.STDOUT, "m")
    reach = Reach()
    line = DecodedEntry(ZERO_ID, event, NO_ORIGIN, b"")
    reach.told(line, line)
    assert parts(reach) == [(1_767_225_601_500, 1_767_225_601_500)]


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 50), st.sampled_from("tpb"))))
def test_nothing_that_was_sent_lies_outside_and_the_number_is_bounded(
    sent: list[tuple[int, int, str]],
) -> None:
    reach = Reach()
    for first, length, how in sent:
        if how == "b":
            reach.pause()
        (reach.paged if how == "p" else reach.told)(entry(first), entry(first + length))
    kept = parts(reach)
    assert len(kept) <= MOST
    assert all(before[1] < after[0] for before, after in itertools.pairwise(kept))
    for first, length, _ in sent:
        assert any(low <= first and first + length <= high for low, high in kept)
