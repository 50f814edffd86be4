"""The console's HTTP API: the stream over SSE and polling, tickets, requests for access.

A bearer token or the sign-in's cookie says who asks. What they may do is decided in policies.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, Literal

import msgspec
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.middleware.csrf import CsrfViewMiddleware
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from extdebug.db import in_identity_threads, in_record_threads
from extdebug.filters.query import MAX_INSTALLS, FilterError
from extdebug.protocol.close_codes import CloseCode
from extdebug.sessions import close_reasons, session_records
from extdebug.sessions.close_reasons import UNAUTHENTICATED, OpeningRefused
from extdebug.sessions.opening import open_session
from extdebug.transports import polling, sse, stream_query
from extdebug.transports.handshake import strangers
from extdebug.wire.events import UNPRINTABLE, clean_id
from policies import access
from policies.access import Viewer, ip_of, user_of
from policies.grants import verbs
from policies.mail import sends_mail
from policies.models import Grant

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

# A session that is over for good: told to a poll as an end, as if it had come within one.
_OVER: Final = (CloseCode.EXPIRED, CloseCode.REVOKED, CloseCode.ENDED)


def _refusal(refused: OpeningRefused) -> HttpResponse:
    end = refused.end
    response = HttpResponse(
        end.frame(), status=_STATUS.get(end.code, 503), content_type="application/json"
    )
    if end.retry is not None:
        response["Retry-After"] = str(max(1, round(end.retry)))
    if end.code is CloseCode.UNAUTHENTICATED:
        response["WWW-Authenticate"] = "Bearer"
    return response


def _bad(message: str, *, status: int = 400, code: str = "bad_request") -> JsonResponse:
    return JsonResponse({"ok": False, "code": code, "message": message}, status=status)


def _viewer(request: HttpRequest, transport: str) -> Viewer | HttpResponseBase:
    """Who asks, by bearer token or by cookie; with a cookie, a POST needs the CSRF token."""
    kind, _, raw = request.headers.get("Authorization", "").partition(" ")
    if kind:
        known = None
        if kind.lower() == "bearer":
            known = access.viewer_from_token(raw.strip(), transport=transport, ip=ip_of(request))
        return known or _refusal(OpeningRefused(UNAUTHENTICATED))
    if not request.user.is_authenticated:
        return _refusal(OpeningRefused(UNAUTHENTICATED))
    if request.method == "POST":
        guard = CsrfViewMiddleware(lambda _: HttpResponse())
        refused = guard.process_view(request, lambda _: HttpResponse(), (), {})
        if refused is not None:
            return _bad("The CSRF token is missing or wrong.", status=403, code="csrf")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        # Another site could not read the answer, but it would take a place and leave a record.
        return _bad("This is not for other sites' pages.", status=403, code="cross_site")
    key = request.session.session_key
    return access.viewer_of(
        user_of(request), transport=transport, session_key=key, ip=ip_of(request)
    )


async def _identify(request: HttpRequest, transport: str) -> Viewer | HttpResponseBase:
    """`_viewer`, not asked while too many strangers knock from the same address."""
    address = ip_of(request)
    if strangers.spent(address):
        return _refusal(OpeningRefused(close_reasons.TOO_MANY_STRANGERS))
    viewer = await in_identity_threads(_viewer, request, transport)
    if not isinstance(viewer, Viewer):
        strangers.admits(address)
    return viewer


def _api(view: Callable[..., Awaitable[HttpResponseBase]], *methods: str) -> Any:
    """A view without Django's CSRF check: `_viewer` asks for the token where a cookie signs in."""
    return csrf_exempt(require_http_methods(list(methods))(view))


async def _stream(request: HttpRequest) -> HttpResponseBase:
    polls = request.method == "POST"
    viewer = await _identify(request, "poll" if polls else "sse")
    if not isinstance(viewer, Viewer):
        return viewer
    try:
        params, last_id = _params(request)
        wait = float(params.get("wait", "0") or 0)
        if not 0 <= wait <= polling.POLL_WAIT:
            raise stream_query.BadQuery(f"wait: expected 0 to {polling.POLL_WAIT:.0f} seconds")
        asked = stream_query.read_query(params, last_id=last_id)
    except ValueError as error:
        return _refusal(OpeningRefused(close_reasons.bad_request(str(error))))
    try:
        feed, ready = await open_session(viewer, asked)
    except FilterError as error:
        end = close_reasons.bad_request(str(error), reason=str(error.code), position=error.position)
        return _refusal(OpeningRefused(end))
    except OpeningRefused as refused:
        session_records.is_told(request)
        if polls and asked.resume and refused.end.code in _OVER:
            return _poll_answer(polling.ended(refused.end, asked))
        return _refusal(refused)
    if polls:
        return _poll_answer(*await polling.poll(feed, wait=wait))
    segmented = not sse.has_backpressure(getattr(request, "scope", {}))
    response = StreamingHttpResponse(
        sse.sse(feed, ready, segmented=segmented), content_type="text/event-stream"
    )
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # nginx: pass each event on at once
    return response


