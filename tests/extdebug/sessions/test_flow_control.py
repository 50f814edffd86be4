"""The account of a session is true to the unit, and at most a window is on its way."""

import random

import pytest

from extdebug.hub.ring_buffer import Piece
from extdebug.sessions.flow_control import (
    FRAME_OVERHEAD,
    LIMITED_EVERY,
    FlowControl,
    Ledger,
    TokenBucket,
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


def test_one_frame_joins_its_chunks_and_moves_the_place() -> None:
    sent = flow().show([piece(1, 2), Piece(at(3), 1), piece(4, filtered=2)])
    assert (sent.seq, sent.rev, sent.count, sent.through) == (1, 3, 3, at(4))
    assert sent.text().startswith('{"type":"events","seq":1,"rev":3,"cursor":"4-0.4","events":[')
    assert [cursor for _, cursor in sent.places()] == [at(1), at(2), at(4)]


def test_credit_is_taken_by_frames_and_given_back_by_acks() -> None:
    one = flow(window=500)
    one.show([piece(1, 10)])
    assert one.unacked == 109 + FRAME_OVERHEAD  # ten events and the commas between them
    one.show([piece(11, 10)])
    assert not one.fits(100)
    assert one.ack(1)
    assert one.unacked == 109 + FRAME_OVERHEAD
    assert one.acked_position == at(10)
    assert one.ack(2)
    assert (one.unacked, one.acked) == (0, 2)


def test_an_ack_of_what_was_never_sent_is_refused_and_an_old_one_is_harmless() -> None:
    one = flow()
    one.show([piece(1)])
    assert not one.ack(2)
    assert one.ack(1)
    assert one.ack(1)
    assert one.ack(0)
    assert one.unacked == 0


def test_a_frame_above_the_window_passes_alone() -> None:
    one = flow(window=50)
    assert one.fits(10_000)
    one.show([piece(1, 10)])
    assert not one.fits(1)
    assert not one.open


def test_gaps_are_numbered_counted_and_take_credit() -> None:
    one = flow()
    gap = Gap(GapReason.RETENTION, 7, "0-0", "8-0")
    told = one.tell(Piece(at(7), 2, gap=gap))
    assert told is not None
    assert (told.seq, told.through, one.unacked > 0) == (1, at(7), True)
    assert (one.ledger.lost, one.ledger.filtered) == ({"retention": 7}, 2)
    assert one.tell(Piece(at(9), 2)) is None
    assert (one.position, one.ledger.entries) == (at(9), 11)


def test_an_uncounted_loss_reads_null_and_the_rest_still_adds_up() -> None:
    ledger = Ledger(shown=5, filtered=2)
    ledger.lose(Gap(GapReason.RETENTION, 3))
    ledger.lose(Gap(GapReason.RESET, None))
    frame = ledger.frame()
    assert frame.lost == {"reset": None, "retention": 3}
    assert frame.entries == 10
    other = Ledger()
    other.add(ledger)
    other.add(ledger)
    assert (other.entries, other.unknown) == (20, {"reset"})


def test_a_bucket_holds_one_second_of_its_rate() -> None:
    bucket = TokenBucket(10)
    assert bucket.take(10, 0.0)
    assert not bucket.take(1, 0.05)
    assert bucket.take(1, 0.15)
    assert bucket.take(10, 100.0)
    assert not bucket.take(1, 100.0)


def test_more_than_a_bucket_holds_passes_when_it_is_full() -> None:
    bucket = TokenBucket(10)
    assert bucket.take(25, 0.0)
    assert not bucket.take(1, 1.0), "the excess is paid back"
    assert bucket.take(1, 2.7)


def test_no_rate_is_no_limit() -> None:
    assert all(TokenBucket(0).take(10**9, 0.0) for _ in range(3))


def test_what_the_rate_refuses_is_one_gap_before_what_follows() -> None:
    one = flow(events=10)
    assert one.admits(chunk(1, 10), 0.0)
    one.show([piece(1, 10)])
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
    assert one.position == at(20)


def test_a_refused_tail_is_told_within_a_second() -> None:
    one = flow(events=1)
    one.refuse(piece(1, 5), 10.0)
    assert one.limited_since == 10.0
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
            one.show([here])
        else:
            one.refuse(here, now)
    one.limited(now + 2, before=None)
    assert one.ledger.entries == entries
    assert one.position == Cursor(EntryId(n, 0), n)
