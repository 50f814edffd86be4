"""What a WebSocket's handshake says of who comes: the address and the sign-in's key."""

from __future__ import annotations

from typing import Any

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
