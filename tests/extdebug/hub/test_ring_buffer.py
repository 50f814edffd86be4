"""What does not fit goes oldest first and is counted; nothing else is lost or moved."""

import random

import pytest

from extdebug.hub.redacting_decoder import DecodedEntry
from extdebug.hub.ring_buffer import MOST_PIECES, EventRun, Piece, RingBuffer
from extdebug.hub.selection import make_chunk
from extdebug.wire.events import Event as DebugEvent
from extdebug.wire.events import Gap, GapReason, Level, Origin, Output
from extdebug.wire.positions import Cursor, EntryId


def prepared(n: int, *, size: int = 10) -> DecodedEntry:
    event = DebugEvent("t", Level.INFO, Output.LOG, "m")
    return DecodedEntry(EntryId(n, 0), event, Origin(), b"x" * size)


def chunk(first: int, count: int = 1, *, size: int = 10) -> EventRun:
    return make_chunk([prepared(first + i, size=size) for i in range(count)], range(count))


def at(n: int) -> Cursor:
    return Cursor(EntryId(n, 0), n)


def live(limit: int = 100) -> RingBuffer:
    ring = RingBuffer(limit=limit)
    ring.release()
    return ring


def drain(ring: RingBuffer, position: Cursor) -> list[Piece]:
    pieces = []
    while (piece := ring.take(position)) is not None:
        pieces.append(piece)
        position = piece.through
    return pieces


def lost(reason: GapReason = GapReason.RETENTION, missed: int | None = 2) -> Gap:
    return Gap(reason, missed, "1-0", "9-0")


def test_pieces_come_out_in_order_with_the_filtered_before_them() -> None:
    ring = live()
    ring.skip(3, through=at(3))
    ring.push(chunk(4), filtered=0, through=at(4))
    ring.skip(1, through=at(5))
    ring.skip(1, through=at(6))
    pieces = drain(ring, at(0))
    assert [(p.through, p.filtered, p.chunk is not None) for p in pieces] == [
        (at(4), 3, True), (at(6), 2, False),
    ]  # fmt: skip
    assert not ring


def test_overflow_drops_the_oldest_and_says_how_many_before_the_next() -> None:
    ring = live(limit=30)
    for n in range(1, 8):
        ring.push(chunk(n), filtered=1, through=at(2 * n))
    pieces = drain(ring, at(0))
    gap = pieces[0].gap
    assert gap is not None
    assert (gap.reason, gap.missed, gap.after, gap.before) == ("not_consumed", 4, "0-0", "5-0")
    assert gap.scope == "matching"
    assert pieces[0].filtered == 4
    assert pieces[0].through == at(8)
    assert [piece.chunk.first.ms for piece in pieces[1:] if piece.chunk] == [5, 6, 7]


def test_the_bytes_held_stay_below_the_limit() -> None:
    ring = live(limit=1000)
    for n in range(500):
        ring.push(chunk(n, 3, size=50), filtered=0, through=at(n))
        assert ring.bytes <= 1000
    assert ring.bytes == sum(p.chunk.size for p in drain(ring, at(0)) if p.chunk)
    assert ring.bytes == 0


def test_one_chunk_above_the_limit_is_kept() -> None:
    ring = live(limit=10)
    ring.push(chunk(1, 5), filtered=0, through=at(5))
    assert ring.count == 5


def test_tiny_pieces_are_bounded_by_their_number() -> None:
    ring = live(limit=1 << 30)
    for n in range(MOST_PIECES + 10):
        ring.push(chunk(n, size=1), filtered=0, through=at(n))
    assert len(ring._pieces) == MOST_PIECES
    for n in range(MOST_PIECES + 10):
        ring.push_gap(lost(), through=at(n))
    assert len(ring._pieces) == MOST_PIECES


def test_a_stated_gap_survives_its_own_dropping() -> None:
    ring = live(limit=20)
    ring.push_gap(lost(missed=2), through=at(1))
    ring.push(chunk(2), filtered=0, through=at(2))
    ring.push_gap(lost(missed=3), through=at(3))
    for n in range(4, 10):
        ring.push(chunk(n), filtered=0, through=at(n))
    gaps = [piece.gap for piece in drain(ring, at(0)) if piece.gap]
    assert [(gap.reason, gap.missed) for gap in gaps] == [("retention", 5), ("not_consumed", 5)]


