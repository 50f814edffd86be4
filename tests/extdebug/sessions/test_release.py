"""Nothing beyond the range and nothing before its time is told, and nothing of a piece is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.hub.pieces import NOWHERE, Piece
from extdebug.hub.runner_buffer import OFF_STREAM
from extdebug.hub.selection import make_chunk
from extdebug.sessions.place import meet, passed
from extdebug.sessions.release import Release, cut
from extdebug.wire.events import Gap, GapReason
from extdebug.wire.positions import Cursor, EntryId, Span
from tests.extdebug.hub.test_ring_buffer import chunk
from tests.extdebug.sessions.test_place import at, gap


def piece(first: int, count: int = 1) -> Piece:
    return Piece(at(first + count - 1), chunk=chunk(first, count), history=True)


def ids(part: Piece | None) -> list[int]:
    return [] if part is None or part.chunk is None else [one.id.ms for one in part.chunk.events]


def test_without_a_range_or_a_speed_everything_passes() -> None:
    release = Release()
    for one in (piece(1, 5), Piece(at(9), 4), Piece(at(12), gap=gap(GapReason.RETENTION, 3))):
        assert release.part(one, 0.0) == (one, None)
    assert not release.over


@pytest.mark.parametrize(
    ("until", "told", "over"),
    [(3, [1, 2], False), (1, [], True), (5, [1, 2, 3, 4], False), (6, [1, 2, 3, 4, 5], False)],
)
def test_events_of_the_end_and_later_are_not_told(until: int, told: list[int], over: bool) -> None:
    release = Release(Span(until_ms=until))
    part, later = release.part(piece(1, 5), 0.0)
    assert ids(part) == told
    assert release.over is over
    if later is not None:
        assert release.part(later, 0.0) == (None, None)
        assert release.over


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (Piece(at(4), 2), True),
        (Piece(at(5), 2), False),
        (Piece(at(8), gap=Gap(GapReason.RETENTION, 4, "3-0", "9-0")), True),
        (Piece(at(8), gap=Gap(GapReason.RETENTION, 4, "5-0", "9-0")), False),
        (Piece(at(8), gap=Gap(GapReason.NOT_CONSUMED, 4)), True),
        (Piece(at(4), gap=Gap(GapReason.UNREADABLE, 1, "3-9", None), counted=1), True),
        (Piece(at(5), gap=Gap(GapReason.UNREADABLE, 1, "4-9", None), counted=1), False),
        (Piece(at(8), gap=Gap(GapReason.PRODUCER, 2, "4-0", "8-0")), True),
        (Piece(at(8, 8, "b" * 24), gap=Gap(GapReason.RESET, None, "7-0", "9-0")), True),
        (Piece(NOWHERE, gap=Gap(GapReason.FAILOVER, None)), True),
        (Piece(Cursor(EntryId(9, OFF_STREAM)), chunk=chunk(9)), True),
    ],
)
def test_a_loss_that_may_lie_in_the_range_is_told_and_one_behind_it_is_not(
    one: Piece, told: bool
) -> None:
    release = Release(Span(until_ms=5))
    assert release.part(one, 0.0) == ((one, None) if told else (None, None))
    assert release.over is not told


def test_at_a_speed_the_part_that_is_due_is_told_and_the_rest_waits() -> None:
    release = Release(Span(speed=0.1))
    one = Piece(at(300), chunk=chunk(100, 4), history=True)
    part, later = release.part(one, 0.0)
    assert (ids(part), ids(later)) == ([100, 101, 102], [103])  # a millisecond takes ten
    assert later is not None
    assert release.part(later, 0.0) == (None, later)
    assert ids(release.part(later, 0.02)[0]) == [103]


@given(data=st.data(), wanted=st.lists(st.booleans(), min_size=2, max_size=12))
def test_the_parts_of_a_piece_account_for_what_it_accounted_for(
    data: st.DataObject, wanted: list[bool]
) -> None:
    """Wherever it is cut: the same events, the same entries, the same place behind both."""
    chosen = [n for n, on in enumerate(wanted) if on]
    if len(chosen) < 2:
        return
    whole = chunk(1, len(wanted))
    one = Piece(at(len(wanted)), len(wanted) - len(chosen), make_chunk(whole.events, chosen))
    count = data.draw(st.integers(1, len(chosen) - 1))
    first, rest = cut(one, count)
    assert ids(first) + ids(rest) == [n + 1 for n in chosen]
    assert first.entries + rest.entries == one.entries
    assert first.through == at(chosen[count - 1] + 1), "behind its last event"
    place = at(0)
    for part in (first, rest):
        meeting = meet(place, part)
        assert meeting.gap is None
        assert meeting.rest is not None
        place = passed(place, meeting.rest)
    assert place == at(len(wanted))
    assert first.chunk is not None
    assert [str(cursor) for _, cursor in [*first.chunk.places(first.through)]] == [
        str(cursor) for _, cursor in [*(one.chunk or whole).places(one.through)]
    ][:count]
