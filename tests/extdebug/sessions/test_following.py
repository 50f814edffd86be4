"""A session that follows is told its lines without a whole step, and whatever is not usual is not
passed over: a step is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from extdebug.hub.pieces import NOWHERE, Piece
from extdebug.hub.selection import FRAME_EVENTS
from extdebug.hub.watched_stream import WatchedStream
from extdebug.protocol.client_frames import Fetch
from extdebug.protocol.server_frames import StreamState
from extdebug.sessions import close_reasons, flow_control, turn
from extdebug.sessions.at_once import FRAMES_TOGETHER
from extdebug.sessions.feed import Feed
from extdebug.sessions.flow_control import ACKS_WITHIN, Events, GapNotice
from extdebug.sessions.following import Following
from extdebug.sessions.lifetime import WARN_BEFORE
from extdebug.sessions.status import ACCOUNT, IDLE
from extdebug.sessions.turn import Message, Spoken
from extdebug.streams.replies import Snapshot
from extdebug.wire.events import GapReason
from extdebug.wire.positions import EntryId, Span, Start
from policies.decisions.facts import SessionLimits
from tests.extdebug.entries import raw
from tests.extdebug.stage import Clock, Stage, allowed, shown


class Watcher:
    """A feed that speaks at once, what it said, and how often a whole step was asked."""

    def __init__(self, stage: Stage, **session: Any) -> None:
        self.clock = Clock()
        self.hub = stage.hub
        self.feed = stage.open(start=Start(tail=0), clock=self.clock, **session)
        self.said: list[Message] = []
        self.writes: list[int] = []  # frames of each
        self.steps = 0
        step = self.feed._turn.step

        def counted(now: float) -> Message | None:
            self.steps += 1
            return step(now)

        self.feed._turn.step = counted  # type: ignore[method-assign]
        self.feed.speak_by(self._write)
        self.task = asyncio.create_task(self._read())

    def _write(self, messages: Sequence[Spoken]) -> bool:
        self.said += messages
        self.writes.append(len(messages))
        return True

    async def _read(self) -> None:
        while not (self.said and isinstance(self.said[-1], close_reasons.CloseReason)):
            self.said.append(await self.feed.next())

    @property
    def following(self) -> Following:
        following = self.feed._at_once.following
        assert isinstance(following, Following)
        return following

    async def write(self, *messages: str) -> int:
        """So many steps were asked for these lines."""
        steps = self.steps
        self.hub.write(*messages)
        await settled()
        return self.steps - steps

    async def follow(self) -> None:
        """Until it was told all there was."""
        await settled()
        await self.write("first")
        self.feed.ack(self.feed.flow.seq)
        self.said.clear()
        self.writes.clear()


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
async def watcher(stage: Stage) -> Watcher:
    watcher = Watcher(stage)
    await watcher.follow()
    return watcher


async def test_lines_are_told_without_a_step(watcher: Watcher) -> None:
    assert await watcher.write("one") == 0
    assert await watcher.write("two", "three") == 0
    assert await watcher.write(*map(str, range(3 * FRAME_EVENTS))) == 0
    lines = [len(one.chunks[0].events) for one in watcher.said if isinstance(one, Events)]
    assert lines == [1, 2, FRAME_EVENTS, FRAME_EVENTS, FRAME_EVENTS]
    flow = watcher.feed.flow
    assert (flow.ledger.shown, flow.position) == (304, watcher.hub.watched.cursor)
    watcher.task.cancel()


async def test_frames_that_wait_go_in_one_write(watcher: Watcher) -> None:
    """As many as the window takes, in the order and with the numbers that each by itself has."""
    first = watcher.feed.flow.seq
    assert await watcher.write(*map(str, range(5 * FRAME_EVENTS))) == 0
    assert watcher.writes == [FRAMES_TOGETHER, 5 - FRAMES_TOGETHER]
    events = [one for one in watcher.said if isinstance(one, Events)]
    assert [one.seq for one in events] == list(range(first + 1, first + 6))
    assert shown(watcher.said) == list(map(str, range(5 * FRAME_EVENTS)))
    watcher.task.cancel()


async def test_of_frames_together_none_goes_past_the_window(stage: Stage) -> None:
    watcher = Watcher(stage, limits=SessionLimits(window_bytes=130_000))
    await watcher.follow()
    await watcher.write(*["x" * 400] * (4 * FRAME_EVENTS))
    flow = watcher.feed.flow
    assert (watcher.writes, len(watcher.said)) == ([2], 2)
    assert flow.unacked <= flow.window
    watcher.feed.ack(flow.seq)
    await settled()
    assert (watcher.writes, len(watcher.said)) == ([2, 2], 4)
    watcher.task.cancel()


async def test_of_frames_together_the_refused_are_told_as_lost(stage: Stage) -> None:
    watcher = Watcher(stage, limits=SessionLimits(events_per_second=150))
    await watcher.follow()
    watcher.clock.forward(10)
    await watcher.write(*map(str, range(4 * FRAME_EVENTS)))
    watcher.clock.forward(2)
    await watcher.write("last")
    gaps = [one.gap for one in watcher.said if isinstance(one, GapNotice)]
    assert {gap.reason for gap in gaps} == {GapReason.RATE_LIMITED}
    assert len(shown(watcher.said)) + sum(gap.missed or 0 for gap in gaps) == 401
    watcher.task.cancel()


async def test_what_is_refused_behind_a_line_is_told_at_its_time(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not when the session has something else to say, which may be 15 s later."""
    for module in (flow_control, turn):
        monkeypatch.setattr(module, "LIMITED_EVERY", 0.05)
    watcher = Watcher(stage, limits=SessionLimits(events_per_second=150))
    await watcher.follow()
    await watcher.write(*map(str, range(2 * FRAME_EVENTS)))
    assert len(shown(watcher.said)) == FRAME_EVENTS
    await asyncio.sleep(0.2)
    assert isinstance(watcher.said[-1], GapNotice)
    assert watcher.said[-1].gap.missed == FRAME_EVENTS
    watcher.task.cancel()


