"""What a WebSocket's handshake says of who comes: the address and the sign-in's key."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.http import parse_cookie


def session_key_of(scope: dict[str, Any]) -> str:
    """The sign-in's key from the cookie; empty without one.

    Read here and not by Channels' middlewares: theirs wrap every send of every session, and keep
    a session and a user of their own for each.
    """
    headers = [value for name, value in scope.get("headers", ()) if name.lower() == b"cookie"]
    cookies = parse_cookie(b"; ".join(headers).decode("latin1"))
    return cookies.get(settings.SESSION_COOKIE_NAME, "")


def client_ip(scope: dict[str, Any]) -> str:
    client = scope.get("client")
    return str(client[0])[:45] if client else ""


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
