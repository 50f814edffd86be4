"""A token bucket for one stream, cheap enough to ask for every line."""

from __future__ import annotations


class LineBucket:
    """Allows `rate` events a second with bursts of `burst`; a rate of 0 allows everything.

    Once it is empty it stays shut until it is full again: what is too much is then refused in one
    piece, not every other line. Not locked: its owner asks under the lock that orders the
    stream's events anyway.
    """

    __slots__ = ("_since", "burst", "level", "rate", "shut")

    def __init__(self, rate: float, *, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self.level = burst
        self.shut = False
        self._since = 0.0

    def allows(self, now: float) -> bool:
        """Take one token if there is one. `now` in seconds, of a clock that may be set."""
        if not self.rate:
            return True
        if now > self._since:
            self.level = min(self.burst, self.level + (now - self._since) * self.rate)
        # A clock that was set back gives nothing, and counts from where it is.
        self._since = now
        if self.level < (self.burst if self.shut else 1.0):
            self.shut = True
            return False
        self.shut = False
        self.level -= 1.0
        return True

    def charge(self, count: int) -> None:
        """Take tokens for events that are let through in any case; the level may fall below 0."""
        self.level -= count
