"""Who calls the HTTP API: by bearer token or by the sign-in's cookie, and how refusals look."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from extdebug.db import in_identity_threads
from extdebug.protocol.close_codes import CloseCode
from extdebug.sessions import close_reasons
from extdebug.sessions.close_reasons import UNAUTHENTICATED, OpeningRefused
from extdebug.transports.handshake import strangers
from extdebug.transports.origin import from_own_page
from extdebug.wire.events import encode_json
from policies import access
from policies.access import Viewer, ip_of, user_of

_STATUS: Final = {
    CloseCode.BAD_REQUEST: 400,
    CloseCode.UNAUTHENTICATED: 401,
    CloseCode.DENIED: 403,
    CloseCode.NOT_FOUND: 404,
    CloseCode.EXPIRED: 410,
    CloseCode.REVOKED: 403,
    CloseCode.ENDED: 410,
    CloseCode.BUSY: 429,
}


def refusal(refused: OpeningRefused) -> HttpResponse:
    """The `closing` frame under the HTTP status of its code; its message under `error` too, for
    the platform's own client."""
    end = refused.end
    body = msgspec.json.decode(end.frame()) | {"error": end.message}
    # Written as every frame is, without blanks: shells look for its parts.
    response = HttpResponse(
        encode_json(body), status=_STATUS.get(end.code, 503), content_type="application/json"
    )
    if end.retry is not None:
        response["Retry-After"] = str(max(1, round(end.retry)))
    if end.code is CloseCode.UNAUTHENTICATED:
        response["WWW-Authenticate"] = "Bearer"
    return response


def bad(message: str, *, status: int = 400, code: str = "bad_request") -> JsonResponse:
    """A refusal that is no session's: `message` for a person, `code` for a program."""
    body = {"ok": False, "code": code, "message": message, "error": message}
    return JsonResponse(body, status=status)


def _viewer(request: HttpRequest, transport: str) -> Viewer | HttpResponseBase:
    """Who asks, by bearer token or by cookie; with a cookie, a POST needs the CSRF token.

    A poll only reads, and as the platform's own client sends none, it may stand on the Origin of
    the console's own page instead.
    """
    kind, _, raw = request.headers.get("Authorization", "").partition(" ")
    if kind:
        known = None
        if kind.lower() == "bearer":
            known = access.viewer_from_token(raw.strip(), transport=transport, ip=ip_of(request))
        return known or refusal(OpeningRefused(UNAUTHENTICATED))
    if not request.user.is_authenticated:
        return refusal(OpeningRefused(UNAUTHENTICATED))
    if request.method == "POST" and not (transport == "poll" and from_own_page(request)):
        guard = CsrfViewMiddleware(lambda _: HttpResponse())
        refused = guard.process_view(request, lambda _: HttpResponse(), (), {})
        if refused is not None:
            return bad("The CSRF token is missing or wrong.", status=403, code="csrf")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        # Another site could not read the answer, but it would take a place and leave a record.
        return bad("This is not for other sites' pages.", status=403, code="cross_site")
    key = request.session.session_key
    return access.viewer_of(
        user_of(request), transport=transport, session_key=key, ip=ip_of(request)
    )


async def identify(request: HttpRequest, transport: str) -> Viewer | HttpResponseBase:
    """`_viewer`, not asked while too many strangers knock from the same address."""
    address = ip_of(request)
    if strangers.spent(address):
        return refusal(OpeningRefused(close_reasons.TOO_MANY_STRANGERS))
    viewer = await in_identity_threads(_viewer, request, transport)
    if not isinstance(viewer, Viewer):
        strangers.admits(address)
    return viewer


def api_view(view: Callable[..., Awaitable[HttpResponseBase]], *methods: str) -> Any:
    """A view without Django's CSRF check: `_viewer` asks for the token where a cookie signs in."""
    return csrf_exempt(require_http_methods(list(methods))(view))
