"""What one session is shown of its stream, and from where: scope, filter, place, pause."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from redis.exceptions import RedisError

from extdebug.filters.filter import Filter, FilterError, compile_filter
from extdebug.hub.history import History
from extdebug.hub.hub import Hub
from extdebug.hub.selection import Selection
from extdebug.sessions.catch_up import CatchUp
from extdebug.sessions.delivery import deliver
from extdebug.sessions.flow_control import Events, FlowControl, GapNotice
from extdebug.sessions.ledger import Ledger
from extdebug.sessions.lifetime import LoopClock
from extdebug.sessions.store import Lease
from extdebug.streams.connection import LOST
from extdebug.wire.backoff import jittered
from extdebug.wire.keys import Target
from extdebug.wire.positions import ZERO_ID, Cursor, Start
from policies.access import Decision


class Playback:
    """Owned by a feed. `wake` is called as something new may be there to deliver.

    `placed` says whether the session stands somewhere in the stream: its start was found.
    """

    def __init__(
        self, hub: Hub, target: Target, decision: Decision, lease: Lease, *, wanted: Filter,
        rev: int, start: Start, history: type[History], wake: Callable[[], None], clock: LoopClock,
    ) -> None:  # fmt: skip
        self.filter = wanted
        self.paused = False
        self.placed = start.cursor is not None
        self._installs = decision.installs
        self._start = start
        self._clock = clock
        self._attempt = 0
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
            hub, target, wake=wake, ring_bytes=limits.ring_bytes,
            keeps_up=self._keeps_up, history=history,
        )  # fmt: skip

    def _keeps_up(self) -> bool:
        return not self.paused and self.flow.keeps_up(self._clock.time())

    @property
    def failed(self) -> FilterError | None:
        """Why the filter selects nothing any more; None while it works."""
        return compile_filter(self.filter).failed

    @property
    def selection(self) -> Selection:
        return Selection(self._installs, self.filter)

    def begin(self) -> None:
        """Attach to the stream at the session's start."""
        self._start = self.catch_up.begin(self.selection, self._start)

    def use_limits(self, decision: Decision) -> None:
        """Scope and rates of another decision; what waits is chosen anew by `go_on` alone."""
        self._installs, limits = decision.installs, decision.limits
        self.flow.limit(
            events_per_second=limits.events_per_second, bytes_per_second=limits.bytes_per_second
        )

    def use_filter(self, wanted: Filter, *, start: Start | None) -> None:
        """Another filter, from the last place told or from `start`."""
        self.filter = wanted
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
        self.paused = True
        self.catch_up.leave()

    def resume(self) -> None:
        if self.paused:
            self.paused = False
            self._again()

    def go_on(self) -> None:
        """Read anew, from the last place told, all that waits: it was chosen under other rules."""
        if not self.paused:
            self._again()

    def deliver(self, now: float) -> Events | GapNotice | None:
        """The next events or stated loss; None when there is none to send now."""
        return None if self.paused else deliver(self.flow, self.catch_up, now)

    async def read(self, ended: asyncio.Event) -> None:
        """Read on in the past; when Redis does not answer, wait a little, at most until `ended`."""
        try:
            found = await self.catch_up.read()
        except (RedisError, *LOST):
            self._attempt += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), jittered(self._attempt))
            return
        self._attempt = 0
        if found is not None and (not self.placed or found.id == self.flow.position.id):
            self.flow.stand_at(found)
            self.placed = True

    def _again(self) -> None:
        """Go on from the last place that was told, read anew: what was queued is not lost."""
        self.flow.stand_at(self.flow.position)
        if self.placed:
            self.catch_up.begin(self.selection, Start(cursor=self.flow.position))
        else:
            self.begin()