@pytest.mark.parametrize(("seconds", "asked"), [(0, 12), (ACKS_WITHIN, 6)])
async def test_who_is_asked_aside_keeps_what_waited_for_its_window(
    stage: Stage, seconds: float, asked: int
) -> None:
    """In time it reads all that its ring dropped; too late it has what was next to be told."""
    watcher = Watcher(stage, limits=SessionLimits(window_bytes=2_000, ring_bytes=4_000))
    await watcher.follow()
    (live,) = watcher.hub.subscriptions
    lines = [f"{number:04}" + "x" * 300 for number in range(24)]
    for number, line in enumerate(lines):
        if number == asked:
            rows = len(watcher.hub.rows)
            watcher.hub.watched.snapshot = Snapshot(
                exists=True, length=rows, added=rows, first=EntryId(1, 0)
            )
            live.step_aside()
        await watcher.write(line)
    assert live.ring.dropped_upto
    told = len(shown(watcher.said))
    watcher.clock.forward(seconds)
    for _ in range(12):
        watcher.feed.ack(watcher.feed.flow.seq)
        await settled()
    if seconds:
        assert shown(watcher.said)[: told + 1] == lines[: told + 1]
        assert watcher.feed.flow.ledger.lost["not_consumed"] == 24 - len(shown(watcher.said))
    else:
        assert shown(watcher.said) == lines
    watcher.task.cancel()


def confirm_no_more(feed: Feed) -> None:
    feed._authority.confirmed = False


def end(feed: Feed) -> None:
    feed._authority.ending = close_reasons.SIGNED_OUT


def another_state(feed: Feed) -> None:
    feed._status.answer()


def refuse(feed: Feed) -> None:
    feed.flow.limit(events_per_second=1, bytes_per_second=1)
    feed.flow._events.take(1, feed._clock.time())


def ask_a_page(feed: Feed) -> None:
    feed._paging.ask(Fetch(id="1"))


def range_ends(feed: Feed) -> None:
    feed._playback._release.until = Span(until_ms=10**15).until


def fail(feed: Feed) -> None:
    class Failed:
        failed = ValueError("a filter that takes too long")

    feed._playback._selector = Failed()  # type: ignore[assignment]


