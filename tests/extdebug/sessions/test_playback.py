"""What is shown follows scope, filter and pause, from the last place that was told."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.exceptions import ConnectionError as RedisConnectionError

from extdebug.filters.filter import EVERYTHING, Filter
from extdebug.hub.subscription import Subscription
from extdebug.sessions.flow_control import ACKS_WITHIN, GapNotice
from extdebug.sessions.pace import MAX_SILENCE
from extdebug.sessions.playback import SETTLED, Playback
from extdebug.sessions.store import Lease
from extdebug.streams.replies import Snapshot
from extdebug.wire.light_waits import LightEvent
from extdebug.wire.positions import ENDLESS, EntryId, Span, Start
from policies.decisions.facts import SessionLimits
from tests.extdebug.stage import TARGET, PaperHistory, PaperHub, allowed, shown


class Paper:
    """A playback on a hub of paper."""

    def __init__(
        self, *, wanted: Filter = EVERYTHING, start: Start = Start(tail=100),  # noqa: B008 - frozen
        span: Span = ENDLESS,
    ) -> None:  # fmt: skip
        self.now, self.wall = 0.0, 0.0
        self.hub = PaperHub()
        self.ended = LightEvent()
        now = dt.datetime.now(dt.UTC)
        lease = Lease("s", "h", now, now, now, shown=2, lost={"reset": 0}, unknown=("reset",))
        hub: Any = self.hub
        history: Any = PaperHistory
        self.one = Playback(
            hub, TARGET, allowed(), lease, wanted=wanted, rev=3, start=start, history=history,
            wake=lambda: None, clock=self, span=span, wall=lambda: self.wall,
        )  # fmt: skip

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        raise AssertionError("a playback sets no timer")

    async def told(self, now: float = 0.0) -> list[str]:
        """What can be shown now; all of it is acknowledged."""
        out: list[Any] = []
        self.now = now
        while True:
            while (message := self.one.deliver(now)) is not None:
                out.append(message)
                self.one.flow.ack(self.one.flow.seq)
            if not self.one.catch_up.readable:
                return shown(out)
            await self.one.read(self.ended)


async def test_it_goes_on_with_the_figures_of_the_lease() -> None:
    ledger = Paper().one.flow.ledger
    assert (ledger.shown, ledger.lost, ledger.unknown) == (2, {"reset": 0}, {"reset"})


async def test_a_session_stands_nowhere_until_its_start_is_found() -> None:
    paper = Paper()
    paper.hub.write("a")
    paper.one.begin()
    assert not paper.one.placed
    assert await paper.told() == ["a"]
    assert paper.one.placed
    assert str(paper.one.flow.position) == "1-0.1"


async def test_another_scope_counts_for_what_is_read_anew() -> None:
    paper = Paper()
    paper.one.begin()
    await paper.told()
    paper.hub.write("mine", install="a")
    paper.hub.write("theirs", install="b")
    paper.one.use_limits(allowed(installs=frozenset({"a"})))
    paper.one.go_on()
    assert await paper.told() == ["mine"]
    assert paper.one.selection.installs == frozenset({"a"})


async def test_other_rates_hold_from_their_decision_on() -> None:
    paper = Paper()
    paper.one.begin()
    await paper.told()
    paper.one.use_limits(allowed(limits=SessionLimits(events_per_second=1)))
    paper.hub.write("a", "b")
    paper.hub.write("c", "d")
    assert await paper.told() == ["a", "b"]
    assert paper.one.flow.refused_since is not None


async def test_a_pause_delivers_nothing_and_loses_nothing() -> None:
    paper = Paper()
    paper.one.begin()
    await paper.told()
    paper.hub.write("queued")
    paper.one.pause()
    paper.one.go_on()
    assert paper.hub.subscriptions == [], "new rules make no paused session read"
    assert await paper.told() == []
    paper.one.use_filter(Filter.parse({"q": "queued"}), start=None)
    assert paper.hub.subscriptions == []
    paper.one.resume()
    assert await paper.told() == ["queued"]


async def test_a_filter_with_a_start_begins_there() -> None:
    paper = Paper(start=Start(tail=0))
    paper.hub.write("keep", "skip")
    paper.one.begin()
    assert await paper.told() == []
    paper.one.use_filter(Filter.parse({"q": "keep"}), start=Start(tail=100))
    assert not paper.one.placed
    assert await paper.told() == ["keep"]


async def test_an_outage_is_waited_out_but_not_past_the_end() -> None:
    paper = Paper()
    paper.one.begin()
    paper.hub.away = RedisConnectionError("refused")
    await asyncio.wait_for(paper.one.read(paper.ended), 5)
    assert not paper.one.placed
    paper.ended.set()
    for _ in range(5):  # the waits would grow to seconds
        await asyncio.wait_for(paper.one.read(paper.ended), 0.2)


@pytest.mark.parametrize("query", ["", "keep"])
async def test_a_filter_that_works_has_not_failed(query: str) -> None:
    assert Paper(wanted=Filter.parse({"q": query})).one.failed is None


# --- who holds others up ----------------------------------------------------------------------


def holds(paper: Paper, *, trimmed: int = 0, deleted: int = 0) -> None:
    """What Redis said last that it holds of the lines of a paper hub."""
    added = len(paper.hub.rows)
    paper.hub.watched.snapshot = Snapshot(
        exists=True, length=added - trimmed, added=added, top=EntryId(added, 0),
        first=EntryId(trimmed + 1, 0), last=EntryId(added, 0), deleted=EntryId(deleted, 0),
    )  # fmt: skip


async def slow(
    *, told: int = 4, waiting: int = 4, trimmed: int = 0, deleted: int = 0
) -> tuple[Paper, Subscription]:
    """One whose window is full of what it was told, and who is asked aside: some lines wait."""
    paper = Paper()
    paper.one.begin()
    await paper.told()
    paper.hub.write(*(f"told {n}" for n in range(told)))
    assert paper.one.deliver(0.0)
    paper.one.flow.window = paper.one.flow.unacked + 100  # it is open, but nothing fits
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
    paper.one.flow.window = 1 << 20
    paper.one.flow.ack(paper.one.flow.seq)
    return await paper.told(now)


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
    paper.one.flow.ack(paper.one.flow.seq)
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
    assert sub.ring.overflowed
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


async def test_who_has_nothing_to_acknowledge_has_two_seconds() -> None:
    paper = Paper()
    paper.one.begin()
    await paper.told()
    paper.hub.write("a")
    [sub] = paper.hub.subscriptions
    holds(paper)
    sub.step_aside()
    assert await paper.told(ACKS_WITHIN - 0.1) == ["a"]


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
                paper.one.flow.ack(paper.one.flow.seq)
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


# --- a range, and a speed ---------------------------------------------------------------------


class Player(Paper):
    """Lines of 1 s, 2 s, 3 s... since 1970, and a clock of the wall that stands where it is set."""

    def __init__(self, *, span: Span, start: Start = Start(since_ms=0), lines: int = 6) -> None:  # noqa: B008
        super().__init__(start=start, span=span)
        for second in range(1, lines + 1):
            self.hub.write(str(second), ms=second * 1000)
        self.wall = lines + 600.0
        self.one.begin()

    async def all_told(self) -> list[tuple[float, str]]:
        """Everything up to where nothing more comes by itself, each with the time it came at."""
        out: list[tuple[float, str]] = []
        while True:
            out += [(round(self.now, 3), text) for text in await self.told(self.now)]
            at = self.one.next_at
            if self.one.over or at == math.inf:
                return out
            self.now = max(self.now, at)


async def test_a_range_ends_where_it_ends_and_the_session_stands_there() -> None:
    player = Player(span=Span(until_ms=4000))
    assert [text for _, text in await player.all_told()] == ["1", "2", "3"]
    assert player.one.over
    assert player.one.flow.position.id == EntryId(3000, 0)
    assert player.hub.subscriptions == [], "it reads nothing and holds nothing"
    player.hub.write("7", ms=7000)
    player.one.go_on()
    player.one.pause()
    player.one.resume()
    assert await player.told() == [], "neither rules nor a pause make it go on"
    assert player.hub.subscriptions == [], "nor make it hold anything"
    player.one.use_filter(EVERYTHING, start=None)
    assert await player.told() == ["4", "5", "6", "7"]
    player.hub.write("8", ms=8000)
    assert await player.told() == ["8"]
    assert player.one.flow.ledger.shown - 2 == 8


async def test_a_range_that_ends_later_is_live_until_then() -> None:
    player = Player(span=Span(until_ms=9000))
    player.wall = 7.0
    assert len(await player.told()) == 6
    player.hub.write("8", ms=8000)
    assert await player.told() == ["8"]
    assert not player.one.over
    assert player.one.next_at < math.inf
    player.wall = 9.0 + SETTLED - 0.1
    await player.told()
    assert not player.one.over, "something older may still come"
    player.wall = 9.0 + SETTLED
    await player.told()
    assert player.one.over


async def test_an_event_beyond_a_range_ends_it_whatever_the_clock_says() -> None:
    player = Player(span=Span(until_ms=9000))
    player.wall = 7.0
    await player.told()
    player.hub.write("9", ms=9000)
    assert await player.told() == []
    assert player.one.over
    assert player.one.flow.position.id == EntryId(6000, 0)


async def test_what_was_refused_is_told_before_a_range_ends() -> None:
    player = Player(span=Span(until_ms=9000), lines=0)
    player.one.use_limits(allowed(limits=SessionLimits(events_per_second=1)))
    player.wall = 1.0
    await player.told()
    player.hub.write("a", ms=1000)
    player.hub.write("b", ms=2000)
    assert await player.told() == ["a"]
    player.hub.write("c", ms=9000)
    gap = player.one.deliver(0.0)
    assert isinstance(gap, GapNotice)
    assert (gap.gap.reason, gap.gap.missed) == ("rate_limited", 1)
    assert player.one.deliver(0.0) is None
    assert player.one.over


@pytest.mark.parametrize("speed", [1, 4, 16])
async def test_playing_takes_a_fraction_of_the_time(speed: int) -> None:
    player = Player(span=Span(speed=speed))
    told = await player.all_told()
    assert [text for _, text in told] == ["1", "2", "3", "4", "5", "6"]
    assert [at for at, _ in told] == pytest.approx([n / speed for n in range(6)], abs=0.03)
    assert player.one.playing == "", "it came to where nothing more was"
    player.hub.write("7", ms=7000)
    assert await player.told(player.now) == ["7"]


async def test_what_comes_while_it_plays_waits_in_the_stream_and_is_played_too() -> None:
    player = Player(span=Span(speed=1))
    assert await player.told(0.0) == ["1"]
    [subscription] = player.hub.subscriptions
    for second in range(7, 2000):
        player.hub.write(str(second), ms=second * 1000)
    assert subscription.ring.parked, "what overflows meanwhile is no loss"
    assert await player.told(1.0) == ["2"]
    player.one.use_filter(EVERYTHING, start=None)
    assert await player.told(1.0) == [str(n) for n in range(3, 2000)]
    assert player.one.flow.ledger.lost == {"reset": 0}


async def test_a_pause_holds_the_rhythm() -> None:
    player = Player(span=Span(speed=1))
    assert await player.told(0.0) == ["1"]
    assert "1x" in player.one.playing
    player.one.pause()
    assert await player.told(30.0) == []
    assert player.one.next_at == math.inf
    player.one.resume()
    assert await player.told(30.5) == []
    assert await player.told(31.05) == ["2"]


async def test_a_silence_that_is_shortened_is_said() -> None:
    player = Player(span=Span(speed=2), lines=1)
    player.hub.write("late", ms=61_000)
    assert await player.told(0.0) == ["1"]
    assert player.one.playing == "Playing at 2x: a silence of 60 s is shortened to 5 s."
    assert await player.told(MAX_SILENCE) == ["late"]


async def test_who_plays_and_is_near_is_live() -> None:
    player = Player(span=Span(speed=1))
    player.wall = 7.5
    told = await player.all_told()
    assert len(told) == 6
    assert player.one.playing == ""
    assert player.one.catch_up.reading is False
