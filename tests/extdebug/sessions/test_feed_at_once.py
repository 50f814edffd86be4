"""A session that is served at once says what one that is asked says, and is cut as surely."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extdebug.filters.filter import Filter
from extdebug.hub.page import Page
from extdebug.protocol.client_frames import Fetch, ProtocolError
from extdebug.sessions import close_reasons, paging
from extdebug.sessions.catch_up import CatchUp
from extdebug.sessions.close_reasons import CloseReason
from extdebug.sessions.feed import Feed
from extdebug.sessions.flow_control import Events, GapNotice
from extdebug.sessions.session_frames import ControlFrame
from extdebug.sessions.status import ACCOUNT, IDLE
from extdebug.sessions.turn import Message, Spoken
from extdebug.streams.replies import Snapshot
from extdebug.wire.light_waits import LightEvent
from extdebug.wire.positions import EntryId, Start
from policies.decisions.facts import SessionLimits
from tests.extdebug.stage import Clock, PaperHub, Stage, allowed, shown

NARROW = SessionLimits(window_bytes=2_000, events_per_second=12)


class Stopped(Clock):
    """Shows one moment: what a rate lets through depends on nothing else."""

    def time(self) -> float:
        return 1000.0

    def call_at(self, when: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(1e6, callback)


class Client:
    """Takes what one feed says, `at_once` too where it may, and reads slowly when it is `full`."""

    def __init__(self, feed: Feed, *, at_once: bool) -> None:
        self.feed = feed
        self.said: list[Message] = []
        self.full = asyncio.Event()
        self.full.set()
        if at_once:
            feed.speak_by(self._write)
        self.task = asyncio.create_task(self._read())

    def _write(self, messages: Sequence[Spoken]) -> bool:
        if self.full.is_set():
            self.said += messages
        return self.full.is_set()

    async def _read(self) -> None:
        while not (self.said and isinstance(self.said[-1], CloseReason)):
            message = await self.feed.next()
            await self.full.wait()
            self.said.append(message)

    @property
    def stream(self) -> list[str]:
        """What it was told of the stream."""
        return [one.text() for one in self.said if isinstance(one, Events | GapNotice)]

    @property
    def kinds(self) -> list[str]:
        return [one.kind for one in self.said if isinstance(one, ControlFrame)]


async def settled() -> None:
    for _ in range(25):
        await asyncio.sleep(0)


OF_THE_STREAM = [
    "write 1", "write 3", "write 9", "write 101", "lose", "away", "well", "ask runners", "runner",
    "redis is back", "ask aside",
]  # fmt: skip
OF_THE_SESSION = ["ack", "ack", "pause", "resume", "fetch", "full", "ready", "filter", "decide"]


def happen(hub: PaperHub, action: str, number: int) -> None:
    """To the stream."""
    match action:
        case "lose":
            hub.mark_lost(2, why="queue_full")
        case "away" | "well":
            hub.problem_is(action.removeprefix("well"))
        case "ask runners" if not hub.said_fallback:
            hub.ask_runners()
        case "ask aside":
            count = len(hub.rows)
            hub.watched.snapshot = Snapshot(
                exists=True, length=count, added=count, first=EntryId(1, 0) if count else None
            )
            for subscription in hub.subscriptions:
                subscription.step_aside()
        case "runner" if hub.said_fallback:
            hub.runner_says(f"{number}" + "x" * 90, n=number)
        case "redis is back" if hub.said_fallback:
            hub.redis_is_back()
        case _ if action.startswith("write"):
            lines = range(int(action.split()[1]))
            hub.write(*(f"{number}.{n}" + "x" * 90 for n in lines))


def do(one: Client, action: str, number: int) -> None:
    """By the client, or to its session."""
    match action:
        case "ack":
            one.feed.ack(one.feed.flow.seq)
        case "fetch":
            with contextlib.suppress(ProtocolError):
                one.feed.fetch(Fetch(id=str(number)))
        case "pause":
            one.feed.pause()
        case "resume":
            one.feed.resume()
        case "filter":
            one.feed.set_filter(Filter.parse({"q": str(number % 3)}), rev=number)
        case "decide":
            one.feed.apply(allowed(limits=NARROW))
        case "full":
            one.full.clear()
        case _:
            one.full.set()


async def a_page(*_: Any, **__: Any) -> Page:
    await asyncio.sleep(0)
    return Page([], None, done=True)


@settings(max_examples=60, deadline=None)
@mock.patch.object(paging, "fetch_page", a_page)
@given(st.lists(st.sampled_from([*OF_THE_STREAM, *OF_THE_SESSION]), max_size=30))
def test_both_ways_say_the_same_of_the_stream(script: Sequence[str]):
    async def told(*, at_once: bool) -> tuple[list[str], list[str], int]:
        stage = Stage()
        feed = stage.open(limits=NARROW, start=Start(tail=0), clock=Stopped())
        one = Client(feed, at_once=at_once)
        await settled()
        for number, action in enumerate(script):
            if action in OF_THE_STREAM:
                happen(stage.hub, action, number)
            else:
                do(one, action, number)
            await settled()
        one.full.set()
        await settled()
        assert not one.task.done()
        one.feed.resume()
        for _ in range(20):
            await settled()
            one.feed.ack(one.feed.flow.seq)
        one.task.cancel()
        await asyncio.gather(one.task, return_exceptions=True)
        return one.stream, one.kinds, one.feed.flow.ledger.entries

    with mock.patch.object(CatchUp, "whole_frame", return_value=None):
        plain = asyncio.run(told(at_once=False))
    assert asyncio.run(told(at_once=True)) == plain


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
async def client(stage: Stage) -> Client:
    one = Client(stage.open(start=Start(tail=0)), at_once=True)
    await settled()
    one.said.clear()
    return one


def end(client: Client) -> None:
    client.feed.end(close_reasons.SIGNED_OUT)


def deny(client: Client) -> None:
    client.feed.apply(allowed(allowed=False, code="revoked"))


@pytest.mark.parametrize("cut", [end, deny])
async def test_after_its_end_nothing_more_is_said(
    stage: Stage, client: Client, cut: Callable[[Client], None]
) -> None:
    stage.hub.write("before")
    await settled()
    assert shown(client.said) == ["before"]

    stage.hub.write("together")  # the session is called for it, and cut before it speaks
    cut(client)
    stage.hub.write("after")
    await settled()
    assert shown(client.said) == ["before"]
    assert isinstance(client.said[-1], CloseReason)


async def test_what_could_not_be_written_is_not_given_out_after_the_end(
    stage: Stage, client: Client
) -> None:
    def refuse(messages: Sequence[Spoken]) -> bool:
        client.feed.end(close_reasons.SIGNED_OUT)
        return False

    client.feed.speak_by(refuse)
    stage.hub.write("one")
    await settled()
    assert client.said == [close_reasons.SIGNED_OUT]


@pytest.mark.parametrize("decided", [False, True])
async def test_nothing_is_said_at_once_before_a_decision_was_confirmed(
    stage: Stage, decided: bool
) -> None:
    client = Client(stage.open(start=Start(tail=0), decided=decided), at_once=True)
    await settled()
    stage.hub.write("one")
    await settled()
    assert shown(client.said) == (["one"] if decided else [])
    client.task.cancel()
    await settled()


@pytest.mark.parametrize("at_once", [False, True])
async def test_an_ack_that_makes_room_brings_what_waited_for_it(
    stage: Stage, at_once: bool
) -> None:
    feed = stage.open(limits=SessionLimits(window_bytes=600), start=Start(tail=0))
    client = Client(feed, at_once=at_once)
    await settled()
    for number in range(9):  # each a frame of its own
        stage.hub.write(str(number) + "x" * 200)
        await settled()
    await settled()
    first = shown(client.said)
    assert 0 < len(first) < 9

    for _ in range(9):
        feed.ack(feed.flow.seq)
        await settled()
    assert [text[0] for text in shown(client.said)] == list("012345678")
    client.task.cancel()
    await settled()


async def test_a_state_that_changes_as_lines_come_is_said_behind_them(
    stage: Stage, client: Client
) -> None:
    stage.hub.problem_is("Redis does not answer")
    stage.hub.write("one")
    await settled()
    assert shown(client.said) == ["one"]
    assert client.kinds == ["status"]
    assert client.feed.stuck

    stage.hub.write("two")
    stage.hub.problem_is("")
    await settled()
    assert client.kinds == ["status", "status"]
    assert client.feed.caught_up


async def test_after_a_silence_the_account_is_said_behind_the_first_line(stage: Stage) -> None:
    clock = Clock()
    client = Client(stage.open(start=Start(tail=0), clock=clock), at_once=True)
    await settled()
    client.said.clear()
    stage.hub.write("one")
    await settled()
    assert (shown(client.said), client.kinds) == (["one"], [])
    clock.forward(IDLE)
    stage.hub.watched.wake()
    await settled()
    assert client.kinds == ["status"]
    client.said.clear()
    clock.forward(ACCOUNT)
    stage.hub.write("two")
    await settled()
    assert [getattr(one, "kind", "line") for one in client.said] == ["line", "status"]
    client.task.cancel()
    await settled()


async def test_what_waits_for_a_slow_client_is_of_the_rules_and_scope_of_when_it_leaves(
    stage: Stage,
) -> None:
    feed = stage.open(start=Start(tail=0))
    room = LightEvent()
    room.set()
    client = Client(feed, at_once=True)
    feed.speak_by(client._write, room=room)
    await settled()
    client.said.clear()
    stage.hub.write("before")
    await settled()
    room.clear()
    stage.hub.write("while it takes nothing", install="inst-a")
    await settled()
    assert shown(client.said) == ["before"]

    feed.apply(allowed(installs=frozenset({"inst-b"})))
    stage.hub.write("of its scope", install="inst-b")
    await settled()
    room.set()
    await settled()
    assert shown(client.said) == ["before", "of its scope"]
    client.task.cancel()
    await settled()
