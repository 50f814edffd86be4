"""What a session says next: its end first, nothing without authority; the short look is true."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extdebug.filters.filter import FilterError
from extdebug.filters.query import Problem
from extdebug.protocol.server_frames import StreamState
from extdebug.sessions import close_reasons
from extdebug.sessions.authority import Authority
from extdebug.sessions.flow_control import Events
from extdebug.sessions.lifetime import Lifetime
from extdebug.sessions.presence import Presence
from extdebug.sessions.session_frames import ControlFrame
from extdebug.sessions.turn import FRAMES_KEPT, Turn
from extdebug.wire.positions import ZERO_ID, Cursor
from tests.extdebug.stage import TARGET, VIEWER, PaperHub, allowed

NOW = 1000.0
FAILED = FilterError(Problem.TOO_COMPLEX, "too costly", 0)
EVENT: Any = "an event"


class Session:
    """A turn among stand-ins, each of which has something to say or not."""

    def __init__(self) -> None:
        wall = dt.datetime.now(dt.UTC)
        lease: Any = type("Lease", (), {"expires_at": wall + dt.timedelta(seconds=600)})
        self.asked: list[str] = []
        self.failed: FilterError | None = None
        self.account = self.waiting = False
        self.open = True
        self.refused_since: float | None = None
        self.state = StreamState.LIVE
        decision = allowed(now=wall)
        self.authority = Authority(decision, lease, wake=lambda: None, now=NOW)
        self.presence = Presence(VIEWER, TARGET, decision, hub=PaperHub(), wake=lambda: None)
        self.presence.frame(decision)
        self.flow = self.catch_up = self  # limited()
        playback: Any = self
        status: Any = self
        self.turn = Turn(
            self.authority, playback, self.presence, status,
            decide_soon=lambda: self.asked.append("decide"),
        )  # fmt: skip

    def deliver(self, now: float) -> Any:
        return EVENT

    def account_due(self, now: float) -> bool:
        return self.account

    def frame(self, now: float, *, always: bool = False) -> Any:
        return "status"


troubles = st.fixed_dictionaries({
    "confirmed": st.booleans(),
    "ended": st.booleans(),
    "ends in": st.sampled_from([-1.0, 0.0, 0.5, 30.0, 59.0, 61.0, 600.0]),
    "warned": st.booleans(),
    "authority for": st.sampled_from([None, -5.0, 0.0, 0.5, 100.0]),
    "said": st.integers(0, 2),
    "account": st.booleans(),
    "told of others": st.booleans(),
    "filter failed": st.booleans(),
    "later": st.sampled_from([0.0, 0.5, 70.0]),
})  # fmt: skip


def session_in(trouble: dict[str, Any]) -> Session:
    session = Session()
    authority, wall = session.authority, dt.datetime.now(dt.UTC)
    authority.confirmed = trouble["confirmed"]
    if trouble["ended"]:
        authority.end(close_reasons.SIGNED_OUT, now=NOW)
    authority.lifetime.until(wall + dt.timedelta(seconds=trouble["ends in"]), now=NOW)
    if trouble["warned"]:
        authority.lifetime.warn(NOW)
    if trouble["authority for"] is not None:
        until = wall + dt.timedelta(seconds=trouble["authority for"])
        authority.lifetime.authority(until, decided=wall, now=NOW)
    for _ in range(trouble["said"]):
        session.turn.say(ControlFrame("pong", b"{}"))
    session.account = trouble["account"]
    if trouble["told of others"]:
        session.presence.tell([object()])  # type: ignore[list-item]
        session.presence.tell([])
    session.failed = FAILED if trouble["filter failed"] else None
    return session


@settings(max_examples=300, deadline=None)
@given(troubles)
def test_the_short_look_says_what_the_long_one_does(trouble: dict[str, Any]):
    async def check() -> tuple[Any, ...]:
        await asyncio.sleep(0)
        short, long = session_in(trouble), session_in(trouble)
        long.turn.calm = lambda now: False  # type: ignore[method-assign]
        now = NOW + trouble["later"]
        said = [(_of(short.turn.step(now)), _of(long.turn.step(now))) for _ in range(4)]
        return said, short.asked, long.asked

    said, *asked = asyncio.run(check())
    assert [one for one, _ in said] == [other for _, other in said]
    assert asked[0] == asked[1]


def _of(message: Any) -> Any:
    return getattr(message, "kind", None) or getattr(message, "code", message)


@pytest.mark.parametrize("trouble", ["unconfirmed", "due", "ended", "over", "a filter that failed"])
async def test_nothing_of_the_stream_leaves_without_authority(trouble: str):
    session = Session()
    authority, wall = session.authority, dt.datetime.now(dt.UTC)
    authority.confirmed = trouble != "unconfirmed"
    if trouble == "due":
        authority.lifetime.authority(wall, decided=wall, now=NOW - 1)
    elif trouble == "ended":
        authority.end(close_reasons.SIGNED_OUT, now=NOW)
    elif trouble == "over":
        authority.lifetime.until(wall, now=NOW - 1)
    elif trouble == "a filter that failed":
        session.failed = FAILED
    await asyncio.sleep(0)

    assert not session.turn.calm(NOW)
    for _ in range(3):
        message = session.turn.step(NOW)
        assert message is None or message is authority.ending
    assert session.asked == (["decide"] * 3 if trouble == "due" else [])


async def test_the_oldest_of_too_many_small_frames_goes():
    session = Session()
    session.authority.confirmed = True
    await asyncio.sleep(0)
    for number in range(FRAMES_KEPT + 1):
        session.turn.say(ControlFrame(str(number), b"{}"))

    first = session.turn.step(NOW)
    assert isinstance(first, ControlFrame)
    assert first.kind == "1"


async def test_until_a_moment_is_quiet_nothing_of_a_lifetime_happens():
    lifetime, wall = Lifetime(), dt.datetime.now(dt.UTC)
    await asyncio.sleep(0)
    lifetime.until(wall + dt.timedelta(seconds=600), now=NOW)
    assert lifetime.quiet_until == pytest.approx(NOW + 540, abs=1)
    lifetime.authority(wall + dt.timedelta(seconds=20), decided=wall, now=NOW)
    assert lifetime.quiet_until == pytest.approx(NOW + 20)
    lifetime.authority(None, decided=wall, now=NOW)
    assert lifetime.warn(NOW + 550)
    assert lifetime.quiet_until == pytest.approx(NOW + 600, abs=1)


@pytest.mark.parametrize(
    "left",
    ["nothing", "lines", "lines and no window", "the account", "refused lines", "another state"],
)
async def test_behind_lines_nothing_is_looked_for_only_where_nothing_can_be(left: str):
    session = Session()
    session.turn.step(NOW)
    session.state = StreamState.PLAYING if left == "another state" else StreamState.LIVE
    session.account = left == "the account"
    session.waiting = left.startswith("lines")
    session.open = left != "lines and no window"
    session.refused_since = NOW if left == "refused lines" else None
    lines = Events(1, 1, Cursor(ZERO_ID), (), ())
    assert session.turn.told_all(lines) == (left in ("nothing", "lines and no window"))
    assert not session.turn.told_all(ControlFrame("pong", b"{}"))
