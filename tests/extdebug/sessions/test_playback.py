"""What is shown follows scope, filter and pause, from the last place that was told."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from extdebug.filters.filter import EVERYTHING, Filter
from extdebug.hub.subscription import Subscription
from extdebug.sessions.flow_control import GapNotice
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


def holding(paper: Paper, *, first: int = 1, trimmed: int = 0, deleted: int = 0) -> Snapshot:
    """What Redis says it holds of the lines of a paper hub."""
    added = len(paper.hub.rows)
    return Snapshot(
        exists=True, length=added - trimmed, added=added, top=EntryId(added, 0),
        first=EntryId(first, 0), last=EntryId(added, 0), deleted=EntryId(deleted, 0),
    )  # fmt: skip


async def slow(*, told: int = 4, waiting: int = 4) -> tuple[Paper, Subscription]:
    """One that was told some lines, was asked aside, acknowledged some since, and has some to be
    told in its ring."""
    paper = Paper()
    paper.one.begin()
    await paper.told()
    paper.hub.write(*(f"told {n}" for n in range(told)))
    assert paper.one.deliver(0.0)
    [sub] = paper.hub.subscriptions
    sub.step_aside(holding(paper))
    for n in range(waiting):
        paper.hub.write(f"waits {n}")
    paper.one.flow.ack(paper.one.flow.seq)
    return paper, sub


async def test_who_holds_others_up_reads_what_waits_for_it_from_redis() -> None:
    paper, sub = await slow()
    sub.step_aside(holding(paper))
    assert (sub.ring.parked, sub.ring.count) == (True, 0), "it holds nobody up, and no memory"
    paper.hub.write("meanwhile")
    assert await paper.told() == [*(f"waits {n}" for n in range(4)), "meanwhile"]
    paper.hub.write("live")
    assert await paper.told() == ["live"]
    assert not sub.ring.parked
    assert paper.one.flow.ledger.lost == {"reset": 0}


async def test_who_acknowledges_nothing_stays_where_it_is() -> None:
    """It may have stopped reading: what it then has no room for is lost to it, and nobody waits."""
    paper = Paper()
    paper.one.begin()
    await paper.told()
    paper.hub.write("told")
    assert paper.one.deliver(0.0)
    paper.hub.write("waits")
    [sub] = paper.hub.subscriptions
    for paper.now in (0.0, 1.0, 1.9, 2.5):
        sub.step_aside(holding(paper))
    assert not sub.ring.parked
    paper.one.flow.ack(paper.one.flow.seq)
    paper.now = 5.0
    sub.step_aside(holding(paper))
    assert not sub.ring.parked, "what it did before it was asked shows nothing"


async def test_lines_of_a_frame_that_did_not_fit_are_read_again_too() -> None:
    paper, sub = await slow()
    piece = paper.one.catch_up.take(paper.one.flow.position)
    assert piece is not None
    paper.one.catch_up.put_back(piece)
    sub.step_aside(holding(paper))
    assert await paper.told() == [f"waits {n}" for n in range(4)]


async def test_what_redis_may_soon_drop_stays_where_it_is() -> None:
    """Half of what the stream holds lies ahead of the session, and it is trimmed."""
    paper, sub = await slow(told=3, waiting=4)
    sub.step_aside(holding(paper, trimmed=1))
    assert (sub.ring.parked, sub.ring.count) == (False, 4)


async def test_what_redis_keeps_for_longer_is_read_from_it_though_it_is_trimmed() -> None:
    paper, sub = await slow(told=5, waiting=2)
    sub.step_aside(holding(paper, trimmed=1))
    assert sub.ring.parked


@pytest.mark.parametrize("deleted", [4, 5])
async def test_what_somebody_deleted_ahead_of_it_stays_where_it_is(deleted: int) -> None:
    paper, sub = await slow(told=4)
    sub.step_aside(holding(paper, deleted=deleted))
    assert sub.ring.parked is (deleted == 4)


async def test_lines_of_another_life_stay_where_they_are() -> None:
    """Only the ring has them still: another stream is under the key, or another run answers."""
    paper, sub = await slow()
    account = paper.hub.watched.account
    assert account is not None
    account.at = msgspec.structs.replace(account.at, epoch="another")
    sub.step_aside(holding(paper))
    assert not sub.ring.parked


async def test_a_place_that_is_not_counted_proves_nothing() -> None:
    paper, sub = await slow()
    place = paper.one.flow.position
    paper.one.flow.position = msgspec.structs.replace(place, index=None)
    sub.step_aside(holding(paper))
    assert not sub.ring.parked


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
