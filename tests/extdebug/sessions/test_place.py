"""What lies between a session and its next piece is told once, whoever knew of it first."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extdebug.hub.pieces import NOWHERE, EventRun, Piece
from extdebug.hub.runner_buffer import OFF_STREAM
from extdebug.hub.selection import make_chunk
from extdebug.sessions import place
from extdebug.sessions.place import Meeting, meet, passed
from extdebug.wire.events import Gap, GapReason
from extdebug.wire.positions import Cursor, EntryId
from tests.extdebug.hub.test_ring_buffer import chunk, prepared

HERE = "a" * 24
THERE = "b" * 24


def at(n: int, index: int | None = -1, epoch: str = HERE, *, stated: bool = False) -> Cursor:
    return Cursor(EntryId(n, 0), n if index == -1 else index, epoch, stated)


def gap(reason: GapReason = GapReason.RETENTION, missed: int | None = 5) -> Gap:
    return Gap(reason, missed, "1-0", "9-0", None, reason.scope)


def ids(meeting: Meeting) -> list[int]:
    rest = meeting.rest
    return [one.id.ms for one in rest.chunk.events] if rest and rest.chunk else []


def test_a_piece_right_behind_our_place_is_taken_as_it_is() -> None:
    piece = Piece(at(8), 1, chunk(6, 2))
    assert meet(at(5), piece) == Meeting(piece)
    assert passed(at(5), piece) == at(8)


def test_what_a_piece_does_not_hold_between_us_and_it_is_a_loss_told_first() -> None:
    meeting = meet(at(5), Piece(at(12), 0, chunk(10, 3)))
    assert meeting.gap == Gap(GapReason.RETENTION, 4, "5-0", "10-0")
    assert meeting.at == msgspec.structs.replace(at(5, 9), ahead=4, until=EntryId(10, 0))
    assert meeting.at is not None
    assert meeting.rest is not None
    again = meet(meeting.at, meeting.rest)
    assert (again.gap, ids(again)) == (None, [10, 11, 12]), "told once"


@pytest.mark.parametrize("stated", [False, True])
def test_what_a_runner_dropped_behind_our_place_is_told_once_whoever_told_it(
    *, stated: bool
) -> None:
    """The entry that shows it was refused by the rate there, and this process reads it only now."""
    before_it = Piece(at(6, stated=True), gap=gap(GapReason.PRODUCER, 3))
    meeting = meet(at(6, stated=stated), before_it)
    assert (meeting.rest is None) is stated
    follows_it = meet(at(6, stated=True), Piece(at(8), 0, chunk(7, 2)))
    assert (follows_it.gap, ids(follows_it)) == (None, [7, 8])


def test_another_places_gap_is_told_to_who_stands_where_one_was_stated() -> None:
    elsewhere = Piece(at(7, stated=True), 1, gap=gap(GapReason.PRODUCER, 3))
    assert meet(at(6, stated=True), elsewhere).rest is elsewhere
    exact = Piece(at(6), gap=gap(GapReason.UNREADABLE, 1), counted=1)
    assert meet(at(6, 5, stated=True), exact).rest is exact


@pytest.mark.parametrize(("told", "end"), [(0, "30-0"), (4, "10-0")])
def test_what_others_were_told_ahead_of_a_piece_may_lie_behind_it(told: int, end: str) -> None:
    """Our ring had no room for that gap; its count is in the place that the piece leads to."""
    ahead = msgspec.structs.replace(at(12), ahead=4, until=EntryId(30, 0))
    place = msgspec.structs.replace(at(5), ahead=told, until=EntryId(30, 0) if told else at(0).id)
    meeting = meet(place, Piece(ahead, 0, chunk(10, 3)))
    assert meeting.gap == Gap(GapReason.RETENTION, 4, "5-0", end)
    assert meeting.at is not None
    assert str(meeting.at.until) == end


def test_a_place_keeps_what_was_told_ahead_of_it_until_a_later_one_says_otherwise() -> None:
    ahead = msgspec.structs.replace(at(8), ahead=3, until=EntryId(20, 0))
    assert passed(at(5), Piece(ahead, 1, chunk(6, 2))) == ahead
    assert passed(ahead, Piece(at(7), 0, chunk(6, 1))).ahead == 3, "it stands farther already"
    assert passed(ahead, Piece(at(9), 0, chunk(9, 1))) == at(9)


@pytest.mark.parametrize("index", [6, None])
def test_the_gap_of_an_entry_at_our_place_was_told_and_that_of_the_next_was_not(
    index: int | None,
) -> None:
    """Who comes from a process that had read more meets the marker at which it stands again."""
    dropped = gap(GapReason.PRODUCER, 3)
    marker = Piece(at(6), gap=dropped, counted=1, own=True)
    met = meet(at(6, index), marker).rest
    assert met is None or met.gap is None
    before_the_next = Piece(msgspec.structs.replace(at(6), stated=True), gap=dropped)
    rest = meet(at(6, index), before_the_next).rest
    assert rest is not None
    assert rest.gap == dropped


def test_a_place_behind_a_marker_that_was_not_told_keeps_that_until_the_next_number() -> None:
    untold = msgspec.structs.replace(at(6), untold=3)
    assert passed(at(5), Piece(untold, counted=1)) == untold
    met = meet(untold, Piece(at(12), 0, chunk(12, 1)))
    assert met.gap is not None
    assert met.at is not None
    assert met.at.untold == 3
    assert passed(untold, Piece(at(7), 0, chunk(7, 1))) == at(7)


def test_a_loss_within_what_was_filtered_ends_behind_the_piece() -> None:
    meeting = meet(at(5), Piece(at(12), 2, chunk(10, 3)))
    assert meeting.gap is not None
    assert (meeting.gap.missed, meeting.gap.before) == (2, "12-1")
    alone = meet(at(5), Piece(at(12), 2))
    assert alone.gap is not None
    assert (alone.gap.missed, alone.gap.before) == (5, "12-1")


def test_the_place_of_a_loss_begins_where_the_piece_says_it_may_have() -> None:
    meeting = meet(at(5), Piece(at(12), 2, since=EntryId(3, 0)))
    assert meeting.gap is not None
    assert meeting.gap.after == "3-0"
    later = meet(at(5), Piece(at(12), 2, since=EntryId(8, 0)))
    assert later.gap is not None
    assert later.gap.after == "5-0"


def test_what_was_told_as_a_producers_is_no_loss_again() -> None:
    assert meet(at(5), Piece(at(12), 2, explained=5)).gap is None
    meeting = meet(at(5), Piece(at(12), 2, explained=3))
    assert meeting.gap is not None
    assert meeting.gap.missed == 2


def test_a_piece_that_was_told_is_passed_over() -> None:
    for piece in (Piece(at(4), 0, chunk(3, 2)), Piece(at(4), 2), Piece(at(5), 2)):
        assert meet(at(5), piece) == Meeting(None)


def test_of_a_piece_that_was_told_in_part_the_rest_is_new() -> None:
    meeting = meet(at(5), Piece(at(8), 0, chunk(4, 5), history=True))
    assert (ids(meeting), meeting.gap) == ([6, 7, 8], None)
    assert meeting.rest is not None
    assert (meeting.rest.filtered, meeting.rest.history) == (0, True)
    assert passed(at(5), meeting.rest) == at(8)
    assert meeting.rest.chunk is not None
    assert [cursor for _, cursor in meeting.rest.chunk.places(at(8))] == [at(6), at(7), at(8)]


def test_what_a_part_was_filtered_by_is_counted_from_our_place() -> None:
    part = [prepared(n) for n in range(4, 9)]
    run = make_chunk(part, [0, 2, 4])  # 4, 6 and 8; 5 and 7 are not wanted
    meeting = meet(at(5), Piece(at(8), 2, run))
    assert ids(meeting) == [6, 8]
    assert meeting.rest is not None
    assert (meeting.rest.filtered, meeting.rest.entries) == (1, 3)


def test_a_piece_whose_events_were_all_told_only_moves() -> None:
    run: EventRun = make_chunk([prepared(4), prepared(5), prepared(6)], [0])
    meeting = meet(at(4), Piece(at(6), 2, run))
    assert meeting.rest is not None
    assert (meeting.rest.chunk, meeting.rest.filtered) == (None, 2)


def test_a_stated_loss_is_corrected_by_what_we_were_told_already() -> None:
    meeting = meet(at(5, 7), Piece(at(10), gap=gap(missed=5)))
    assert meeting.rest is not None
    assert meeting.rest.gap is not None
    assert (meeting.gap, meeting.rest.gap.missed) == (None, 3)
    whole = meet(at(5, 10), Piece(at(10), gap=gap(missed=5)))
    assert whole.rest is not None
    assert whole.rest.gap is None
    assert meet(at(5, 12), Piece(at(10), gap=gap(missed=5))).gap is None


def test_a_stated_loss_that_includes_what_we_do_not_know_yet_grows() -> None:
    meeting = meet(at(5, 5), Piece(at(10, 12), gap=gap(missed=2)))
    assert meeting.rest is not None
    assert meeting.rest.gap is not None
    assert meeting.rest.gap.missed == 7


def test_a_stated_loss_without_a_count_stays_as_it_is() -> None:
    piece = Piece(at(10), gap=gap(missed=None))
    assert meet(at(5, None), piece) == Meeting(piece)


def test_a_loss_that_was_found_late_is_told_though_its_place_lies_behind_us() -> None:
    late = Piece(at(5, 8), 0, gap=gap(missed=3))
    meeting = meet(at(5, 5), late)
    assert meeting.rest is not None
    assert meeting.rest.gap is not None
    assert meeting.rest.gap.missed == 3
    behind = meet(at(7, 7), Piece(at(5, 10)))
    assert behind.gap is not None
    assert behind.gap.missed == 3


def test_a_place_without_an_index_cannot_miss_anything_and_learns_the_index() -> None:
    piece = Piece(at(12), 0, chunk(10, 3))
    assert meet(at(5, None), piece) == Meeting(piece)
    assert passed(at(5, None), piece) == at(12)
    assert passed(at(5), Piece(at(8, None), 0, chunk(6, 3))) == at(8)


def test_a_piece_that_ends_at_our_place_tells_the_count_that_was_not_known() -> None:
    meeting = meet(at(5, None), Piece(at(5, 5), 3))
    assert meeting == Meeting(Piece(at(5, 5)))
    assert meet(at(5, 5), Piece(at(5, 5), 3)) == Meeting(None)


def test_a_gap_that_moves_nothing_leaves_the_place() -> None:
    seam = Piece(NOWHERE, gap=gap(GapReason.FAILOVER, None))
    assert meet(at(5), seam) == Meeting(seam)
    assert passed(at(5), seam) == at(5)


def test_a_moment_at_a_runner_is_no_place_to_subtract_from() -> None:
    moment = Cursor(EntryId(3, OFF_STREAM))
    piece = Piece(at(9), 0, chunk(9))
    assert meet(moment, piece) == Meeting(piece)
    assert passed(moment, piece) == at(9)
    assert meet(at(9), Piece(moment, 1)) == Meeting(Piece(moment, 1))
    assert passed(at(9), Piece(moment, 1)) == moment


def test_another_life_is_told_by_its_own_gap_where_there_is_one() -> None:
    reset = Piece(at(0, 0, THERE), gap=gap(GapReason.RESET, None))
    assert meet(at(5), reset) == Meeting(reset)
    assert passed(at(5), reset) == at(0, 0, THERE)
    assert meet(at(3, 3, THERE), reset) == Meeting(None), "we stand in that life already"


def test_another_life_that_nobody_told_is_a_reset_before_its_piece() -> None:
    meeting = meet(at(50), Piece(at(4, 9, THERE), 1, chunk(3, 2)))
    assert meeting.gap == Gap(GapReason.RESET, None, "50-0", "4-1")
    assert meeting.at is not None
    assert meeting.rest is not None
    assert (meeting.at.epoch, meeting.at.index) == (THERE, 6)
    after = meet(meeting.at, meeting.rest)
    assert (after.gap, ids(after)) == (None, [3, 4])


def ending(ends: Cursor | None, reason: GapReason = GapReason.RESET) -> Piece:
    gap = Gap(reason, None, "8-0", None)
    return Piece(at(0, 0, THERE), gap=gap, since=EntryId(8, 0), ends=ends)


@pytest.mark.parametrize("reason", [GapReason.RESET, GapReason.FAILOVER])
def test_what_of_the_ended_life_was_not_told_comes_before_its_end(reason: GapReason) -> None:
    """It went with that life: the count is known, because this process had read it."""
    meeting = meet(at(5), ending(at(8, 11), reason))
    assert meeting.gap == Gap(reason, 6, "5-0", "8-1")
    assert meeting.at == at(8, 11)
    assert meeting.at is not None
    assert meeting.rest is not None
    after = meet(meeting.at, meeting.rest)
    assert (after.gap, after.rest) == (None, meeting.rest), "told once, then the end itself"
    assert passed(meeting.at, meeting.rest) == at(0, 0, THERE)


def test_a_session_that_was_told_all_of_the_ended_life_hears_of_its_end_alone() -> None:
    for stood in (at(8, 11), at(9, 12)):
        piece = ending(at(8, 11))
        assert meet(stood, piece) == Meeting(piece)


def test_an_end_that_cannot_be_counted_begins_where_the_session_stands() -> None:
    meeting = meet(at(5, None), ending(at(8, 11)))
    assert meeting.gap is None
    assert meeting.rest is not None
    assert meeting.rest.gap is not None
    assert (meeting.rest.gap.reason, meeting.rest.gap.after) == (GapReason.RESET, "5-0")
    ahead = meet(at(9, None), ending(at(8, 11)))
    assert ahead.rest is not None
    assert ahead.rest.gap is not None
    assert ahead.rest.gap.after == "8-0"


@pytest.mark.parametrize(
    ("stood", "kept", "shown"), [(7, 20, 7), (9, 20, 9), (9, 6, 6), (4, 20, 4)]
)
def test_what_another_process_showed_of_the_run_that_ends_is_not_shown_again(
    stood: int, kept: int, shown: int
) -> None:
    """This process had read up to 4 when the next run took over, which has the stream up to
    `kept`: the session had been shown more, by a process that was faster."""
    failover = Gap(GapReason.FAILOVER, None, "4-0", "30-0")
    piece = Piece(
        at(4, None, THERE), gap=failover, since=EntryId(4, 0), ends=at(4), kept=EntryId(kept, 0)
    )
    meeting = meet(at(stood), piece)
    assert meeting.rest is piece
    assert piece.gap == msgspec.structs.replace(failover, after=f"{shown}-0")
    place = passed(at(stood), piece)
    assert place == at(shown, None, THERE)
    following = meet(place, Piece(at(10, 10, THERE), 0, chunk(5, 6)))
    assert ids(following) == list(range(shown + 1, 11))


def test_another_stream_begins_where_it_begins_whatever_the_session_was_shown() -> None:
    piece = ending(at(4))
    meet(at(7), piece)
    assert piece.gap is not None
    assert piece.gap.after == "8-0"
    assert passed(at(7), piece) == at(0, 0, THERE)


def test_the_end_of_a_life_that_the_session_never_saw_is_told_as_it_is() -> None:
    for ends in (None, at(8, 11, "c" * 24)):
        piece = ending(ends)
        assert meet(at(5), piece) == Meeting(piece)


def test_a_place_without_an_epoch_takes_that_of_the_piece() -> None:
    piece = Piece(at(6), 0, chunk(6))
    assert meet(at(5, 5, ""), piece) == Meeting(piece)
    assert passed(at(5, 5, ""), piece) == at(6)


@pytest.mark.parametrize("stated", [True, False])
def test_whether_the_next_entrys_loss_was_told_is_kept(stated: bool) -> None:
    piece = Piece(at(6, stated=stated), 1)
    assert passed(at(5), piece).stated is stated


@settings(max_examples=300, deadline=None)
@given(
    stood=st.tuples(st.integers(1, 6), st.none() | st.integers(0, 6), st.sampled_from(["", HERE])),
    first=st.integers(1, 8),
    count=st.integers(0, 3),
    index=st.none() | st.integers(0, 12),
    aligned=st.booleans(),
    behind=st.integers(0, 1),
    filtered=st.integers(0, 2),
    epoch=st.sampled_from(["", HERE, HERE, THERE]),
    told=st.sampled_from([None, None, None, gap(), gap(GapReason.RESET)]),
    seq=st.sampled_from([0, 0, 0, OFF_STREAM]),
)
def test_what_follows_is_met_as_the_long_way_meets_it(
    stood: Any, first: int, count: int, index: int | None, aligned: bool, behind: int,
    filtered: int, epoch: str, told: Gap | None, seq: int,
) -> None:  # fmt: skip
    here = at(*stood)
    run = chunk(first, count) if count and told is None else None
    entries = filtered + (run.count if run else 0)
    if aligned and here.index is not None:
        index = here.index + entries
    through = Cursor(EntryId(first + count - 1 + behind, seq), index, epoch)

    def piece() -> Piece:
        return Piece(through, filtered, run, told)

    short = meet(here, piece())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, "follows", lambda at, piece: False)
        long = meet(here, piece())
    assert short == long

    # One place may serve all who stand there: it is the one that would be made for each.
    where = passed(here, piece())
    if piece().moves and not seq and not piece().replaced and here.epoch == epoch:
        counted = None if here.index is None else here.index + entries
        known = max((one for one in (index, counted) if one is not None), default=None)
        last = max(here.id, through.id)
        assert (where.id, where.index, where.epoch) == (last, known, epoch)
