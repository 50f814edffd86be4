"""What no view should have to think of: text no database holds, and a server that is too busy.

Refuses control characters in paths, queries and forms in plain words (PostgreSQL's text has no
NUL), reads a session cookie that cannot be one as none, and answers what may pass when it is
tried again (a database that does not answer, a stuck audit trail, too many passwords at once) with
a sentence instead of a 500.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from audit import refusal_pages
from audit.trail import AuditError
from config.hashing import HashingBusy
from extdebug.wire.events import UNPRINTABLE

log = logging.getLogger(__name__)

SESSION_KEY: Final = re.compile(r"[a-z0-9]{8,40}")  # of Django's session rows
RETRY: Final = 5  # seconds until what may pass is worth another try
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
_BUSY: Final = "Too many passwords are being checked just now. Try again in a few seconds."
_AWAY: Final = (
    "The database does not answer just now, so nothing was read or changed. Try again in a moment; "
    "your sessions and their place in the stream are kept for a minute."
)
_STUCK: Final = (
    "The audit trail cannot be written just now, so nothing was changed. Try again in a moment; "
    "if it stays so, ask whoever runs this console (docs/operations.md says what to look at)."
)


class RefusalMiddleware:
    """Synchronous and asynchronous; its own part never waits."""

    async_capable = True
    sync_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        if key is not None and not SESSION_KEY.fullmatch(key):
            del request.COOKIES[settings.SESSION_COOKIE_NAME]
        where = _control_in(request)
        if self.is_async:
            return self._async(request, where)
        if where:
            return _refuse(request, where)
        response: HttpResponseBase = self.get_response(request)
        return response

    async def _async(self, request: HttpRequest, where: str) -> HttpResponseBase:
        if where:
            return _refuse(request, where)
        response: HttpResponseBase = await self.get_response(request)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Django asks here when a view raised."""
        match error:
            case AuditError():
                log.error("%s %s: %s", request.method, request.path, error)
                return _later(request, code="audit_unavailable", message=_STUCK)
            case HashingBusy():
                return _later(request, code="busy", message=_BUSY)
            case OperationalError() | InterfaceError():
                log.error("%s %s", request.method, request.path, exc_info=error)
                return _later(request, code="database_unavailable", message=_AWAY)
        return None


def _control_in(request: HttpRequest) -> str:
    """Where a control character stands, in words; empty if nowhere."""
    if UNPRINTABLE.search(request.path) or re.search(r"[\t\r\n]", request.path):
        return "the address"
    if any(UNPRINTABLE.search(text) for text in _texts(request.GET)):
        return "the query"
    is_form = request.method == "POST" and request.content_type in _FORMS
    if is_form and any(UNPRINTABLE.search(text) for text in _texts(request.POST)):
        return "the form"
    return ""


def _texts(given: Any) -> Iterator[str]:
    for name, values in given.lists():
        yield name
        yield from values


def _refuse(request: HttpRequest, where: str) -> HttpResponse:
    message = f"Control characters such as NUL are not allowed in {where}. Remove them."
    if request.path.startswith("/api/"):
        return _json(message, code="bad_request", status=400)
    return refusal_pages.answer(title="That text cannot be read", message=message, status=400)


def _later(request: HttpRequest, *, code: str, message: str) -> HttpResponse:
    if not request.path.startswith("/api/"):
        title = "Not possible right now"
        return refusal_pages.answer(title=title, message=message, status=503, retry=RETRY)
    response = _json(message, code=code, status=503)
    response["Retry-After"] = str(RETRY)
    return response


def _json(message: str, *, code: str, status: int) -> JsonResponse:
    """As the API's own refusals: `error` is where the platform's client looks."""
    body = {"ok": False, "code": code, "message": message, "error": message}
    return JsonResponse(body, status=status)
