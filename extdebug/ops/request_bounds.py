"""Bounds on HTTP requests before the framework sees them: bytes of a body, requests at once.

The outermost part of the ASGI application. A body is read here, up to what its route may have and
never to disk; a request that would wait too long for a thread is answered 503 at once. Sync code
of requests runs in the few threads of its lane, each with one database connection that it keeps:
whatever comes in, a process holds no more connections than `CONNECTIONS` says.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, Final, TypeVar

from asgiref.sync import ThreadSensitiveContext
from django.conf import settings
from django.db import close_old_connections

from audit.refusal_pages import text, wants_page
from extdebug.db import THREADS as SESSION_THREADS
from policies.directory import callers

R = TypeVar("R")
Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[..., Awaitable[Any]]  # (scope, receive, send)

KIB: Final = 1024
ANONYMOUS_BODY: Final = 16 * KIB  # a sign-in, a form of the pages
API_BODY: Final = 64 * KIB  # the largest legal request for access is 24 KiB of escaped text
ADMIN_BODY: Final = 256 * KIB  # change lists with many rows; DATA_UPLOAD_MAX_MEMORY_SIZE
DIRECTORY_BODY: Final = 8 * KIB * KIB  # 20,000 installs with their capabilities are 4 MiB
BUFFERED: Final = 32 * KIB * KIB  # bytes of bodies that are arriving, the whole process's
BODYLESS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

# POSTs that hash a password: 100 MiB and all cores for a tenth of a second each.
_HASHING: Final = re.compile(
    r"/(login/|admin/password_change/|admin/auth/user/(add|[^/]+/password)/)"
)
# A provider that hangs keeps a thread for seconds; passwords and pages are not to wait for it.
_PROVIDER: Final = re.compile(r"/login/provider/")
# Async views, and files: their sync parts (middlewares) take microseconds.
_QUICK: Final = re.compile(r"/(api/ext-debug/|static/|(healthz|readyz|metrics)$)")
PAGE_THREADS: Final = 4
HASHING_THREADS: Final = 2  # so many passwords at once, so 200 MiB
PROVIDER_THREADS: Final = 2
QUICK_THREADS: Final = 2
# Of the page that is answered here: Django's middleware, which sets one, stands further in.
_PAGE_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    b"frame-ancestors 'none'; base-uri 'none'"
)
CARRIERS: Final = 2  # threads that bring late audit rows and notices to the database
# PostgreSQL connections of one process at most; docs/operations.md states it.
CONNECTIONS: Final = (
    PAGE_THREADS + HASHING_THREADS + PROVIDER_THREADS + QUICK_THREADS + SESSION_THREADS + CARRIERS
)


class _Threads(ThreadPoolExecutor):
    """Drops a connection that is too old or whose server is gone around each call, as requests of
    one thread would; without it a killed connection would fail every later request here."""

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        return super().submit(partial(_with_good_connection, fn, *args, **kwargs))


def _with_good_connection(function: Callable[..., R], *args: Any, **kwargs: Any) -> R:
    close_old_connections()
    try:
        return function(*args, **kwargs)
    finally:
        close_old_connections()


@dataclass(slots=True, eq=False)
class RequestLane:
    """The threads that sync code of some routes runs in. `most`: requests at once, None: any."""

    name: str
    size: int
    most: int | None
    busy: int = 0
    threads: _Threads = field(init=False)

    def __post_init__(self) -> None:
        self.threads = _Threads(self.size, thread_name_prefix=self.name)


PAGES: Final = RequestLane("pages", PAGE_THREADS, most=48)  # about 2 s of waiting at 100 ms a page
HASHING: Final = RequestLane("hashing", HASHING_THREADS, most=8)
PROVIDER: Final = RequestLane("provider", PROVIDER_THREADS, most=16)
QUICK: Final = RequestLane("quick", QUICK_THREADS, most=None)  # SSE lives here for hours


def lane_of(scope: Scope) -> RequestLane:
    """By method and path."""
    path = scope["path"]
    if _QUICK.match(path):
        return QUICK
    if scope["method"] == "POST" and _HASHING.fullmatch(path):
        return HASHING
    return PROVIDER if _PROVIDER.match(path) else PAGES


def most_bytes(scope: Scope) -> int:
    """How long this request's body may be. A cookie is not checked here, only asked for; the
    directory's token is."""
    if scope["method"] in BODYLESS:
        return 0
    path = scope["path"]
    if path.startswith("/api/ext-debug/"):
        return API_BODY
    if path.startswith("/api/directory/") and _may_sync(scope):
        return DIRECTORY_BODY
    name = f"{settings.SESSION_COOKIE_NAME}=".encode()
    cookies = (value for key, value in scope["headers"] if key == b"cookie")
    if path.startswith("/admin/") and any(name in value for value in cookies):
        return ADMIN_BODY
    return ANONYMOUS_BODY


