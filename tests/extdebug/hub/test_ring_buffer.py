"""What does not fit goes oldest first and is counted; nothing else is lost or moved."""

import random

import pytest

from extdebug.hub.pieces import NOWHERE, EventRun, Piece
from extdebug.hub.redacting_decoder import DecodedEntry
from extdebug.hub.ring_buffer import MOST_PIECES, MOST_STATED, RingBuffer
from extdebug.hub.selection import make_chunk
from extdebug.streams.continuity import Loss
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


def drain(ring: RingBuffer) -> list[Piece]:
    pieces = []
    while (piece := ring.take()) is not None:
        pieces.append(piece)
    return pieces


def summed(pieces: list[Piece]) -> int:
    """Entries that these pieces account for: what the places differ by more is a loss."""
    return sum(piece.entries for piece in pieces)


def lost(reason: GapReason = GapReason.RETENTION, missed: int | None = 2) -> Gap:
    return Gap(reason, missed, "1-0", "9-0")


def loss(after: EntryId, explained: int, *, kept: EntryId | None = None) -> Loss:
    """What the rings are told beside the gap itself."""
    return Loss(GapReason.RETENTION, None, after, None, at(0), explained, kept)


def test_pieces_come_out_in_order_with_the_filtered_before_them() -> None:
    ring = live()
    ring.skip(3, through=at(3))
    ring.push(chunk(4), filtered=0, through=at(4))
    ring.skip(1, through=at(5))
    ring.skip(1, through=at(6))
    pieces = drain(ring)
    assert [(p.through, p.filtered, p.chunk is not None) for p in pieces] == [
        (at(4), 3, True), (at(6), 2, False),
    ]  # fmt: skip
    assert not ring


def test_overflow_drops_the_oldest_and_says_how_many_before_the_next() -> None:
    ring = live(limit=30)
    for n in range(1, 8):
        ring.push(chunk(n), filtered=1, through=at(2 * n))
    pieces = drain(ring)
    gap = pieces[0].gap
    assert gap is not None
    assert (gap.reason, gap.missed, gap.after, gap.before) == ("not_consumed", 4, None, "5-0")
    assert gap.scope == "matching"
    assert (pieces[0].filtered, pieces[0].counted, pieces[0].entries) == (4, 4, 8)
    assert pieces[0].through == at(8)
    assert [piece.chunk.first.ms for piece in pieces[1:] if piece.chunk] == [5, 6, 7]


def test_the_bytes_held_stay_below_the_limit() -> None:
    ring = live(limit=1000)
    for n in range(500):
        ring.push(chunk(n, 3, size=50), filtered=0, through=at(n))
        assert ring.bytes <= 1000
    assert ring.bytes == sum(p.chunk.size for p in drain(ring) if p.chunk)
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


def producer(missed: int | None, detail: str | None = None) -> Gap:
    return Gap(GapReason.PRODUCER, missed, "1-0", "9-0", None, detail)


def test_a_gap_is_of_the_entry_it_counts_or_of_the_next() -> None:
    ring = live(limit=20)
    ring.push_gap(producer(2), through=at(1), counted=1)
    ring.push_gap(producer(2), through=at(1))
    assert [piece.own for piece in drain(ring)] == [True, False]


def test_a_stated_gap_that_no_count_holds_survives_its_own_dropping() -> None:
    ring = live(limit=20)
    ring.push_gap(producer(2), through=at(1))
    ring.push(chunk(2), filtered=0, through=at(2))
    ring.push_gap(producer(3), through=at(2))
    for n in range(3, 9):
        ring.push(chunk(n), filtered=0, through=at(n))
    pieces = drain(ring)
    gaps = [(piece.gap.reason, piece.gap.missed) for piece in pieces if piece.gap]
    assert gaps == [("producer", 5), ("not_consumed", 5)]
    assert pieces[0].through == NOWHERE, "what was dropped moves the place, and once"


def test_a_counted_loss_of_the_stream_needs_no_memory_because_the_places_say_it() -> None:
    ring = live(limit=20)
    ring.push(chunk(1), filtered=0, through=at(1))
    ring.push_loss(lost(missed=10), loss(at(1).id, 2), through=at(11), ends=at(1))
    for n in range(12, 18):
        ring.push(chunk(n), filtered=0, through=at(n))
    pieces = drain(ring)
    assert [piece.gap.reason for piece in pieces if piece.gap] == ["not_consumed"]
    assert pieces[0].explained == 2
    assert pieces[0].since == at(1).id, "the loss may lie behind events that were told before it"
    assert pieces[-1].through.index == 17
    assert summed(pieces) == 17 - 10


