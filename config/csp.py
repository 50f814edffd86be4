"""Sends the Content-Security-Policy: strict on the console, a looser one on the admin alone."""

from collections.abc import Awaitable, Callable
from typing import Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase

_COMMON: Final = (
    "default-src 'none'; connect-src 'self'; font-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'"
)
STRICT: Final = f"{_COMMON}; script-src 'self'; style-src 'self'; img-src 'self' data:"
# django-unfold evaluates Alpine.js expressions and sets inline styles.
ADMIN: Final = (
    f"{_COMMON}; script-src 'self' 'unsafe-eval' 'unsafe-inline'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:"
)


class ContentSecurityPolicyMiddleware:
    """Adds the header unless the view has set its own."""

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
        return _with_policy(request, response)

    async def _async(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        assert isinstance(response, Awaitable)
        return _with_policy(request, await response)


def _with_policy(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    policy = ADMIN if request.path.startswith("/admin/") else STRICT
    response.headers.setdefault("Content-Security-Policy", policy)
    response.headers.setdefault(
        "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
    )
    return response