def _may_sync(scope: Scope) -> bool:
    """Whether it comes with the directory's token: from others so much is not even buffered."""
    sent = dict(scope["headers"]).get(b"authorization", b"")
    return callers.has_token(sent.decode("latin1"))


class _Refused(Exception):
    """Answer this status with these words instead of the application."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class RequestBounds:
    """The application behind it gets requests whose whole body is there, and not too many."""

    def __init__(self, application: Application, *, buffered: int = BUFFERED) -> None:
        self._application = application
        self._room = buffered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        taken = 0
        try:
            try:
                most = most_bytes(scope)
                _require_length(scope["headers"], most)
                parts: list[bytes] = []
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return
                    part = message.get("body", b"")
                    more = message.get("more_body", False)
                    if taken + len(part) > most:
                        raise _too_large(most)
                    if len(part) > self._room:
                        raise _Refused(503, "Too much is arriving at once. Try again in a moment.")
                    taken += len(part)
                    self._room -= len(part)
                    parts.append(part)
            except _Refused as refused:
                await _answer(scope, send, refused)
                return
            await self._serve(lane_of(scope), scope, _replay(b"".join(parts), receive), send)
        finally:
            self._room += taken

    async def _serve(self, lane: RequestLane, scope: Scope, receive: Receive, send: Send) -> None:
        if lane.most is not None and lane.busy >= lane.most:
            busy = "The console is busy. Nothing was done; try again in a few seconds."
            await _answer(scope, send, _Refused(503, busy))
            return
        lane.busy += 1
        try:
            async with ThreadSensitiveContext(executor=lane.threads):
                await self._application(scope, receive, send)
        finally:
            lane.busy -= 1


def _require_length(headers: Iterable[tuple[bytes, bytes]], most: int) -> None:
    for name, value in headers:
        if name == b"content-length" and value.isdigit() and int(value[:20]) > most:
            raise _too_large(most)


def _too_large(most: int) -> _Refused:
    if not most:
        return _Refused(413, "This request has no body; one was sent.")
    return _Refused(413, f"The body is too large: at most {most} bytes are taken here.")


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body in one message, then whatever comes: a disconnect."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return pending.pop() if pending else await receive()

    return replayed


@cache  # there are as many as there are bounds: drawing them is no work for whoever is flooded
def _page(status: int, message: str) -> bytes:
    title = "Please wait" if status == 503 else "Too large"
    return text(title=title, message=message).encode()


async def _answer(scope: Scope, send: Send, refused: _Refused) -> None:
    """Plain words, to a browser as a page, and the connection is closed: what still arrives on it
    is of no use."""
    accept = b",".join(value for name, value in scope["headers"] if name == b"accept")
    page = wants_page(accept.decode("latin-1")) and not scope["path"].startswith("/api/")
    body = _page(refused.status, str(refused)) if page else f"{refused}\n".encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8" if page else b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"content-security-policy", _PAGE_POLICY),
        (b"x-content-type-options", b"nosniff"),
        (b"connection", b"close"),
    ]
    if refused.status == 503:
        headers.append((b"retry-after", b"3"))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
