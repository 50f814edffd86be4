"""A piece says where each of its events stands, and what of it is new at a place."""

from __future__ import annotations

import pytest

from extdebug.hub.pieces import Piece, fresh_part
from extdebug.hub.selection import make_chunk
from extdebug.wire.events import GapReason
from extdebug.wire.positions import Cursor, EntryId
from tests.extdebug.hub.test_ring_buffer import at, chunk, lost, prepared


def test_each_event_knows_its_own_cursor() -> None:
    part = [prepared(n) for n in range(1, 6)]
    some = make_chunk(part, [0, 2, 3])
    assert [cursor for _, cursor in some.places(at(5))] == [at(1), at(3), at(4)]
    assert [cursor.index for _, cursor in some.places(Cursor(EntryId(5, 0)))] == [None] * 3
    epoch = "e" * 24
    in_life = some.places(Cursor(EntryId(5, 0), 5, epoch, stated=True))
    assert [cursor for _, cursor in in_life][-1] == Cursor(EntryId(4, 0), 4, epoch)


def test_a_line_of_a_runner_has_its_runs_place() -> None:
    part = make_chunk([prepared(0), prepared(0)], [0, 1])
    assert [cursor for _, cursor in part.places(at(5))] == [at(5), at(5)]


@pytest.mark.parametrize(
    ("stood", "shown", "filtered"),
    [(2, [4, 5, 6], 1), (4, [5, 6], 1), (6, [], 1), (7, None, 0), (9, None, 0)],
)
def test_the_part_behind_a_place_is_new(stood: int, shown: list[int] | None, filtered: int) -> None:
    """Entries 4 to 7, of which the last is filtered."""
    piece = Piece(at(7), 1, chunk(4, 3))
    part = fresh_part(at(stood), piece)
    if shown is None:
        assert part is None
        return
    assert part is not None
    assert [one.id.ms for one in (part.chunk.events if part.chunk else ())] == shown
    assert (part.filtered, part.through) == (filtered, at(7))


def test_a_gap_is_new_at_a_place_before_what_it_is_of() -> None:
    before_next = Piece(at(5), gap=lost(GapReason.PRODUCER))
    of_itself = Piece(at(5), gap=lost(GapReason.UNREADABLE), counted=1, own=True)
    assert fresh_part(at(5), before_next) is before_next
    assert fresh_part(at(5), of_itself) is None
    assert fresh_part(at(4), of_itself) is of_itself
    assert fresh_part(at(6), before_next) is None
