"""Refuses a WebSocket handshake from a page that is not ours, by its full origin.

Channels' AllowedHostsOriginValidator ignores scheme and port; here `https://console:8443` is
another origin than `http://console:8443` and than `https://console`.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http import parse_cookie

from extdebug.transports.origin import read_origin

Application = Callable[[dict[str, Any], Any, Any], Awaitable[Any]]


def handshake_allowed(headers: Iterable[tuple[bytes, bytes]], *, origins: Iterable[str]) -> bool:
    """One known Origin; or none at all, when no session cookie came along either.

    Browsers always send an Origin, so a cookie without one is somebody replaying a cookie.
    Clients without cookies show a ticket in their first frame and are judged there.
    """
    headers = list(headers)
    sent = [value.decode("latin1") for name, value in headers if name.lower() == b"origin"]
    if not sent:
        cookies = "; ".join(v.decode("latin1") for n, v in headers if n.lower() == b"cookie")
        return not _names_a_session(cookies)
    if len(sent) > 1:
        return False
    origin = read_origin(sent[0])
    return origin is not None and origin in {read_origin(known) for known in origins}


def _names_a_session(cookies: str) -> bool:
    # Read as the sign-in is read: a stricter reader stops at what the other skips.
    return settings.SESSION_COOKIE_NAME in parse_cookie(cookies)


class OriginGate:
    """The application behind it sees only handshakes that `handshake_allowed` let through."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Awaitable[Any]:
        allowed = handshake_allowed(scope.get("headers", []), origins=settings.EXT_DEBUG_ORIGINS)
        application: Application = self.application if allowed else WebsocketDenier()
        return application(scope, receive, send)
