"""Middleware: what pages refuse is on record.

Every 403 and 404 that a page of ours gives to somebody signed in becomes a `page.refused` row,
whichever view drew it; repeats within the minute are counted. An address that is no page of ours
is not recorded, nor is a visitor who has not signed in: that is noise, and somebody else's bound.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponseBase

from audit import trail
from audit.requesters import actor_of

TENANT: Final = "audit.tenant"  # in request.META: whose slice of the trail shows the refusal
_REFUSED: Final = (403, 404)


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
        if response.status_code in _REFUSED:
            _record(request, response.status_code)
        return response

    async def _async(self, request: HttpRequest) -> HttpResponseBase:
        answer = self.get_response(request)
        assert isinstance(answer, Awaitable)
        response: HttpResponseBase = await answer
        if response.status_code in _REFUSED:
            await sync_to_async(_record)(request, response.status_code)
        return response


def _record(request: HttpRequest, status: int) -> None:
    match = request.resolver_match
    if match is None or not request.user.is_authenticated:
        return
    trail.record_durably(
        trail.Entry(
            trail.Action.PAGE_REFUSED,
            actor=actor_of(request),
            tenant=str(request.META.get(TENANT, "")),
            extension=str(match.kwargs.get("extension", "")),
            subject_type="page",
            subject_id=match.view_name or "",
            reason=f"{request.method} {request.path}"[:500],
            data={"code": f"{status} {request.path}"[:200], "status": status},
        )
    )
