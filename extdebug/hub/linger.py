"""How long a tail waits for a fuller batch. Pure: the caller says what was delivered, and when."""

from __future__ import annotations

from typing import Final

# Deliveries per second above which we wait a moment for a fuller batch (and how long, in s):
# below it a line goes out at once, above it frames cost more than the wait.
STEPS: Final = ((200_000, 0.03), (40_000, 0.01))
MEMORY: Final = 0.2  # seconds over which the rate is taken


class Linger:
    """`now` in seconds of any clock."""

    def __init__(self, now: float) -> None:
        self._rate = 0.0
        self._last = now

    def after(self, delivered: int, *, now: float, behind: bool) -> float:
        """Seconds to wait after so many deliveries; none while there is more to read."""
        passed, self._last = max(now - self._last, 1e-4), now
        self._rate += (delivered / passed - self._rate) * min(1.0, passed / MEMORY)
        if behind:
            return 0.0
        return next((seconds for rate, seconds in STEPS if self._rate > rate), 0.0)
