"""What one session is shown of its stream, from where to where and how fast: scope, filter, place,
range, pause."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from typing import Final

from redis.exceptions import RedisError

from extdebug.filters.filter import Filter, FilterError, compile_filter
from extdebug.hub.hub import Hub
from extdebug.hub.selection import Selection
from extdebug.sessions.catch_up import CatchUp, ReadPast
from extdebug.sessions.delivery import deliver
from extdebug.sessions.flow_control import Events, FlowControl, GapNotice
from extdebug.sessions.ledger import Ledger
from extdebug.sessions.lifetime import LoopClock
from extdebug.sessions.pace import MAX_SILENCE
from extdebug.sessions.release import Release
from extdebug.sessions.store import Lease
from extdebug.streams.connection import LOST
from extdebug.wire.backoff import jittered
from extdebug.wire.keys import Target
from extdebug.wire.light_waits import LightEvent
from extdebug.wire.positions import ENDLESS, ZERO_ID, Cursor, Span, Start
from policies.access import Decision

NEAR_MS: Final = 2000  # who plays and is less behind than this is live
SETTLED: Final = 2.0  # seconds after the end of a range until nothing older comes any more


class Playback:
    """Owned by a feed. `wake` is called as something new may be there to deliver, or, where it is
    given, `lines_came` as it can be nothing but lines.

    `placed` says whether the session stands somewhere in the stream: its start was found. `over`
    says that it stands at the end of its range, reading nothing.
    """

    def __init__(
        self, hub: Hub, target: Target, decision: Decision, lease: Lease, *, wanted: Filter,
        rev: int, start: Start, history: ReadPast, wake: Callable[[], None],
        lines_came: Callable[[], None] | None = None, clock: LoopClock, span: Span = ENDLESS,
        wall: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.filter = wanted
        self._selector = compile_filter(wanted)
        self.paused = self.over = False
        self._release = Release(span)
        self._wall = wall
        self.placed = start.cursor is not None
        self._installs = decision.installs
        self._start = start
        self._clock = clock
        self._attempt = 0
        # Others waited for this session: by when it has to acknowledge something. Endless once it
        # did, or if it had nothing to acknowledge.
        self._aside_until: float | None = None
        limits = decision.limits
        self.flow = FlowControl(
            position=start.cursor or Cursor(ZERO_ID), rev=rev, window=limits.window_bytes,
            events_per_second=limits.events_per_second, bytes_per_second=limits.bytes_per_second,
            ledger=Ledger.of(
                shown=lease.shown, filtered=lease.filtered, lost=lease.lost or {},
                unknown=lease.unknown,
            ),
        )  # fmt: skip
        self.catch_up = CatchUp(
            hub, target, wake=wake, lines_came=lines_came, ring_bytes=limits.ring_bytes,
            keeps_up=self._keeps_up, step_aside=self._asked_aside, history=history,
        )  # fmt: skip

    def _keeps_up(self) -> bool:
        slow = self.paused or self._aside_until is not None or self._release.pace is not None
        return not slow and self.flow.keeps_up(self._clock.time())

    def _asked_aside(self) -> None:
        """Others of the stream wait for this session: from now on nobody does. If it acknowledges
        in time it reads from Redis what waits for it; if not, what its ring drops is lost to it."""
        flow = self.flow
        if self.catch_up.better_read(flow.position):
            owes = flow.unacked > 0
            self._aside_until = flow.acknowledges_by(self._clock.time()) if owes else math.inf

    def ack(self, seq: int) -> bool:
        """Everything up to `seq` arrived. False when that was never sent."""
        flow, until = self.flow, self._aside_until
        acked = flow.acked
        if not flow.ack(seq):
            return False
        if until is not None and flow.acked != acked and self._clock.time() < until:
            self._aside_until = math.inf  # in time, however late it is told more by us
        return True

    def _step_aside(self, until: float, now: float) -> bool:
        """Read for itself what waits, as a session does that comes back, until it is live again.
        False: it may acknowledge yet, and is told nothing before."""
        if now < until < math.inf:
            return False
        self._aside_until = None
        if until == math.inf and self.catch_up.better_read(self.flow.position):
            self.go_on()
        return True

    @property
    def failed(self) -> FilterError | None:
        """Why the filter selects nothing any more; None while it works."""
        return self._selector.failed

    @property
    def held(self) -> bool:
        """Whether a line of the live stream may not be told as it comes."""
        release = self._release
        return (
            self._aside_until is not None
            or release.until is not None
            or release.pace is not None
            or self._selector.failed is not None
        )

    @property
    def selection(self) -> Selection:
        return Selection(self._installs, self.filter)

    def begin(self) -> None:
        """Attach to the stream at the session's start."""
        self._aside_until = None
        self._start = self.catch_up.begin(
            self.selection, self._start, rounds=self._release.pace is not None
        )

    def use_limits(self, decision: Decision) -> None:
        """Scope and rates of another decision; what waits is chosen anew by `go_on` alone."""
        self._installs, limits = decision.installs, decision.limits
        self.flow.limit(
            events_per_second=limits.events_per_second, bytes_per_second=limits.bytes_per_second
        )

    def use_filter(self, wanted: Filter, *, start: Start | None, span: Span = ENDLESS) -> None:
        """Another filter and range, from the last place told or from `start`."""
        self.filter, self._selector = wanted, compile_filter(wanted)
        self._release, self.over = Release(span), False
        if start is None:
            self._again()
        else:
            self.placed = start.cursor is not None
            self.flow.stand_at(start.cursor or self.flow.position)
            self._start = start
            self.begin()
        if self.paused:
            self.catch_up.leave()

    def pause(self) -> None:
        """Stop delivery and keep the place, not the memory."""
        if self._release.pace is not None and not self.paused:
            self._release.pace.hold(self._clock.time())
        self.paused = True
        self.catch_up.leave()

    def resume(self) -> None:
        if self.paused:
            self.paused = False
            if self._release.pace is not None:
                self._release.pace.go_on(self._clock.time())
            self.go_on()

    def go_on(self) -> None:
        """Read anew, from the last place told, all that waits: it was chosen under other rules."""
        if not self.paused and not self.over:
            self._again()

    def deliver(self, now: float) -> Events | GapNotice | None:
        """The next events or stated loss; None when there is none to send now."""
        if self.paused or self.over:
            return None
        until_acked = self._aside_until
        if until_acked is not None and not self._step_aside(until_acked, now):
            return None
        message = deliver(self.flow, self.catch_up, now, self._release)
        if message is not None:
            return message
        until = self._release.until
        if until is not None and (self._release.over or self._settled(until.ms)):
            message = self.flow.limited(now, before=str(until))
            if message is None:
                self.over = True
                self.catch_up.leave()
        elif self._release.pace is not None and self.catch_up.exhausted:
            self._next_round()
        return message

    def _settled(self, until_ms: int) -> bool:
        """Whether the end of the range has passed, and all that came before it was told."""
        catch_up = self.catch_up
        told = self.flow.open and not (catch_up.reading or catch_up.waiting or catch_up.problem)
        return told and self._wall() >= until_ms / 1000 + SETTLED

    def _next_round(self) -> None:
        """Play on, or go on live when that is where the session has come to."""
        at, newest = self.flow.position.id, self.catch_up.newest.id
        if newest <= at or self._wall() * 1000 - at.ms < NEAR_MS:
            self._release.pace = None
        self._again()

    @property
    def playing(self) -> str:
        """What to say while lines are told at a speed; else empty."""
        pace = self._release.pace
        if pace is None:
            return ""
        said = f"Playing at {pace.speed:g}x"
        if pace.shortened:
            return f"{said}: a silence of {pace.shortened:.0f} s is shortened to {MAX_SILENCE:g} s."
        return f"{said}; a silence takes {MAX_SILENCE:g} s at the most."

    @property
    def timed(self) -> bool:
        """Whether `next_at` can be a moment at all."""
        release = self._release
        aside = self._aside_until is not None
        return aside or release.pace is not None or release.until is not None

    @property
    def next_at(self) -> float:
        """The loop's time at which there may be more to deliver by time alone."""
        if self.paused or self.over:
            return math.inf
        pace, until = self._release.pace, self._release.until
        at = math.inf if pace is None else pace.next_at
        if until is not None and pace is None and not self.catch_up.problem:
            left = until.ms / 1000 + SETTLED - self._wall()
            if left > 0:
                at = min(at, self._clock.time() + left)
        aside = self._aside_until
        return at if aside is None or aside <= self._clock.time() else min(at, aside)

    async def read(self, ended: LightEvent) -> None:
        """Read on in the past; when Redis does not answer, wait a little, at most until `ended`."""
        try:
            found = await self.catch_up.read()
        except (RedisError, *LOST):
            self._attempt += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(jittered(self._attempt)):
                    await ended.wait()
            return
        self._attempt = 0
        if found is not None and (not self.placed or found.id == self.flow.position.id):
            self.flow.stand_at(found)
            self.placed = True

    def _again(self) -> None:
        """Go on from the last place that was told, read anew: what was queued is not lost."""
        self.flow.stand_at(self.flow.position)
        self._aside_until = None
        if self.placed:
            rounds = self._release.pace is not None
            self.catch_up.begin(self.selection, Start(cursor=self.flow.position), rounds=rounds)
        else:
            self.begin()
