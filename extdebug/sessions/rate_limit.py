"""How often each of many people may do something, in bounded memory."""

from __future__ import annotations

import time
from typing import Final

from extdebug.sessions.flow_control import TokenBucket

MOST: Final = 10_000  # people remembered; whoever was quiet longest is forgotten, so unlimited anew


class RateLimit:
    """A token bucket for each key, one second of the rate deep."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._buckets: dict[int, TokenBucket] = {}

    def admits(self, key: int, *, now: float | None = None) -> bool:
        """Whether this one may, now."""
        bucket = self._buckets.pop(key, None) or TokenBucket(self._rate)
        self._buckets[key] = bucket  # the last one is who came last
        if len(self._buckets) > MOST:
            del self._buckets[next(iter(self._buckets))]
        return bucket.take(1, time.monotonic() if now is None else now)
