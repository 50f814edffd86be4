"""A token bucket for one stream, cheap enough to ask for every line."""

from __future__ import annotations


class LineBucket:
    """Allows `rate` events a second with bursts of `burst`; a rate of 0 allows everything.

    Not locked: its owner asks under the lock that orders the stream's events anyway.
    """

    __slots__ = ("burst", "level", "rate", "since")

    def __init__(self, rate: float, *, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self.level = burst
        self.since = 0.0

    def allows(self, now: float) -> bool:
        """Take one token if there is one. `now` in seconds, of a clock that may be set."""
        if not self.rate:
            return True
        if now > self.since:
            self.level = min(self.burst, self.level + (now - self.since) * self.rate)
        # A clock that was set back gives nothing, and counts from where it is.
        self.since = now
        if self.level < 1.0:
            return False
        self.level -= 1.0
        return True
