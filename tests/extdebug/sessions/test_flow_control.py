"""The account of a session is true to the unit, and at most a window is on its way."""

import random

import pytest

from extdebug.hub.pieces import NOWHERE, Piece
from extdebug.sessions.flow_control import (
    ACKS_WITHIN,
    FRAME_OVERHEAD,
    LIMITED_EVERY,
    Events,
    FlowControl,
)
from extdebug.wire.events import Gap, GapReason
from extdebug.wire.positions import Cursor, EntryId
from tests.extdebug.hub.test_ring_buffer import at, chunk


def flow(*, window: int = 1000, events: int = 0, size: int = 0) -> FlowControl:
    return FlowControl(
        position=at(0), rev=3, events_per_second=events, bytes_per_second=size, window=window
    )


def piece(first: int, count: int = 1, *, filtered: int = 0, size: int = 10) -> Piece:
    return Piece(at(first + count - 1), filtered, chunk(first, count, size=size))


def show(one: FlowControl, *pieces: Piece, now: float = 0.0) -> Events:
    """One frame of these pieces."""
    chunks, base = [], []
    for each in pieces:
        place = one.accept(each)
        if each.chunk is not None:
            chunks.append(each.chunk)
            base.append(place)
    return one.show(chunks, base, now)


def test_one_frame_joins_its_chunks_and_moves_the_place() -> None:
    sent = show(flow(), piece(1, 2), Piece(at(3), 1), piece(4, filtered=2))
    assert (sent.seq, sent.rev, sent.count, sent.through) == (1, 3, 3, Cursor(EntryId(4, 0), 6))
    assert sent.text().startswith('{"type":"events","seq":1,"rev":3,"cursor":"4-0.6","events":[')
    assert [cursor for _, cursor in sent.places()] == [at(1), at(2), Cursor(EntryId(4, 0), 6)]


def test_credit_is_taken_by_frames_and_given_back_by_acks() -> None:
    one = flow(window=500)
    show(one, piece(1, 10))
    assert one.unacked == 109 + FRAME_OVERHEAD  # ten events and the commas between them
    show(one, piece(11, 10))
    assert not one.fits(100)
    assert one.ack(1)
    assert one.unacked == 109 + FRAME_OVERHEAD
    assert one.acked_position == at(10)
    assert one.ack(2)
    assert (one.unacked, one.acked) == (0, 2)


def test_an_ack_of_what_was_never_sent_is_refused_and_an_old_one_is_harmless() -> None:
    one = flow()
    show(one, piece(1))
    assert not one.ack(2)
    assert one.ack(1)
    assert one.ack(1)
    assert one.ack(0)
    assert one.unacked == 0


def test_a_frame_above_the_window_passes_alone() -> None:
    one = flow(window=50)
    assert one.fits(10_000)
    show(one, piece(1, 10))
    assert not one.fits(1)
    assert not one.open


def test_gaps_are_numbered_counted_and_take_credit() -> None:
    one = flow()
    gap = Gap(GapReason.RETENTION, 7, "0-0", "8-0")
    told = one.tell(Piece(at(7), 2, gap=gap), 0.0)
    assert told is not None
    assert (told.seq, told.through, one.unacked > 0) == (1, at(7), True)
    assert (one.ledger.lost, one.ledger.filtered) == ({"retention": 7}, 2)
    assert one.tell(Piece(at(9), 2), 0.0) is None
    assert (one.position, one.ledger.entries) == (at(9), 11)


def test_what_the_rate_refuses_is_one_gap_before_what_follows() -> None:
    one = flow(events=10)
    assert one.admits(chunk(1, 10), 0.0)
    show(one, piece(1, 10))
    for first in (11, 16):
        assert not one.admits(chunk(first, 5), 0.0)
        one.refuse(piece(first, 5, filtered=1), 0.0)
    assert one.limited(0.5, before=None) is None, "not yet: more may be refused"
    told = one.limited(0.5, before="21-0")
    assert told is not None
    gap = told.gap
    assert (gap.reason, gap.missed, gap.after, gap.before) == ("rate_limited", 10, "10-0", "21-0")
    assert gap.scope == "matching"
    assert one.ledger.lost == {"rate_limited": 10}
    assert one.ledger.entries == 10 + 10 + 2
    assert one.position == Cursor(EntryId(20, 0), 22)


