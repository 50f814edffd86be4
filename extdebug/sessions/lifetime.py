"""How long one session lives, and how long its last decision holds, by the loop's clock.

Pure: moments of the wall clock come in, and are turned into the monotonic clock once, when they
become known. A wall clock that is set meanwhile changes nothing.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from collections.abc import Callable
from typing import Final, Protocol

WARN_BEFORE: Final = 60.0  # seconds before the end
RECHECK: Final = 0.05  # seconds between two calls for a decision that is due


class LoopClock(Protocol):
    """The event loop, as far as a feed knows the time by it."""

    def time(self) -> float:
        """Seconds, from an origin of its own."""

    def call_at(self, when: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        """Call when the clock shows `when`."""


class Lifetime:
    """`ends` and `decide_at` are on the loop's clock, like every `now` passed in."""

    def __init__(self) -> None:
        self.expires_at = dt.datetime.fromtimestamp(0, dt.UTC)
        self._ends = 0.0
        self._warned = False
        self._decide_at: float | None = None
        self.quiet_until = -math.inf  # before it nothing of this happens, whatever is asked

    def until(self, expires_at: dt.datetime, *, now: float) -> None:
        """The session's end, as its row has it."""
        self.expires_at = expires_at
        self._ends = now + (expires_at - dt.datetime.now(dt.UTC)).total_seconds()
        self._warned = self._ends - now <= 1
        self._moved()

    def authority(self, until: dt.datetime | None, *, decided: dt.datetime, now: float) -> None:
        """The moment to which a decision made at `decided` (the database's clock) holds."""
        self._decide_at = None if until is None else now + (until - decided).total_seconds()
        self._moved()

    def over(self, now: float) -> bool:
        return now >= self._ends

    def due(self, now: float) -> bool:
        """Whether the authority of the last decision has run out by time alone."""
        return self._decide_at is not None and now >= self._decide_at

    def warn(self, now: float) -> bool:
        """True once, a minute before the end."""
        if self._warned or now < self._ends - WARN_BEFORE:
            return False
        self._warned = True
        self._moved()
        return True

    def _moved(self) -> None:
        decide_at = math.inf if self._decide_at is None else self._decide_at
        warn_at = math.inf if self._warned else self._ends - WARN_BEFORE
        self.quiet_until = min(self._ends, warn_at, decide_at)

    def left(self, now: float) -> int:
        """Whole seconds to the end, never negative."""
        return max(0, round(self._ends - now))

    def next(self, now: float) -> float:
        """When something of this happens next."""
        at = [self._ends]
        if not self._warned:
            at.append(self._ends - WARN_BEFORE)
        if self._decide_at is not None:
            at.append(max(self._decide_at, now + RECHECK))
        return min(at)