def test_an_uncounted_loss_of_the_stream_is_told_though_it_was_dropped() -> None:
    ring = live(limit=10)
    ring.push_gap(lost(missed=None), through=at(1))
    for n in range(2, 6):
        ring.push(chunk(n), filtered=0, through=at(n))
    gaps = [(piece.gap.reason, piece.gap.missed) for piece in drain(ring) if piece.gap]
    assert gaps == [("retention", None), ("not_consumed", 3)]


def test_an_uncounted_gap_makes_the_joined_one_uncounted() -> None:
    ring = live(limit=10)
    ring.push_gap(producer(None), through=at(1))
    ring.push_gap(producer(4), through=at(1))
    for n in range(3, 6):
        ring.push(chunk(n), filtered=0, through=at(n))
    gaps = [piece.gap for piece in drain(ring) if piece.gap]
    assert [gap.missed for gap in gaps if gap.reason == "producer"] == [None]


def test_what_was_dropped_on_both_sides_of_a_reset_is_two_gaps_around_it() -> None:
    ring = live(limit=20)
    other = "f" * 24
    for n in range(1, 4):
        ring.push(chunk(n), filtered=0, through=at(n))
    ring.push_gap(lost(GapReason.RESET, None), through=Cursor(EntryId(0, 0), 0, other))
    for n in range(1, 6):
        ring.push(chunk(n), filtered=0, through=Cursor(EntryId(n, 0), n, other))
    pieces = drain(ring)
    told = [(p.gap.reason, p.gap.missed, p.through.epoch) for p in pieces if p.gap]
    assert told == [("not_consumed", 3, ""), ("reset", None, other), ("not_consumed", 3, other)]


def test_many_resets_that_fall_out_do_not_grow_the_memory() -> None:
    ring = live(limit=10)
    for n in range(MOST_PIECES + 100):
        ring.push_gap(lost(GapReason.RESET, None), through=at(n))
    assert len(ring._dropped) <= MOST_STATED


def test_hostile_details_do_not_grow_the_memory_of_stated_gaps() -> None:
    ring = live(limit=10)
    for n in range(200):
        gap = Gap(GapReason.UNREADABLE, 1, f"{n}-0", None, None, f"problem {n}")
        ring.push_gap(gap, through=at(n))
    for n in range(300, 310):
        ring.push(chunk(n), filtered=0, through=at(n))
    gaps = [p.gap for p in drain(ring) if p.gap and p.gap.reason == "unreadable"]
    assert len(gaps) <= 17
    assert sum(gap.missed or 0 for gap in gaps) == 200


def test_while_parked_overflow_moves_the_floor_and_loses_nothing() -> None:
    ring = RingBuffer(limit=30)
    for n in range(1, 8):
        ring.push(chunk(n), filtered=0, through=at(n))
    assert ring.floor == at(4)
    ring.release()
    pieces = drain(ring)
    assert [piece.gap for piece in pieces] == [None, None, None]
    assert not any(piece.counted for piece in pieces)
    assert [piece.through for piece in pieces] == [at(5), at(6), at(7)]


def test_a_replaced_stream_ends_the_parking_and_is_told_even_if_its_gap_fell_out() -> None:
    """History ends when the stream is replaced, so nobody else would say it."""
    ring = RingBuffer(limit=30)
    ring.push_gap(lost(GapReason.RESET, None), through=at(0))
    assert not ring.parked
    for n in range(1, 8):
        ring.push(chunk(n), filtered=0, through=at(n))
    assert ring.floor is None
    reasons = [piece.gap.reason for piece in drain(ring) if piece.gap]
    assert reasons == ["reset", "not_consumed"]


def test_a_seam_moves_nothing_and_takes_no_entries_along() -> None:
    ring = live()
    ring.skip(3, through=at(3))
    ring.push_seam(lost(GapReason.FAILOVER, None))
    late, seam = drain(ring)
    assert (late.through, late.filtered, late.gap) == (at(3), 3, None)
    assert not seam.moves
    assert not seam.replaced, "the stream goes on"
    assert seam.entries == 0


def test_what_was_dropped_at_the_end_of_a_life_ends_before_the_next_one_begins() -> None:
    """Its place must not reach over what the new life drops, which is told by itself."""
    ring = live(limit=30)
    ring.push(chunk(1, 2), filtered=0, through=at(2))
    through = Cursor(EntryId(8, 0), 0, "f" * 24)
    ring.push_gap(lost(GapReason.RESET, None), through=through)
    for n in range(9, 13):
        ring.push(chunk(n), filtered=0, through=Cursor(EntryId(n, 0), n - 8, "f" * 24))
    told = [piece.gap for piece in drain(ring) if piece.gap]
    assert [(gap.reason, gap.missed, gap.before) for gap in told] == [
        ("not_consumed", 2, "2-1"), ("reset", None, "9-0"), ("not_consumed", 1, "10-0"),
    ]  # fmt: skip