def test_the_position_waits_before_what_was_refused_until_that_is_told() -> None:
    """Whoever comes back with a status' cursor is told it then."""
    one = flow(events=1)
    show(one, piece(1))
    one.refuse(piece(2, 5), 0.0)
    one.tell(Piece(at(9), 3), 0.1)
    assert (one.position, one.at.id) == (at(1), EntryId(9, 0))
    assert one.ledger.filtered == 0
    told = one.limited(2.0, before=None)
    assert told is not None
    assert told.through == one.position == one.at
    assert (one.ledger.filtered, one.ledger.entries) == (3, 9)


def test_going_on_from_a_place_forgets_what_was_refused_behind_it() -> None:
    one = flow(events=1)
    show(one, piece(1))
    one.refuse(piece(2, 5), 0.0)
    one.stand_at(one.position)
    assert one.refused_since is None
    assert one.limited(99.0, before=None) is None
    assert one.position == one.at == at(1)


def test_going_on_from_a_place_keeps_what_was_refused_straight_from_a_runner() -> None:
    one = flow(events=1)
    show(one, piece(1))
    one.refuse(piece(2, 5, filtered=3), 0.0)  # of the stream: it is read again
    one.refuse(Piece(NOWHERE, 2, chunk(1, 4)), 0.0)
    one.stand_at(one.position)
    one.tell(Piece(NOWHERE, 1), 0.0)  # of a runner, too: nobody reads it again
    notice = one.limited(99.0, before=None)
    assert notice is not None
    assert (notice.gap.missed, one.ledger.filtered, one.position) == (4, 3, at(1))


def test_only_events_can_be_over_the_rate() -> None:
    with pytest.raises(ValueError, match="only a chunk"):
        flow().refuse(Piece(at(1), 1), 0.0)


def test_a_loss_between_our_place_and_the_next_piece_moves_to_its_end() -> None:
    one = flow()
    notice = one.lose(Gap(GapReason.RETENTION, 4, "0-0", "5-0"), at(4), 0.0)
    assert (notice.seq, notice.through, one.position, one.at) == (1, at(4), at(4), at(4))
    assert one.ledger.lost == {"retention": 4}


def test_what_was_not_consumed_begins_where_the_session_stood() -> None:
    one = flow()
    show(one, piece(1, 3))
    gap = Gap(GapReason.NOT_CONSUMED, 4, None, "8-0", None, "matching")
    told = one.tell(Piece(at(7), 0, gap=gap, counted=4), 0.0)
    assert told is not None
    assert (told.gap.after, told.gap.before, told.through) == ("3-0", "8-0", at(7))


def test_who_acknowledges_too_slowly_does_not_hold_up_the_stream() -> None:
    one = flow()
    assert one.keeps_up(0.0)
    show(one, piece(1), now=10.0)
    assert one.keeps_up(10.0 + ACKS_WITHIN / 2)
    assert not one.keeps_up(10.0 + ACKS_WITHIN)
    one.ack(1)
    assert one.keeps_up(99.0)


def test_a_refused_tail_is_told_within_a_second() -> None:
    one = flow(events=1)
    one.refuse(piece(1, 5), 10.0)
    assert one.refused_since == 10.0
    told = one.limited(10.0 + LIMITED_EVERY, before=None)
    assert told is not None
    assert told.gap.missed == 5
    assert one.limited(99.0, before=None) is None


def test_another_limit_applies_from_its_decision_on() -> None:
    one = flow(events=1)
    assert not one.admits(chunk(1, 1), 0.0) or not one.admits(chunk(2, 1), 0.0)
    one.limit(events_per_second=0, bytes_per_second=0)
    assert one.admits(chunk(3, 100), 0.0)


@pytest.mark.parametrize("seed", range(20))
def test_entries_are_shown_filtered_or_lost_and_nothing_else(seed: int) -> None:
    chance = random.Random(seed)
    one = flow(events=50, window=2000)
    entries, n, now = 0, 0, 0.0
    for _ in range(300):
        now += chance.random() / 20
        one.ack(one.seq - chance.randint(0, min(3, one.seq)))
        count, hidden = chance.randint(1, 8), chance.randint(0, 3)
        n += count
        entries += count + hidden
        here = piece(n - count + 1, count, filtered=hidden)
        assert here.chunk is not None
        if one.admits(here.chunk, now):
            one.limited(now, before=str(here.chunk.first))
            show(one, here, now=now)
        else:
            one.refuse(here, now)
    one.limited(now + 2, before=None)
    assert one.ledger.entries == entries
    assert one.position == one.at == Cursor(EntryId(n, 0), entries)
