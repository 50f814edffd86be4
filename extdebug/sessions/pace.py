"""When each event is due that is told in the rhythm of the events' times. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

MAX_SILENCE: Final = 5.0  # seconds between two lines at the most: a longer silence is shortened
TICK: Final = 0.02  # seconds; what is due within one leaves together
LATE: Final = 0.5  # seconds of delay that are made up for; more moves all that follows


class Pace:
    """`speed` times as fast as the events came. Times of the loop in seconds, of events in ms.

    `next_at` is when the next event is due, infinite where none waits; `shortened` the seconds of
    silence before it that are shortened to MAX_SILENCE, 0 where they are not.
    """

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self.next_at = math.inf
        self.shortened = 0.0
        self._last_ms: int | None = None
        self._last_at = 0.0
        self._held_at: float | None = None

    def due(self, moments: Iterable[int], now: float) -> int:
        """How many of these events, in order, are due now. They count as told."""
        count = 0
        self.next_at, self.shortened = math.inf, 0.0
        for ms in moments:
            last_ms = ms if self._last_ms is None else self._last_ms
            silence = max(0, ms - last_ms) / 1000
            wait = min(silence / self.speed, MAX_SILENCE)
            at = now if self._last_ms is None else self._last_at + wait
            if at > now + TICK:
                self.next_at = at
                self.shortened = silence if wait == MAX_SILENCE else 0.0
                break
            self._last_ms, self._last_at = max(ms, last_ms), max(at, now - LATE)
            count += 1
        return count

    def hold(self, now: float) -> None:
        """Delivery pauses: the silence before the next event stands still."""
        self._held_at = now

    def go_on(self, now: float) -> None:
        """Delivery goes on where it was held."""
        if self._held_at is not None:
            self._last_at += now - self._held_at
            self._held_at = None
