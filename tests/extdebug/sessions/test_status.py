"""The state is told on each change, while the account moves, when asked, and when idle."""

from __future__ import annotations

import datetime as dt
import json
from types import SimpleNamespace
from typing import Any

import pytest

from extdebug.protocol.server_frames import StreamState
from extdebug.sessions.flow_control import FlowControl
from extdebug.sessions.lifetime import Lifetime
from extdebug.sessions.status import ACCOUNT, IDLE, StatusTeller
from extdebug.wire.positions import Cursor
from extdebug.wire.ticks import tick_after


class Source:
    """A catch-up as the status sees it, and the teller of its state."""

    def __init__(self) -> None:
        self.catch_up = SimpleNamespace(
            on_runners="", problem="", reading=False, waiting=False, attached=True
        )
        self.flow = FlowControl(
            position=Cursor.parse("1000-0.1"), rev=0, events_per_second=0, bytes_per_second=0
        )
        life = Lifetime()
        life.until(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=600), now=0.0)
        self.playback = SimpleNamespace(
            flow=self.flow, catch_up=self.catch_up, paused=False, placed=True, over=False,
            playing="",
        )  # fmt: skip
        playback: Any = self.playback
        self.one = StatusTeller(playback, life, now=0.0)

    def told(self, now: float = 0.0, **how: Any) -> dict[str, Any] | None:
        always = how.pop("always", False)
        vars(self.playback).update({"paused": False, "placed": True, **how})
        frame = self.one.frame(now, always=always)
        if frame is None:
            return None
        self.one.spoke(now)
        said: dict[str, Any] = json.loads(frame.text())
        return said


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.mark.parametrize(
    ("now", "paused", "state"),
    [
        ({}, True, "paused"),
        ({"on_runners": "Lines come straight from runners."}, False, "fallback"),
        ({"problem": "Redis does not answer"}, False, "degraded"),
        ({"reading": True}, False, "history"),
        ({}, False, "live"),
        ({"on_runners": "x", "problem": "y", "reading": True}, True, "paused"),
        ({"problem": "y", "reading": True}, False, "degraded"),
    ],
)
def test_each_state_is_told_once(
    source: Source, now: dict[str, Any], paused: bool, state: str
) -> None:
    vars(source.catch_up).update(now)
    said = source.told(paused=paused)
    assert said is not None
    assert said["state"] == state
    assert source.told(paused=paused) is None, "nothing changed"


@pytest.mark.parametrize(
    ("now", "played", "state"),
    [
        ({"reading": True}, {"playing": "Playing at 4x"}, "playing"),
        ({"problem": "y", "reading": True}, {"playing": "Playing at 4x"}, "degraded"),
        ({}, {"playing": "Playing at 4x", "paused": True}, "paused"),
        ({"problem": "y"}, {"over": True, "paused": True}, "end_of_range"),
    ],
)
def test_a_range_and_a_speed_have_states_of_their_own(
    source: Source, now: dict[str, Any], played: dict[str, Any], state: str
) -> None:
    vars(source.catch_up).update(now)
    said = source.told(**played)
    assert said is not None
    assert said["state"] == state
    assert source.told(**played) is None


def test_what_is_said_while_it_plays_is_told_when_it_changes(source: Source) -> None:
    assert source.told(playing="Playing at 4x") is not None
    said = source.told(playing="Playing at 4x: a silence is shortened")
    assert said is not None
    assert "shortened" in said["message"]
    assert said["lagMs"] > 10**12, "how far behind now"
    assert source.told(playing="Playing at 4x: a silence is shortened") is None


def test_a_problem_is_told_in_words(source: Source) -> None:
    source.catch_up.problem = "Redis does not answer"
    said = source.told()
    assert said is not None
    assert said["message"] == "Redis does not answer. New lines will follow when it is back."


def test_nothing_is_told_before_the_stream_is_attached(source: Source) -> None:
    source.catch_up.reading, source.catch_up.attached = True, False
    assert source.told() is None
    source.catch_up.attached = True
    assert source.told() is not None


def test_an_idle_session_is_told_its_place_again(source: Source) -> None:
    assert source.told() is not None
    assert source.told(IDLE - 0.1) is None
    assert source.one.next_at == tick_after(IDLE)
    assert source.told(IDLE) is not None
    assert source.one.next_at == tick_after(2 * IDLE)


def test_an_account_that_moves_is_told_every_few_seconds(source: Source) -> None:
    source.told()
    assert not source.one.account_due(ACCOUNT)
    source.flow.ledger.shown += 1
    assert not source.one.account_due(ACCOUNT - 0.1)
    assert source.one.account_due(ACCOUNT)
    assert source.told(ACCOUNT, always=True) is not None
    assert not source.one.account_due(2 * ACCOUNT), "it stands again"


def test_a_request_is_answered_though_nothing_changed(source: Source) -> None:
    source.told()
    source.one.answer()
    assert source.told() is not None


@pytest.mark.parametrize(("waiting", "lag"), [(False, 0), (True, None)])
def test_only_a_live_session_has_a_lag(source: Source, waiting: bool, lag: int | None) -> None:
    source.catch_up.waiting = waiting
    said = source.told()
    assert said is not None
    assert said["lagMs"] == lag if lag is not None else said["lagMs"] > 10**12
    source.catch_up.problem = "away"
    said = source.told()
    assert said is not None
    assert said["lagMs"] is None
    assert source.one.state is StreamState.DEGRADED
