"""Finds the sessions that no transport takes anything from any more: stuck, or never begun.

Asked twice a second: to look at each of a thousand sessions costs 1.2 ms, of which nearly all is
memory that nobody else reads. So each says until when it need not be asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from extdebug.sessions.authority import UNSERVED
from extdebug.sessions.feed import Feed

AGAIN: Final = UNSERVED  # seconds after which each is asked, whatever it says


class Unserved:
    """Owned by the supervisor. `now` is the loop's time."""

    def __init__(self) -> None:
        self._ask_at: dict[Feed, float] = {}
        self._since: dict[Feed, float] = {}  # those of whom nobody may have asked anything yet

    def watch(self, feed: Feed) -> None:
        """From now on; asked in each round while it may never begin, and after its end."""
        self._since[feed] = asyncio.get_running_loop().time()
        self._ask_at[feed] = 0.0
        feed.ended.call(lambda: self._ended(feed))

    def forget(self, feed: Feed) -> None:
        self._ask_at.pop(feed, None)
        self._since.pop(feed, None)

    def look(self, now: float) -> Sequence[Feed]:
        """Those that nobody serves."""
        asked = [feed for feed, at in self._ask_at.items() if at <= now]
        return [feed for feed in asked if self._ask(feed, now)]

    def _ask(self, feed: Feed, now: float) -> bool:
        if feed.unserved(now):
            return True
        if feed.ended.is_set():
            return False
        if now - self._since.get(feed, now - UNSERVED) >= UNSERVED:  # it would have said so
            self._since.pop(feed, None)
            self._ask_at[feed] = min(feed.lifetime.quiet_until, now + AGAIN)
        return False

    def _ended(self, feed: Feed) -> None:
        if feed in self._ask_at:
            self._ask_at[feed] = 0.0
