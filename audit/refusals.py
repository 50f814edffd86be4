"""Middleware: what pages refuse is on record.

Every 403 and 404 that a page of ours gives to somebody signed in becomes a `page.refused` row,
whichever view drew it, and so does being sent to sign in although one is signed in, which is how
the admin refuses. A page that refuses in a sentence and goes on says so with `refused`; one whose
refusal has a row of its own says `told`. Repeats within the minute are counted. An address that is
no page of ours is not recorded, nor is a visitor who has not signed in: that is noise, and somebody
else's bound.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from audit import trail
from audit.requesters import actor_of

log = logging.getLogger("audit.refusals")

TENANT: Final = "audit.tenant"  # in request.META: whose slice of the trail shows the refusal
_SAID: Final = "audit.refused"
_TOLD: Final = "audit.told"
_REFUSED: Final = (403, 404)


def refused(request: HttpRequest, why: str) -> None:
    """This page answers with another status than 403 or 404, and refuses all the same."""
    before = request.META.get(_SAID)
    request.META[_SAID] = f"{before}; {why}" if before else why


def told(request: HttpRequest) -> None:
    """What this page refuses has been recorded by whoever refused it."""
    request.META[_TOLD] = "yes"


class RecordRefusals:
    """Stands behind the authentication's middleware, because it needs to know who asks."""

    async_capable = True
    sync_capable = True

    def __init__(
        self,
        get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]],
    ) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self._async(request)
        response = self.get_response(request)
        assert isinstance(response, HttpResponseBase)
        if _refuses(request, response):
            _record(request, response.status_code)
        return response

    async def _async(self, request: HttpRequest) -> HttpResponseBase:
        answer = self.get_response(request)
        assert isinstance(answer, Awaitable)
        response: HttpResponseBase = await answer
        if _refuses(request, response):
            await sync_to_async(_record)(request, response.status_code)
        return response


def _refuses(request: HttpRequest, response: HttpResponseBase) -> bool:
    if request.resolver_match is None or _TOLD in request.META:
        return False
    if _SAID in request.META or response.status_code in _REFUSED:
        return True
    sent_to = urlsplit(response.headers.get("Location", "")).path
    return response.status_code == 302 and sent_to == reverse("admin:login")


def _record(request: HttpRequest, status: int) -> None:
    match = request.resolver_match
    try:
        signed_in = request.user.is_authenticated
    except DatabaseError as error:  # the answer is a refusal whether or not it is known to whom
        log.warning("a refused page is not on record, nobody knows who asked: %s", error)
        return
    if match is None or not signed_in:
        return
    asked = f"{request.method} {request.path}"
    said = str(request.META.get(_SAID, ""))
    trail.record_durably(
        trail.Entry(
            trail.Action.PAGE_REFUSED,
            actor=actor_of(request),
            tenant=str(request.META.get(TENANT, "")),
            extension=str(match.kwargs.get("extension", "")),
            subject_type="page",
            subject_id=match.view_name or "",
            reason=f"{asked[:500]}: {said}" if said else asked[:500],
            data={"code": f"{status} {asked}"[:200], "status": status},
        )
    )
