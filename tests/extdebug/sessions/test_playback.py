"""What is shown follows scope, filter and pause, from the last place that was told."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from collections.abc import Callable
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from extdebug.filters.filter import EVERYTHING, Filter
from extdebug.sessions.flow_control import GapNotice
from extdebug.sessions.pace import MAX_SILENCE
from extdebug.sessions.playback import SETTLED, Playback
from extdebug.sessions.store import Lease
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
                self.one.ack(self.one.flow.seq)
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


async def test_no_line_passes_the_look_at_a_range_or_a_speed() -> None:
    ends, plays = Paper(span=Span(until_ms=60_000)), Paper(span=Span(speed=2.0))
    assert [one.one.held for one in (Paper(), ends, plays)] == [False, True, True]
    ends.one.use_filter(EVERYTHING, start=None)
    assert not ends.one.held


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
