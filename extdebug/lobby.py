"""Bounds the sockets that are open and have said nothing yet, per address and altogether.

Whoever means it speaks at once. So it is the one that waits longest who has to go, and a crowd
that comes back through one proxy loses nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final

MOST_EACH: Final = 512
MOST: Final = 4096


class Lobby:
    """Who waits, by address, the oldest first."""

    def __init__(self, *, most: int = MOST, most_each: int = MOST_EACH) -> None:
        self._most = most
        self._most_each = most_each
        self._all: dict[asyncio.Timeout, None] = {}
        self._by_address: dict[str, dict[asyncio.Timeout, None]] = {}

    def __len__(self) -> int:
        return len(self._all)

    @contextlib.contextmanager
    def waiting(self, address: str, patience: asyncio.Timeout) -> Iterator[None]:
        """Within this, `patience` may run out before its time."""
        here = self._by_address.setdefault(address, {})
        here[patience] = self._all[patience] = None
        if len(here) > self._most_each:
            self._send_away(address, next(iter(here)))
        elif len(self._all) > self._most:
            oldest = next(iter(self._all))
            self._send_away(next(a for a, who in self._by_address.items() if oldest in who), oldest)
        try:
            yield
        finally:
            self._forget(address, patience)

    def _send_away(self, address: str, patience: asyncio.Timeout) -> None:
        self._forget(address, patience)
        patience.reschedule(asyncio.get_running_loop().time())

    def _forget(self, address: str, patience: asyncio.Timeout) -> None:
        self._all.pop(patience, None)
        here = self._by_address.get(address, {})
        here.pop(patience, None)
        if not here:
            self._by_address.pop(address, None)