def test_entries_behind_a_reset_are_not_counted_before_it() -> None:
    ring = live()
    ring.skip(3, through=at(3))
    ring.push_gap(lost(GapReason.RESET, None), through=Cursor(EntryId(1, 0), 0, "f" * 24))
    late, reset = drain(ring)
    assert (late.through, late.filtered) == (at(3), 3)
    assert (reset.replaced, reset.filtered) == (True, 0)


def test_crowded_means_half_full_by_bytes_or_by_pieces() -> None:
    ring = live(limit=100)
    for n in range(5):
        ring.push(chunk(n), filtered=0, through=at(n))
    assert not ring.crowded
    ring.push(chunk(6), filtered=0, through=at(6))
    assert ring.crowded
    small = live(limit=1 << 30)
    for n in range(MOST_PIECES // 2 + 1):
        assert not small.crowded
        small.push(chunk(n, size=1), filtered=0, through=at(n))
    assert small.crowded


@pytest.mark.parametrize("seed", range(30))
def test_shown_filtered_and_missed_add_up_whatever_happens(seed: int) -> None:
    chance = random.Random(seed)
    ring = live(limit=200)
    pushed = filtered = counted = 0
    n = 0
    pieces: list[Piece] = []
    for _ in range(400):
        match chance.choice(["push", "push", "skip", "gap", "take"]):
            case "push":
                count, hidden = chance.randint(1, 4), chance.randint(0, 3)
                n += count + hidden
                part = chunk(n - count + 1, count)
                ring.push(part, filtered=hidden, through=at(n), counted=0)
                pushed, filtered = pushed + count, filtered + hidden
            case "skip":
                n += 2
                ring.skip(1, through=at(n), counted=1)
                filtered, counted = filtered + 1, counted + 1
            case "gap":
                n += 1
                ring.push_gap(producer(1), through=at(n), counted=1)
                counted += 1
            case "take":
                pieces += [piece] if (piece := ring.take()) else []
    pieces += drain(ring)
    places = [piece.through.id for piece in pieces if piece.moves]
    assert places == sorted(places)
    taken = sum(piece.chunk.count for piece in pieces if piece.chunk)
    dropped = [p.gap.missed or 0 for p in pieces if p.gap and p.gap.reason == "not_consumed"]
    assert (taken + sum(dropped), sum(p.filtered for p in pieces)) == (pushed, filtered)
    assert summed(pieces) == pushed + filtered + counted == n


def test_a_loss_keeps_where_it_may_have_begun_and_where_the_account_stood() -> None:
    ring = live()
    ring.push_loss(lost(), loss(EntryId(3, 0), 1, kept=at(7).id), through=at(9), ends=at(5))
    [piece] = drain(ring)
    assert (piece.since, piece.ends, piece.explained) == (EntryId(3, 0), at(5), 1)
    assert piece.kept == at(7).id


def test_of_dropped_losses_the_earliest_beginning_stays() -> None:
    ring = live(limit=10)
    for n, since in ((10, 7), (20, 4), (30, 25)):
        ring.push_loss(lost(), loss(EntryId(since, 0), 2), through=at(n), ends=at(1))
    ring.push(chunk(31), filtered=0, through=at(31))
    ring.push(chunk(32), filtered=0, through=at(32))
    first = drain(ring)[0]
    assert (first.since, first.explained) == (EntryId(4, 0), 6)


def test_the_end_of_a_life_that_is_dropped_is_told_with_where_it_ended() -> None:
    ring = live(limit=10)
    there = Cursor(EntryId(1, 0), 1, "f" * 24)
    reset = lost(GapReason.RESET, None)
    ring.push(chunk(1), filtered=0, through=at(1))
    ring.push_loss(reset, loss(EntryId(1, 0), 0), through=there, ends=at(1))
    ring.push(chunk(2), filtered=0, through=there)
    ring.push(chunk(3), filtered=0, through=there)
    pieces = drain(ring)
    [end] = [piece for piece in pieces if piece.replaced]
    assert (end.gap, end.ends, end.through) == (reset, at(1), there)
    assert [piece.counted for piece in pieces if piece is not end] == [1, 1, 0]


def test_what_was_told_by_another_process_is_no_loss_when_it_is_dropped() -> None:
    """A session comes from a process that had read more than this one: its place lies ahead of
    what the ring begins with."""
    ring = live(limit=40)
    ring.told = at(5)
    ring.push(chunk(1, 3), filtered=0, through=at(3))
    ring.push(chunk(4, 3), filtered=1, through=at(7))
    ring.push(chunk(8, 3), filtered=0, through=at(10))
    ring.push(chunk(11, 3), filtered=0, through=at(13))
    first, *rest = drain(ring)
    assert first.gap == Gap(GapReason.NOT_CONSUMED, 4, before="11-0")
    assert (first.through, first.entries) == (at(10), 5), "behind 5: one filtered, 6, 8, 9 and 10"
    assert [piece.through for piece in rest] == [at(13)]


def test_of_another_life_nothing_was_told() -> None:
    ring = live(limit=40)
    ring.told = Cursor(EntryId(50, 0), 50, "f" * 24)
    ring.push(chunk(1, 3), filtered=0, through=at(3))
    ring.push(chunk(4, 3), filtered=0, through=at(6))
    assert [piece.gap.missed for piece in drain(ring) if piece.gap] == [3]


def test_a_whole_frame_is_the_next_piece_and_stays_until_it_is_taken() -> None:
    ring = live(limit=200)
    assert ring.whole_frame(3) is None
    ring.push(chunk(1, 2), filtered=0, through=at(2))
    first = ring.whole_frame(3)
    assert first is not None
    assert ring.whole_frame(3) is first
    ring.skip(1, through=at(3))
    assert ring.whole_frame(3) is None, "what was filtered behind it belongs to its frame"
    assert ring.whole_frame(2) is first, "it is full"
    assert ring.take() is first
    ring.push(chunk(4, 1), filtered=0, through=at(4))
    ring.push(chunk(5, 1), filtered=0, through=at(5))
    assert ring.whole_frame(3) is None
    ring.push_gap(lost(), through=at(7))
    drained = drain(ring)
    assert [piece.chunk is not None for piece in drained] == [True, True, False]


def test_no_frame_is_whole_behind_what_was_dropped() -> None:
    ring = live(limit=15)
    ring.push(chunk(1), filtered=0, through=at(1))
    ring.push(chunk(2), filtered=0, through=at(2))
    assert ring.whole_frame(1) is None
    dropped = ring.take()
    assert dropped is not None
    assert dropped.gap is not None
    assert ring.whole_frame(1) is not None


def test_a_seam_stays_where_history_reads_up_to_what_was_dropped() -> None:
    ring = RingBuffer(limit=25)
    ring.push(chunk(1), filtered=0, through=at(1))
    ring.push_seam(lost(GapReason.FAILOVER, None))
    ring.push(chunk(2), filtered=0, through=at(2))
    ring.push(chunk(3), filtered=0, through=at(3))
    assert ring.floor == at(1)
    ring.push(chunk(4), filtered=0, through=at(4))
    assert ring.floor == at(2), "the seam has no place to read up to"
    ring.release()
    assert [piece.gap is not None for piece in drain(ring)] == [True, False, False]


def test_a_ring_holds_a_gap_until_it_is_taken() -> None:
    seam, ring = lost(GapReason.FAILOVER, None), live(limit=15)
    assert not ring.holds(seam)
    ring.push_seam(seam)
    assert ring.holds(seam)
    assert not ring.holds(lost(GapReason.FAILOVER, None)), "an equal one"
    for n in range(1, 4):
        ring.push(chunk(n), filtered=0, through=at(n))
    assert ring.holds(seam), "it was dropped, and is to be told"
    drain(ring)
    assert not ring.holds(seam)


def test_what_is_put_back_comes_before_what_was_dropped_meanwhile() -> None:
    ring = live(20)
    ring.push(chunk(1), filtered=0, through=at(1))
    first = ring.take()
    assert first is not None
    for n in (2, 3, 4):
        ring.push(chunk(n), filtered=0, through=at(n))
    ring.put_back(first)
    pieces = drain(ring)
    assert [piece.through for piece in pieces] == [at(1), at(2), at(3), at(4)]
    assert pieces[0] is first
    assert pieces[1].gap is not None
    assert ring.bytes == 0


def test_what_is_put_back_weighs_as_before() -> None:
    ring = live(20)
    ring.push(chunk(1), filtered=0, through=at(1))
    first = ring.take()
    assert first is not None
    ring.put_back(first)
    assert ring.bytes == 10
    assert drain(ring) == [first]


def test_history_never_reads_up_to_a_seam() -> None:
    ring = RingBuffer(limit=100)
    for _ in range(MOST_PIECES + 1):
        ring.push_seam(lost(GapReason.FAILOVER, None))
    ring.push_gap(lost(), through=at(1))
    assert ring.floor == at(1)
    ring.push_gap(lost(), through=at(2))
    assert ring.floor == at(2)
