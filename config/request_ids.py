"""Gives each request a name for the log and the answer, or keeps the one its proxy gave it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from audit.tracing import spans
from extdebug import log_context

Application = Callable[[dict[str, Any], Any, Any], Awaitable[Any]]

HEADER: Final = b"x-request-id"
# What proxies send: hexadecimal, UUIDs, ULIDs. Anything else would be a stranger's text in our log.
_KNOWN: Final = re.compile(rb"[A-Za-z0-9_.-]{8,64}")


def request_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The one that came with the request, or a new one."""
    sent = [value for name, value in headers if name.lower() == HEADER]
    if len(sent) == 1 and _KNOWN.fullmatch(sent[0]):
        return sent[0].decode("ascii")
    return secrets.token_hex(8)


class RequestIds:
    """The outermost part of the application."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        if scope["type"] not in ("http", "websocket"):
            return await self.application(scope, receive, send)
        name = request_id(scope.get("headers", []))
        if scope["type"] == "http":
            send = _named(send, name)
        token = log_context.request.set(name)
        try:
            with spans.arriving(scope.get("headers", ())):
                return await self.application(scope, receive, send)
        finally:
            log_context.request.reset(token)


def _named(send: Any, name: str) -> Any:
    """`send`, with the name in the answer's headers."""
    answer = (HEADER, name.encode())

    async def named(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), answer]}
        await send(message)

    return named