def test_an_uncounted_gap_makes_the_joined_one_uncounted() -> None:
    ring = live(limit=10)
    ring.push_gap(lost(GapReason.RESET, None), through=at(1))
    ring.push_gap(lost(GapReason.RESET, None), through=at(2))
    for n in range(3, 6):
        ring.push(chunk(n), filtered=0, through=at(n))
    gaps = [piece.gap for piece in drain(ring, at(0)) if piece.gap]
    assert [gap.missed for gap in gaps if gap.reason == "reset"] == [None]


def test_hostile_details_do_not_grow_the_memory_of_stated_gaps() -> None:
    ring = live(limit=10)
    for n in range(200):
        gap = Gap(GapReason.UNREADABLE, 1, f"{n}-0", None, None, f"problem {n}")
        ring.push_gap(gap, through=at(n))
    for n in range(300, 310):
        ring.push(chunk(n), filtered=0, through=at(n))
    gaps = [p.gap for p in drain(ring, at(0)) if p.gap and p.gap.reason == "unreadable"]
    assert len(gaps) <= 17
    assert sum(gap.missed or 0 for gap in gaps) == 200


def test_while_parked_overflow_moves_the_floor_and_loses_nothing() -> None:
    ring = RingBuffer(limit=30)
    for n in range(1, 8):
        ring.push(chunk(n), filtered=0, through=at(n))
    assert ring.floor == at(4)
    ring.release()
    pieces = drain(ring, at(4))
    assert [piece.gap for piece in pieces] == [None, None, None]
    assert [piece.through for piece in pieces] == [at(5), at(6), at(7)]


def test_a_replaced_stream_is_told_even_if_its_gap_fell_out_while_parked() -> None:
    """History ends when the stream is replaced, so nobody else would say it."""
    ring = RingBuffer(limit=30)
    ring.push_gap(lost(GapReason.RESET, None), through=at(0))
    for n in range(1, 8):
        ring.push(chunk(n), filtered=0, through=at(n))
    ring.release()
    reasons = [piece.gap.reason for piece in drain(ring, at(0)) if piece.gap]
    assert "reset" in reasons


@pytest.mark.parametrize("seed", range(30))
def test_shown_filtered_and_missed_add_up_whatever_happens(seed: int) -> None:
    chance = random.Random(seed)
    ring = live(limit=200)
    pushed = filtered = taken = dropped = seen_filtered = 0
    n, position = 0, at(0)
    for _ in range(400):
        match chance.choice(["push", "push", "skip", "take"]):
            case "push":
                count, hidden = chance.randint(1, 4), chance.randint(0, 3)
                n += count
                ring.push(chunk(n - count + 1, count), filtered=hidden, through=at(n))
                pushed, filtered = pushed + count, filtered + hidden
            case "skip":
                n += 1
                ring.skip(1, through=at(n))
                filtered += 1
            case "take":
                pieces = [piece] if (piece := ring.take(position)) else []
                for piece in pieces:
                    assert piece.through.id >= position.id
                    position = piece.through
                    taken += piece.chunk.count if piece.chunk else 0
                    seen_filtered += piece.filtered
                    dropped += piece.gap.missed or 0 if piece.gap else 0
    for piece in drain(ring, position):
        taken += piece.chunk.count if piece.chunk else 0
        seen_filtered += piece.filtered
        dropped += piece.gap.missed or 0 if piece.gap else 0
    assert (taken + dropped, seen_filtered) == (pushed, filtered)


def test_each_event_knows_its_own_cursor() -> None:
    part = [prepared(n) for n in range(1, 6)]
    some = make_chunk(part, [0, 2, 3])
    assert [cursor for _, cursor in some.places(at(5))] == [at(1), at(3), at(4)]
    assert [cursor.index for _, cursor in some.places(Cursor(EntryId(5, 0)))] == [None] * 3
