"""A time limit for who answers, which our own busy process cannot use up.

The event loop looks at its timers before its sockets. When it was held up, `asyncio.timeout` would
end a wait whose answer has long been there: a Redis that answers would be away, and a client that
spoke would be silent.
"""

from __future__ import annotations

import asyncio
from typing import Final

LOOKED: Final = 0.5  # seconds for which the loop has run before a limit is reached


class Deadline:
    """Within `async with asyncio.timeout(None) as patience`: ends it in `seconds`, but not before
    the loop has run for LOOKED again, or for half of a shorter limit."""

    __slots__ = ("_loop", "_patience", "_rest", "_timer")

    def __init__(self, patience: asyncio.Timeout, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._patience = patience
        self._rest = min(LOOKED, seconds / 2)
        self._timer = self._loop.call_later(seconds - self._rest, self._near)

    def _near(self) -> None:
        self._patience.reschedule(self._loop.time() + self._rest)

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
