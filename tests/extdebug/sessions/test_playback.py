"""What is shown follows scope, filter and pause, from the last place that was told."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from extdebug.filters.filter import EVERYTHING, Filter
from extdebug.sessions.playback import Playback
from extdebug.sessions.store import Lease
from extdebug.wire.positions import Start
from policies.decisions.facts import SessionLimits
from tests.extdebug.stage import TARGET, Clock, PaperHistory, PaperHub, allowed, shown


class Paper:
    """A playback on a hub of paper."""

    def __init__(self, *, wanted: Filter = EVERYTHING, start: Start = Start(tail=100)) -> None:  # noqa: B008
        self.hub = PaperHub()
        self.ended = asyncio.Event()
        now = dt.datetime.now(dt.UTC)
        lease = Lease("s", "h", now, now, now, shown=2, lost={"reset": 0}, unknown=("reset",))
        hub: Any = self.hub
        history: Any = PaperHistory
        self.one = Playback(
            hub, TARGET, allowed(), lease, wanted=wanted, rev=3, start=start, history=history,
            wake=lambda: None, clock=Clock(),
        )  # fmt: skip

    async def told(self) -> list[str]:
        """What can be shown now; all of it is acknowledged."""
        out: list[Any] = []
        while True:
            while (message := self.one.deliver(0.0)) is not None:
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
