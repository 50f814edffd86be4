"""How many things may happen in a second: token buckets, for a session or for many people."""

from __future__ import annotations

import time
from collections.abc import Hashable
from typing import Final

MOST: Final = 10_000  # people remembered; whoever was quiet longest is forgotten, so unlimited anew


class TokenBucket:
    """A token bucket that holds so many seconds of its rate. `rate` 0 or less: no limit."""

    __slots__ = ("_at", "_depth", "_level", "rate")

    def __init__(self, rate: float, *, seconds: float = 1.0) -> None:
        self.rate = rate
        self._depth = self._level = rate * seconds
        self._at = 0.0

    def take(self, amount: int, now: float) -> bool:
        """Whether `amount` fits now; an amount above the whole bucket passes when it is full."""
        if self.rate <= 0:
            return True
        depth, level = self._depth, self._level + (now - self._at) * self.rate
        if level > depth:
            level = depth
        self._at = now
        if level < amount and level < depth:
            self._level = level
            return False
        self._level = level - amount
        return True

    def empty(self, now: float) -> bool:
        """Whether not even one would fit now; takes nothing."""
        return self.rate > 0 and self._level + (now - self._at) * self.rate < min(1, self.rate)


class RateLimit:
    """A token bucket for each key, one second of the rate deep."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._buckets: dict[Hashable, TokenBucket] = {}

    def admits(self, key: Hashable, *, now: float | None = None) -> bool:
        """Whether this one may, now."""
        bucket = self._buckets.pop(key, None) or TokenBucket(self._rate)
        self._buckets[key] = bucket  # the last one is who came last
        if len(self._buckets) > MOST:
            del self._buckets[next(iter(self._buckets))]
        return bucket.take(1, time.monotonic() if now is None else now)

    def spent(self, key: Hashable, *, now: float | None = None) -> bool:
        """Whether this one may not, now; counts nothing."""
        bucket = self._buckets.get(key)
        return bucket is not None and bucket.empty(time.monotonic() if now is None else now)
