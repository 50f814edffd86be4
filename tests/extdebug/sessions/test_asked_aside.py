"""Whoever holds others up is asked aside: nobody waits for it, and it loses nothing if it reads."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extdebug.filters.filter import EVERYTHING
from extdebug.hub.subscription import Subscription
from extdebug.sessions.flow_control import ACKS_WITHIN, GapNotice
from extdebug.streams.continuity import Loss
from extdebug.streams.replies import Snapshot
from extdebug.wire.events import GapReason
from extdebug.wire.positions import Cursor, EntryId, Start
from tests.extdebug.sessions.test_playback import Paper
from tests.extdebug.stage import shown


def holds(paper: Paper, *, trimmed: int = 0, deleted: int = 0) -> None:
    """What Redis said last that it holds of the lines of a paper hub."""
    added = len(paper.hub.rows)
    paper.hub.watched.snapshot = Snapshot(
        exists=True, length=added - trimmed, added=added, top=EntryId(added, 0),
        first=EntryId(trimmed + 1, 0), last=EntryId(added, 0), deleted=EntryId(deleted, 0),
    )  # fmt: skip


async def slow(
    *, told: int = 4, waiting: int = 4, trimmed: int = 0, deleted: int = 0, room: int = 100
) -> tuple[Paper, Subscription]:
    """One whose window is full of what it was told, and who is asked aside: some lines wait."""
    paper = Paper()
    paper.one.begin()
    await paper.told()
    paper.hub.write(*(f"told {n}" for n in range(told)))
    assert paper.one.deliver(0.0)
    paper.one.flow.window = paper.one.flow.unacked + room  # it is open, but nothing fits
    for n in range(waiting):
        paper.hub.write(f"waits {n}")
    assert paper.one.deliver(0.1) is None
    holds(paper, trimmed=trimmed, deleted=deleted)
    [sub] = paper.hub.subscriptions
    assert sub.keeps_up()
    sub.step_aside()
    return paper, sub


async def told_later(paper: Paper, *, now: float) -> list[str]:
    """What it is told once it acknowledges."""
    paper.now, paper.one.flow.window = now, 1 << 20
    paper.one.ack(paper.one.flow.seq)
    return await paper.told(now)


ELSEWHERE = Cursor(EntryId(1, 0), 1, "another")
WAITS = [f"waits {n}" for n in range(4)]


async def test_who_is_asked_aside_is_waited_for_no_more() -> None:
    paper, sub = await slow()
    assert not sub.keeps_up()
    assert paper.one.held, "the next line is no ordinary one"
    assert paper.one.deliver(1.0) is None
    assert not sub.ring.parked, "it takes nothing, so there is nothing to read for it"


async def test_who_acknowledges_reads_what_waits_from_redis_until_it_is_live() -> None:
    paper, sub = await slow()
    paper.one.flow.window = 1 << 20
    paper.one.ack(paper.one.flow.seq)
    assert paper.one.deliver(1.9) is None
    assert (sub.ring.parked, sub.ring.count) == (True, 0), "it holds nobody up, and no memory"
    paper.hub.write("meanwhile")
    assert await paper.told(1.9) == [*WAITS, "meanwhile"]
    assert sub.keeps_up()
    assert not paper.one.held
    paper.hub.write("live")
    assert not sub.ring.parked
    assert await paper.told(1.9) == ["live"]
    assert paper.one.flow.ledger.lost == {"reset": 0}


async def test_what_its_ring_had_no_room_for_is_read_too() -> None:
    paper, sub = await slow()
    sub.ring._limit = 1
    paper.hub.write("the last")
    assert sub.ring.dropped_upto
    assert await told_later(paper, now=1.9) == [*WAITS, "the last"]


@pytest.mark.parametrize("trimmed", [0, 1])
async def test_even_from_what_redis_may_soon_drop(trimmed: int) -> None:
    """Which has more of it than the ring has."""
    paper, sub = await slow()
    holds(paper, trimmed=trimmed)
    sub.ring._limit = 1
    paper.hub.write("the last")
    assert await told_later(paper, now=1.9) == [*WAITS, "the last"]


async def test_who_acknowledges_too_late_loses_what_its_ring_had_no_room_for() -> None:
    """It had stopped reading: nobody waited for it, and it is told how much it missed."""
    paper, sub = await slow()
    sub.ring._limit = 1
    paper.hub.write("the last")
    assert await told_later(paper, now=2.0) == ["waits 0", "the last"]
    assert paper.one.flow.ledger.lost == {"reset": 0, "not_consumed": 3}
    assert sub.keeps_up()


async def test_who_acknowledges_too_late_and_lost_nothing_goes_on() -> None:
    paper, sub = await slow()
    assert await told_later(paper, now=2.0) == WAITS
    assert not sub.ring.parked


async def test_lines_of_a_frame_that_did_not_fit_are_read_again_too() -> None:
    paper, _ = await slow()
    piece = paper.one.catch_up.take(paper.one.flow.position)
    assert piece is not None
    paper.one.catch_up.put_back(piece)
    assert await told_later(paper, now=1.0) == WAITS


async def test_other_rules_and_a_pause_end_it() -> None:
    for change in ("rules", "pause", "filter"):
        paper, _ = await slow()
        if change == "rules":
            paper.one.go_on()
        elif change == "pause":
            paper.one.pause()
            paper.one.resume()
        else:
            paper.one.use_filter(EVERYTHING, start=Start(tail=100))
        assert not paper.one.held
        assert (await told_later(paper, now=1.0))[-4:] == WAITS


async def test_who_would_lose_lines_that_redis_may_soon_drop_is_waited_for() -> None:
    """Half of what the stream holds lies ahead of the session, and it is trimmed."""
    _, sub = await slow(told=3, waiting=4, trimmed=1)
    assert sub.keeps_up()
    _, sub = await slow(told=5, waiting=2, trimmed=1)
    assert not sub.keeps_up(), "less than half of it"


@pytest.mark.parametrize("deleted", [4, 5])
async def test_where_somebody_deleted_lines_ahead_of_it_it_is_waited_for(deleted: int) -> None:
    _, sub = await slow(told=4, deleted=deleted)
    assert sub.keeps_up() is (deleted == 5)


async def test_lines_of_another_life_are_told_from_where_they_are() -> None:
    """Only the ring has them still: another stream is under the key, or another run answers."""
    paper, sub = await slow()
    account = paper.hub.watched.account
    assert account is not None
    account.at = msgspec.structs.replace(account.at, epoch="another")
    paper.hub.rows.clear()
    assert await told_later(paper, now=1.0) == WAITS
    sub.step_aside()
    assert sub.keeps_up()


async def test_while_redis_is_away_lines_are_told_from_where_they_are() -> None:
    paper, sub = await slow()
    paper.hub.problem_is("Redis does not answer")
    assert await told_later(paper, now=1.0) == WAITS
    sub.step_aside()
    assert sub.keeps_up()


async def test_who_stands_at_a_place_that_is_not_counted_is_waited_for() -> None:
    paper, sub = await slow()
    paper.one.go_on()
    place = paper.one.flow.position
    paper.one.flow.position = msgspec.structs.replace(place, index=None)
    sub.step_aside()
    assert sub.keeps_up()


@pytest.mark.parametrize("owes", [False, True])
async def test_who_is_told_more_late_loses_nothing_if_it_acknowledged_in_time(owes: bool) -> None:
    """The session waits for a decision, or for a page, and not for its client."""
    paper = Paper()
    paper.one.begin()
    await paper.told()
    if owes:
        paper.hub.write("told")
        assert paper.one.deliver(0.0)
    paper.hub.write(*WAITS)
    holds(paper)
    [sub] = paper.hub.subscriptions
    sub.step_aside()
    sub.ring._limit = 1
    paper.hub.write("the last")
    assert sub.ring.dropped_upto
    assert not sub.keeps_up()
    if owes:
        paper.now = ACKS_WITHIN - 0.1
        paper.one.ack(paper.one.flow.seq)
    assert await paper.told(10 * ACKS_WITHIN) == [*WAITS, "the last"]


async def test_who_acknowledges_more_rarely_is_told_the_rest_of_its_window() -> None:
    """Two seconds later, and though no line comes: else it would wait for us, and we for it."""
    paper, sub = await slow()
    paper.one.flow.window = 1 << 20
    assert paper.one.deliver(1.0) is None
    assert paper.one.timed
    assert paper.one.next_at == ACKS_WITHIN
    paper.now = ACKS_WITHIN
    assert paper.one.next_at == math.inf, "where it is told nothing then, nothing looks for it"
    message = paper.one.deliver(paper.now)
    assert shown([message]) == WAITS
    assert not paper.one.timed
    assert not sub.keeps_up(), "it has not acknowledged yet"


async def test_an_acknowledgement_of_nothing_new_shows_nothing() -> None:
    paper, sub = await slow()
    sub.ring._limit = 1
    paper.hub.write("the last")
    paper.one.ack(0)
    assert not paper.one.ack(paper.one.flow.seq + 1), "that was never sent"
    assert await told_later(paper, now=2.0) == ["waits 0", "the last"]


@pytest.mark.parametrize(
    ("room", "trimmed", "told"),
    [
        (100, 3, [0, 1, 2, 3, 4]),
        (100, 4, [0, 2, 3, 4]),
        (100, 6, [0, 2, 3, 4]),
        (0, 4, [0, 1, 2, 3, 4]),
        (0, 5, [1, 2, 3, 4]),
    ],
)
async def test_what_the_ring_has_and_redis_has_no_more_is_told_from_where_it_is(
    room: int, trimmed: int, told: list[int]
) -> None:
    """Of five lines that wait the ring has dropped one; the first of all may have been taken out
    before, and did not fit."""
    paper, sub = await slow(room=room)
    sub.ring._limit = sub.ring.bytes
    paper.hub.write("waits 4")
    holds(paper, trimmed=trimmed)
    del paper.hub.rows[:trimmed]
    assert await told_later(paper, now=1.0) == [f"waits {n}" for n in told]
    assert paper.one.flow.ledger.lost.get("not_consumed", 0) == 5 - len(told)


async def test_where_nothing_is_left_in_redis_lines_are_told_from_where_they_are() -> None:
    paper, _ = await slow()
    holds(paper, trimmed=8)
    snapshot = paper.hub.watched.snapshot
    assert snapshot is not None
    paper.hub.watched.snapshot = msgspec.structs.replace(snapshot, first=None)
    paper.hub.rows.clear()
    assert await told_later(paper, now=1.0) == WAITS


@pytest.mark.parametrize("where", ["ring", "dropped", "page", "account"])
async def test_what_no_history_tells_again_is_told_from_where_it_is(where: str) -> None:
    """A life that ended and came back, and losses of which some were told as a producer's."""
    paper, sub = await slow()
    watched, account = paper.hub.watched, paper.hub.watched.account
    assert account is not None
    place = account.at
    if where == "account":
        account.explain(1)
    elif where == "page":
        piece = paper.one.catch_up.take(paper.one.flow.position)
        assert piece is not None
        piece.explained = 1
        paper.one.catch_up.put_back(piece)
    else:
        watched.lose(Loss(GapReason.RESET, None, place.id, None, ELSEWHERE), ends=place)
        back = msgspec.structs.replace(place)
        watched.lose(Loss(GapReason.RESET, None, ELSEWHERE.id, None, back), ends=ELSEWHERE)
    if where == "dropped":
        sub.ring._limit = 1
        paper.hub.write("the last")
    paper.one.flow.window = 1 << 20
    paper.one.ack(paper.one.flow.seq)
    assert paper.one.deliver(1.0)
    assert not sub.ring.parked
    sub.step_aside()
    assert sub.keeps_up() is (where != "page")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["write", "write", "write", "ack", "read", "other"]), max_size=60))
def test_who_acknowledges_in_time_is_told_each_line_once_however_often_it_is_asked_aside(
    script: list[str],
) -> None:
    """Its ring has room for five lines. The tail asks it aside where it is crowded, and goes on."""

    async def play() -> tuple[list[str], list[str]]:
        paper, messages, written = Paper(), list[Any](), list[str]()
        paper.one.begin()
        await paper.told()
        [sub] = paper.hub.subscriptions
        sub.limit = sub.ring._limit = 500
        paper.one.flow.window = 900
        for action in [*script, *["read", "ack"] * 20]:
            if action == "write":
                written.append(f"{len(written)}")
                paper.hub.write(written[-1])
                holds(paper)
                if sub.crowded:
                    sub.step_aside()
            elif action == "ack":
                paper.one.ack(paper.one.flow.seq)
            elif action == "other":
                paper.one.go_on()
            elif paper.one.catch_up.readable and paper.one.flow.open:
                await paper.one.read(paper.ended)
            while (message := paper.one.deliver(0.0)) is not None:
                messages.append(message)
        assert not [each for each in messages if isinstance(each, GapNotice)]
        return shown(messages), written

    told, written = asyncio.run(play())
    assert told == written
