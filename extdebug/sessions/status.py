"""When a session is told its state: on each change, while its account moves, and when idle."""

from __future__ import annotations

import datetime as dt
from typing import Final, Protocol

from extdebug.protocol.server_frames import StreamState
from extdebug.sessions import session_frames
from extdebug.sessions.catch_up import CatchUp
from extdebug.sessions.flow_control import FlowControl
from extdebug.sessions.lifetime import Lifetime
from extdebug.sessions.session_frames import ControlFrame
from extdebug.wire.ticks import tick_after

ACCOUNT: Final = 5.0  # seconds between two `status` frames while the account moves
IDLE: Final = 15.0  # seconds without a frame until a `status` carries the cursor on


class Played(Protocol):
    """A session's playback, as far as its state goes."""

    flow: FlowControl
    catch_up: CatchUp
    paused: bool
    placed: bool
    over: bool

    @property
    def playing(self) -> str: ...


class StatusTeller:
    """Owned by a feed. `state` is what the client was last told; None: nothing yet."""

    def __init__(self, playback: Played, lifetime: Lifetime, *, now: float) -> None:
        self.state: StreamState | None = None
        self._playing = ""
        self._playback = playback
        self._flow = playback.flow
        self._catch_up = playback.catch_up
        self._lifetime = lifetime
        self._spoke = self._told = now
        self.quiet_until = now + ACCOUNT  # before it no account is due, however it moves
        self._told_entries = 0

    @property
    def next_at(self) -> float:
        """The loop's time at which an idle session is told its place, with others."""
        return tick_after(self._spoke + IDLE)

    def spoke(self, now: float) -> None:
        """A message of any kind went out."""
        self._spoke = now

    def answer(self) -> None:
        """Say the state next, changed or not: it answers a request."""
        self.state = None

    def account_due(self, now: float) -> bool:
        return now - self._told >= ACCOUNT and self._flow.ledger.entries != self._told_entries

    def frame(self, now: float, *, always: bool = False) -> ControlFrame | None:
        """The `status` frame that is due; None when there is nothing to say."""
        playback = self._playback
        state, message = self._now()
        opening = (
            state is StreamState.HISTORY and self.state is None and not self._catch_up.attached
        )
        told = state is self.state and (
            state is not StreamState.PLAYING or message == self._playing
        )
        changed = not told and not opening
        if not changed and not always and now - self._spoke < IDLE:
            return None
        self.state, self._told, self._told_entries = state, now, self._flow.ledger.entries
        self.quiet_until = now + ACCOUNT
        self._playing = message
        return session_frames.status(
            state, message, flow=self._flow, lifetime=self._lifetime, now=now,
            placed=playback.placed, lag_ms=self._lag(state),
        )  # fmt: skip

    def _now(self) -> tuple[StreamState, str]:
        playback, catch_up = self._playback, self._catch_up
        if playback.over:
            return StreamState.END_OF_RANGE, "End of the range; your place is kept."
        if playback.paused:
            return StreamState.PAUSED, "Delivery is paused; your place is kept."
        if limited := catch_up.on_runners:
            return StreamState.FALLBACK, limited
        if problem := catch_up.problem:
            return StreamState.DEGRADED, f"{problem}. New lines will follow when it is back."
        if playing := playback.playing:
            return StreamState.PLAYING, playing
        if catch_up.reading:
            return StreamState.HISTORY, "Reading what the stream still holds."
        return StreamState.LIVE, ""

    def _lag(self, state: StreamState) -> int | None:
        if state is StreamState.LIVE and not self._catch_up.waiting:
            return 0
        if state not in (StreamState.LIVE, StreamState.PLAYING):
            return None
        now_ms = int(dt.datetime.now(dt.UTC).timestamp() * 1000)
        return max(0, now_ms - self._flow.position.id.ms)
