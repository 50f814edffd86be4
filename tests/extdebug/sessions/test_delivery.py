"""Pieces become frames in order: a loss before what follows it, nothing past the window."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from extdebug.hub.pieces import NOWHERE, Piece
from extdebug.hub.selection import FRAME_BYTES, FRAME_EVENTS
from extdebug.sessions.flow_control import Events, FlowControl, GapNotice
from extdebug.wire.events import Gap, GapReason
from extdebug.wire.positions import Cursor, EntryId
from tests.extdebug.hub.test_ring_buffer import chunk
from tests.extdebug.sessions.pieces import Queue, deliver_all, deliver_next
from tests.extdebug.sessions.test_place import at, gap


def flow(*, window: int = 1 << 20, events: int = 0) -> FlowControl:
    return FlowControl(
        position=at(0), rev=1, events_per_second=events, bytes_per_second=0, window=window
    )


def piece(first: int, count: int = 1, *, size: int = 10, history: bool = False) -> Piece:
    return Piece(at(first + count - 1), chunk=chunk(first, count, size=size), history=history)


def told(messages: list[Events | GapNotice]) -> list[str]:
    """Ids that were shown, and gaps with what they miss, in order."""
    items = []
    for message in messages:
        if isinstance(message, Events):
            items += [str(one.id.ms) for one, _ in message.places()]
        else:
            items.append(f"{message.gap.reason}:{message.gap.missed}")
    return items


def test_pieces_that_wait_are_joined_into_one_frame() -> None:
    one, queue = flow(), Queue(piece(1, 2), Piece(at(4), 2), piece(5))
    [frame] = deliver_all(one, queue)
    assert told([frame]) == ["1", "2", "5"]
    assert frame.through == at(5)
    assert one.ledger.entries == 5


def test_filtered_entries_alone_make_no_frame_and_move_the_place() -> None:
    one = flow()
    assert deliver_all(one, Queue(Piece(at(4), 4))) == []
    assert (one.position, one.ledger.filtered) == (at(4), 4)


def test_a_frame_has_its_bounds() -> None:
    many = [piece(n + 1) for n in range(FRAME_EVENTS + 50)]
    assert [m.count for m in deliver_all(flow(), Queue(*many)) if isinstance(m, Events)] == [
        FRAME_EVENTS, 50,
    ]  # fmt: skip
    large = [piece(n + 1, size=FRAME_BYTES // 2) for n in range(5)]
    assert [m.count for m in deliver_all(flow(), Queue(*large)) if isinstance(m, Events)] == [
        2, 2, 1,
    ]  # fmt: skip


def test_nothing_is_sent_past_the_window_and_all_of_it_later() -> None:
    one, queue = flow(window=500), Queue(piece(1, size=200))
    assert deliver_next(one, queue) is not None
    queue.pieces = [piece(2, size=200), piece(3, size=200)]
    assert deliver_next(one, queue) is None
    assert len(queue.pieces) == 2
    one.ack(1)
    assert told(deliver_all(one, queue)) == ["2", "3"]


def test_a_loss_between_is_told_before_what_follows_it_and_once() -> None:
    one, queue = flow(), Queue(piece(1), piece(5), piece(9))
    assert told(deliver_all(one, queue)) == ["1", "retention:3", "5", "retention:3", "9"]
    assert one.ledger.entries == 9


def test_what_history_and_the_ring_both_hold_is_shown_once() -> None:
    one = flow()
    queue = Queue(piece(1, 4, history=True), piece(3, 2), piece(4, 3), Piece(at(6), 3))
    assert told(deliver_all(one, queue)) == ["1", "2", "3", "4", "5", "6"]
    assert (one.position, one.ledger.entries) == (at(6), 6)


def test_what_the_rate_refuses_is_told_before_the_next_events() -> None:
    one, queue = flow(events=2), Queue(piece(1, 2), piece(3, 2), piece(5, 2))
    assert told(deliver_all(one, queue)) == ["1", "2"]
    assert one.position == at(2)
    queue.put_back(piece(7, 2))  # as much as the rate allows in a second
    assert told(deliver_all(one, queue, now=5.0)) == ["rate_limited:4", "7", "8"]
    assert one.ledger.entries == 8


def test_history_is_not_held_to_the_rate() -> None:
    one = flow(events=1)
    queue = Queue(*(piece(n, history=True) for n in range(1, 30)))
    assert len(told(deliver_all(one, queue))) == 29


@pytest.mark.parametrize(
    "behind",
    [
        Piece(at(9), gap=gap(GapReason.PRODUCER, 2), counted=5),
        Piece(NOWHERE, gap=gap(GapReason.FAILOVER, None)),
        piece(8),
    ],
)
def test_what_was_refused_is_told_before_any_other_loss(behind: Piece) -> None:
    one, queue = flow(events=2), Queue(piece(1, 2), piece(3, 2), behind)
    messages = deliver_all(one, queue)
    limited = messages[1]
    assert isinstance(limited, GapNotice)
    assert told(messages)[2] == "rate_limited:2"
    assert (limited.gap.after, limited.gap.before) == ("2-0", "4-1"), "3 and 4, and no more"
    assert len(messages) == 3 + (behind.chunk is not None and behind.gap is None) - (
        behind.chunk is not None
    )


def test_a_reset_ends_a_frame() -> None:
    there = "b" * 24
    reset = Piece(at(0, 0, there), gap=gap(GapReason.RESET, None))
    new = Piece(at(3, 3, there), chunk=chunk(1, 3))
    one = flow()
    messages = deliver_all(one, Queue(piece(1, 2), reset, new))
    assert told(messages) == ["1", "2", "reset:None", "1", "2", "3"]
    assert [message.through.epoch for message in messages] == ["a" * 24, there, there]


@pytest.mark.parametrize("seed", range(40))
def test_everything_is_told_once_in_order_under_any_window_and_rate(seed: int) -> None:
    """The stream is 1, 2, 3...; pieces overlap, hold less than they cover, and come twice."""
    chance = random.Random(seed)
    one, queue = flow(window=chance.choice([400, 1 << 20]), events=chance.choice([0, 20])), Queue()
    top, now = 0, 0.0
    messages: list[Events | GapNotice] = []
    filtered: set[int] = set()
    for _ in range(150):
        now += chance.random() / 4
        match chance.choice(["events", "events", "filtered", "lost", "again", "deliver"]):
            case "events":
                count = chance.randint(1, 5)
                queue.pieces.append(piece(top + 1, count))
                top += count
            case "filtered":
                filtered.add(top + 1)
                top += 1
                queue.pieces.append(Piece(at(top), 1))
            case "lost":
                stood, top = top, top + chance.randint(1, 4)
                if chance.choice([True, False]):  # or nobody but the session's own sum tells
                    told_late = Gap(GapReason.RETENTION, top - stood, f"{stood}-0", f"{top}-1")
                    queue.pieces.append(Piece(at(top), gap=told_late))
            case "again" if queue.pieces and queue.pieces[-1].gap is None:
                queue.pieces.append(queue.pieces[-1])
            case _:
                message = deliver_next(one, queue, now)
                messages += [message] if message else []
                one.ack(one.seq - chance.randint(0, 1))
    queue.pieces.append(Piece(at(top)))
    one.ack(one.seq)
    messages += deliver_all(one, queue, now + 5)
    last = one.limited(now + 9, before=None)
    messages += [last] if last else []
    shown = [int(item) for item in told(messages) if item.isdecimal()]
    assert shown == sorted(set(shown))
    missed = sum(message.gap.missed or 0 for message in messages if isinstance(message, GapNotice))
    assert len(shown) + missed + one.ledger.filtered == top == one.ledger.entries
    assert one.ledger.filtered == len(filtered)
    assert one.position == at(top)
    seen = Cursor(EntryId(0, 0))
    for message in messages:
        assert message.through.id >= seen.id
        seen = message.through
        if isinstance(message, GapNotice) and message.gap.before is not None:
            after = EntryId.parse(message.gap.after or "")
            before = EntryId.parse(message.gap.before)
            within = set(range(after.ms + 1, before.ms + (before.seq > 0)))
            assert len(within - set(shown)) >= (message.gap.missed or 0)


def a_piece(chance: random.Random, top: int) -> Callable[[], Piece]:
    """Makes one piece of the live stream behind `top`, as often as it is asked."""
    count = chance.choice([1, 1, 2, 3, FRAME_EVENTS - 1, FRAME_EVENTS])
    lost, filtered = chance.choice([0] * 6 + [2]), chance.choice([0, 0, 3])
    first = top + lost + filtered + 1
    through = at(first + count - 1)
    kind = chance.choice(["events"] * 8 + ["filtered", "gap", "again"])
    if kind == "filtered":
        return lambda: Piece(at(top + filtered), filtered)
    if kind == "gap":
        return lambda: Piece(at(top + 1), gap=gap(GapReason.UNREADABLE, 1), counted=1, own=True)
    if kind == "again":
        return lambda: Piece(
            at(top), filtered, chunk(max(1, top - count + 1), min(count, top or 1))
        )
    return lambda: Piece(through, filtered, chunk(first, count))


@pytest.mark.parametrize("seed", range(60))
def test_a_whole_frame_is_what_the_general_way_makes_of_it(seed: int) -> None:
    chance = random.Random(seed)
    window, events = chance.choice([900, 4_000, 1 << 20]), chance.choice([0, 0, 150])
    both = [(flow(window=window, events=events), Queue(general=way)) for way in (False, True)]
    top, now = 0, 0.0
    for _ in range(120):
        now += chance.random() / 8
        acked = chance.randint(0, 3)
        make = a_piece(chance, top) if chance.random() < 0.6 else None
        told_both = []
        for one, queue in both:
            if make is not None:
                queue.pieces.append(make())
            message = deliver_next(one, queue, now)
            told_both.append((message, one.position, one.at, one.refused_since, one.unacked))
            one.ack(one.seq - acked)
        assert told_both[0] == told_both[1]
        top = max([top, *(int(piece.through.id.ms) for piece in both[0][1].pieces)])
        top = max(top, both[0][0].at.id.ms)
    short, general = both[0][0], both[1][0]
    assert (short.ledger, short.told_bytes) == (general.ledger, general.told_bytes)
    assert short.reach.bounds == general.reach.bounds
    assert short.ledger.shown > 20
