"""A WebSocket before its session: who it is, and a bound on how many may wait to subscribe."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qs

from django.conf import settings
from django.http import parse_cookie

from extdebug.db import in_identity_threads
from extdebug.protocol.client_frames import Subscribe
from extdebug.sessions import close_reasons
from extdebug.sessions.close_reasons import OpeningRefused
from extdebug.sessions.gathered import Gathered
from extdebug.sessions.rate_limit import RateLimit
from extdebug.wire.events import UNPRINTABLE
from policies import access
from policies.access import SignIn, Viewer

Scope = dict[str, Any]

_sign_ins: Final = Gathered(
    access.viewers_from_sessions, bridge=in_identity_threads, most=500, calls=2
)


def session_key_of(scope: Scope) -> str:
    """The sign-in's key from the cookie; empty without one.

    Read here and not by Channels' middlewares: theirs wrap every send of every session, and keep
    a session and a user of their own for each.
    """
    headers = [value for name, value in scope.get("headers", ()) if name.lower() == b"cookie"]
    cookies = parse_cookie(b"; ".join(headers).decode("latin1"))
    key = cookies.get(settings.SESSION_COOKIE_NAME, "")
    return "" if UNPRINTABLE.search(key) else key  # a quoted cookie can hold a NUL


def client_ip(scope: Scope) -> str:
    """The client's address, at most 45 characters; empty when the server gives none."""
    client = scope.get("client")
    return str(client[0])[:45] if client else ""


# Failures to say who one is, a second and address: each asks the database.
STRANGERS: Final = 50.0
strangers: Final = RateLimit(STRANGERS)


async def find_viewer(scope: Scope, message: Subscribe) -> Viewer:
    """The person behind the cookie, or behind a one-use ticket for exactly this target.

    OpeningRefused (unauthenticated) when there is none.
    """
    ip = client_ip(scope)
    if strangers.spent(ip):
        raise OpeningRefused(close_reasons.TOO_MANY_STRANGERS)
    query = parse_qs(scope.get("query_string", b"").decode("latin1"))
    ticket = message.ticket or next(iter(query.get("ticket", ())), None)
    if ticket is not None:
        redeemed = await in_identity_threads(access.redeem_ticket, ticket, ip=ip)
        wanted = ((message.target.tenant or "").lower(), message.target.extension.lower())
        if redeemed is None or redeemed[1:] != wanted:
            raise _unknown(ip)
        return redeemed[0]
    key = session_key_of(scope)
    if not key:
        raise OpeningRefused(close_reasons.UNAUTHENTICATED)
    viewer = await _sign_ins.ask(SignIn(key, "ws", ip))
    if viewer is None:
        raise _unknown(ip)
    return viewer


def _unknown(ip: str) -> OpeningRefused:
    strangers.admits(ip)  # counted, whatever it says
    return OpeningRefused(close_reasons.UNAUTHENTICATED)


# Connections that have not subscribed yet; each is cheap, and FIRST_FRAME bounds its time.
MOST_EACH: Final = 512  # of one address: a whole office may stand behind it
MOST: Final = 4096  # of the process


class Lobby:
    """Connections that have not subscribed yet; when there are too many, the oldest is dropped."""

    def __init__(self, *, most: int = MOST, most_each: int = MOST_EACH) -> None:
        self._most = most
        self._most_each = most_each
        self._all: dict[asyncio.Timeout, None] = {}  # oldest first
        self._by_address: dict[str, dict[asyncio.Timeout, None]] = {}

    def __len__(self) -> int:
        return len(self._all)

    @contextlib.contextmanager
    def waiting(self, address: str, patience: asyncio.Timeout) -> Iterator[None]:
        """Count a connection as waiting; its `patience` is ended early when it has to go."""
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