def leave(feed: Feed) -> None:
    feed._catch_up.leave()


def read_the_past(feed: Feed) -> None:
    feed._catch_up._history = object()  # type: ignore[assignment]


def wait_with_a_runner_s_line(feed: Feed) -> None:
    live = feed._catch_up._sub
    assert live is not None
    watched = live.watched
    assert isinstance(watched, WatchedStream)
    watched._buffer(live)
    watched.runner_row((EntryId(1, 0), raw(message="of a runner", src="r1", n="1")))


def remember_a_runner_s_line(feed: Feed) -> None:
    wait_with_a_runner_s_line(feed)
    live = feed._catch_up._sub
    assert live is not None
    assert live.runner_buffer is not None
    assert live.runner_buffer.take(feed.flow.position) is not None
    assert not live.runner_buffer.waiting


def wait_with_what_was_put_back(feed: Feed) -> None:
    feed._catch_up.put_back(Piece(NOWHERE, 1))  # a runner's: the live line follows all the same


def play_in_rounds(feed: Feed) -> None:
    feed._catch_up._rounds = True


def another_state_was_said(feed: Feed) -> None:
    feed._status.state = StreamState.FALLBACK


def fill_the_window(feed: Feed) -> None:
    feed.flow.unacked = feed.flow.window


def no_room_for_it(feed: Feed) -> None:
    feed.flow.unacked = feed.flow.window - 10


def stand_elsewhere(feed: Feed) -> None:
    flow = feed.flow
    flow.at = flow.position = type(flow.at)(flow.at.id, 0, flow.at.epoch)


@pytest.mark.parametrize(
    "change",
    [
        confirm_no_more, end, another_state, refuse, ask_a_page, range_ends, fail, leave,
        read_the_past, wait_with_a_runner_s_line, remember_a_runner_s_line,
        wait_with_what_was_put_back, play_in_rounds, another_state_was_said, fill_the_window,
        no_room_for_it, stand_elsewhere,
    ],
)  # fmt: skip
async def test_no_line_is_told_where_anything_is_not_as_usual(
    watcher: Watcher, change: Callable[[Feed], None]
) -> None:
    watcher.hub.write("one")
    change(watcher.feed)
    assert not watcher.following.lines(3)
    watcher.task.cancel()


@pytest.mark.parametrize("seconds", [ACCOUNT, 600 - WARN_BEFORE, 601])
async def test_nor_where_time_alone_brings_something_else(watcher: Watcher, seconds: float) -> None:
    watcher.hub.write("one")
    watcher.clock.forward(seconds)
    assert not watcher.following.lines(3)
    watcher.task.cancel()


async def test_nor_behind_the_moment_to_which_a_decision_holds(stage: Stage) -> None:
    watcher = Watcher(stage)
    await watcher.follow()
    decision = allowed()
    watcher.feed._authority.lifetime.authority(
        decision.now, decided=decision.now, now=watcher.clock.time()
    )
    watcher.hub.write("one")
    assert not watcher.following.lines(3)
    watcher.task.cancel()


async def test_what_the_rate_refuses_is_told_as_lost(stage: Stage) -> None:
    watcher = Watcher(stage, limits=SessionLimits(events_per_second=3))
    await watcher.follow()
    for number in range(5):
        await watcher.write(str(number))
    watcher.clock.forward(2)
    await watcher.write("last")
    events = [one for one in watcher.said if isinstance(one, Events | GapNotice)]
    assert shown(watcher.said)[-1] == "last"
    gaps = [one.gap for one in events if isinstance(one, GapNotice)]
    assert {gap.reason for gap in gaps} == {GapReason.RATE_LIMITED}
    assert len(shown(watcher.said)) + sum(gap.missed or 0 for gap in gaps) == 6
    watcher.task.cancel()


async def test_after_a_line_a_silence_begins_anew(watcher: Watcher) -> None:
    watcher.clock.forward(ACCOUNT - 1)
    assert await watcher.write("one") == 0
    assert watcher.feed._status.next_at == pytest.approx(watcher.clock.time() + IDLE, abs=0.5)
    watcher.task.cancel()