def _poll_answer(body: bytes, truncated: bool = False) -> HttpResponse:  # noqa: FBT001, FBT002
    answer = HttpResponse(body, content_type="application/json")
    if truncated:
        answer["x-debug-truncated"] = "true"
    answer["Cache-Control"] = "no-store"
    return answer


def _params(request: HttpRequest) -> tuple[dict[str, str], str | None]:
    params = {key: value for key, value in request.GET.items() if isinstance(value, str)}
    last_id = request.headers.get("Last-Event-ID")
    if request.method != "POST":
        return stream_query.one_name(params), last_id
    try:
        body = msgspec.json.decode(request.body or b"{}", type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise stream_query.BadQuery(f"the body is not a JSON object: {error}") from None
    last_id = str(body.pop("lastId", None) or "") or last_id
    params.update({key: str(value) for key, value in body.items() if value is not None})
    for name, text in params.items():
        if UNPRINTABLE.search(f"{name}{text}"):
            raise stream_query.BadQuery(f"{name[:40]!r}: control characters are not allowed")
    return stream_query.one_name(params), last_id


stream = _api(_stream, "GET", "POST")


async def _ticket(request: HttpRequest) -> HttpResponseBase:
    """A one-use ticket for a WebSocket client that has no cookie."""
    viewer = await _identify(request, "ws")
    if not isinstance(viewer, Viewer):
        return viewer
    try:
        params, _ = _params(request)
        target = {
            "tenant": clean_id(params.get("tenantId", ""), what="tenantId"),
            "extension": clean_id(params.get("extensionId", ""), what="extensionId"),
        }
        ticket = await in_record_threads(access.issue_ticket, viewer, **target)
    except ValueError as error:
        return _bad(str(error))
    named = {f"{name}Id": value for name, value in target.items()}
    return JsonResponse({"ok": True, "ticket": ticket, "expiresIn": 30, **named, **target})


ticket = _api(_ticket, "POST")


_Text = Annotated[str, msgspec.Meta(max_length=4000, pattern=f"^[^{UNPRINTABLE.pattern[1:]}*$")]


class _Request(msgspec.Struct, forbid_unknown_fields=True):
    """What the page's "request access" form sends. `installs` empty: all of them."""

    tenant: _Text
    extension: _Text
    reason: _Text
    minutes: int
    installs: Annotated[list[_Text], msgspec.Meta(max_length=MAX_INSTALLS)] = []
    ticket: _Text = ""


async def _grants(request: HttpRequest) -> HttpResponseBase:
    """Ask for a production grant for oneself."""
    viewer = await _identify(request, "page")
    if not isinstance(viewer, Viewer):
        return viewer
    if viewer.token_id is not None:
        return _bad("A token cannot ask for access; sign in.", status=403, code="denied")
    try:
        asked = msgspec.json.decode(request.body, type=_Request)
        grant = await in_record_threads(_ask, request, asked)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _bad(str(error))
    except verbs.GrantMissing as error:
        session_records.is_told(request)
        return _bad(str(error), status=404, code="not_found")
    except verbs.GrantConflict as error:
        return _bad(str(error), status=409, code="conflict")
    except verbs.GrantError as error:
        session_records.is_told(request)
        return _bad(str(error), status=403, code="refused")
    heard = "You will hear by e-mail when it is decided."
    address = request.user.email if request.user.is_authenticated else ""
    if not (sends_mail() and address):
        heard = "No e-mail will tell you: look at your access page to see what is decided."
    message = f"{grant.label} was requested. {heard}"
    return JsonResponse({"ok": True, "message": message, "grant": grant.pk, "label": grant.label})


def _ask(request: HttpRequest, asked: _Request) -> Grant:
    return verbs.request(
        user_of(request),
        tenant=asked.tenant,
        extension=asked.extension,
        minutes=asked.minutes,
        reason=asked.reason,
        installs=asked.installs or None,
        ticket=asked.ticket,
        ip=ip_of(request),
    )


request_grant = _api(_grants, "POST")


class _Saved(msgspec.Struct, forbid_unknown_fields=True):
    """What the page tells before lines leave it."""

    session: _Text
    what: Literal["save-jsonl", "save-text", "copy-jsonl", "copy-text"]
    lines: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]


async def _saved(request: HttpRequest) -> HttpResponseBase:
    """Record that lines of one's own session are saved as a file or copied."""
    viewer = await _identify(request, "page")
    if not isinstance(viewer, Viewer):
        return viewer
    try:
        told = msgspec.json.decode(request.body, type=_Saved)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _bad(str(error))
    known = await in_record_threads(
        session_records.record_saved, told.session, viewer, what=told.what, lines=told.lines
    )
    if not known:
        return _bad("There is no such session.", status=404, code="not_found")
    return JsonResponse({"ok": True})


lines_saved = _api(_saved, "POST")
