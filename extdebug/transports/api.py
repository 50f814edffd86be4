"""The console's HTTP API: the stream over SSE and polling, tickets, lines that leave the page.

A bearer token or the sign-in's cookie says who asks. What they may do is decided in policies.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)

from audit.tracing import spans
from extdebug.db import in_record_threads
from extdebug.filters.query import FilterError
from extdebug.protocol.close_codes import CloseCode
from extdebug.sessions import close_reasons, session_records
from extdebug.sessions.close_reasons import OpeningRefused
from extdebug.sessions.feed import Feed
from extdebug.sessions.opening import open_session
from extdebug.sessions.session_frames import ControlFrame
from extdebug.transports import polling, sse, stream_query
from extdebug.transports.callers import api_view, bad, identify, refusal
from extdebug.wire.events import UNPRINTABLE, clean_id
from policies import access
from policies.access import Viewer

# A session that is over for good: told to a poll as an end, as if it had come within one.
_OVER: Final = (CloseCode.EXPIRED, CloseCode.REVOKED, CloseCode.ENDED)


async def _stream(request: HttpRequest) -> HttpResponseBase:
    polls = request.method == "POST"
    with spans.span("session.open", transport="poll" if polls else "sse"):
        opened = await _open(request, polls=polls)
    if isinstance(opened, HttpResponseBase):
        return opened
    feed, ready, wait = opened
    if polls:
        return _poll_answer(*await polling.poll(feed, wait=wait))
    segmented = not sse.has_backpressure(getattr(request, "scope", {}))
    response = StreamingHttpResponse(
        sse.sse(feed, ready, segmented=segmented), content_type="text/event-stream"
    )
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # nginx: pass each event on at once
    return response


async def _open(
    request: HttpRequest, *, polls: bool
) -> tuple[Feed, ControlFrame, float] | HttpResponseBase:
    """The session and how long a poll waits for its first event, or the answer that refuses it."""
    with spans.span("session.authenticate"):
        viewer = await identify(request, "poll" if polls else "sse")
    if not isinstance(viewer, Viewer):
        spans.note(status=viewer.status_code)
        return viewer
    try:
        params, last_id = _params(request)
        wait = float(params.get("wait", "0") or 0)
        if not 0 <= wait <= polling.POLL_WAIT:
            raise stream_query.BadQuery(f"wait: expected 0 to {polling.POLL_WAIT:.0f} seconds")
        asked = stream_query.read_query(params, last_id=last_id, polls=polls)
        if polls and asked.span.speed is not None:
            raise stream_query.BadQuery("speed: a poll has no rhythm; GET plays at a speed (SSE)")
    except ValueError as error:
        return refusal(OpeningRefused(close_reasons.bad_request(str(error))))
    try:
        return (*await open_session(viewer, asked), wait)
    except FilterError as error:
        end = close_reasons.bad_request(str(error), reason=str(error.code), position=error.position)
        return refusal(OpeningRefused(end))
    except OpeningRefused as refused:
        session_records.is_told(request)
        if polls and asked.resume and refused.end.code in _OVER:
            return _poll_answer(polling.ended(refused.end, asked))
        return refusal(refused)


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


stream = api_view(_stream, "GET", "POST")


async def _ticket(request: HttpRequest) -> HttpResponseBase:
    """A one-use ticket for a WebSocket client that has no cookie."""
    viewer = await identify(request, "ws")
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
        return bad(str(error))
    named = {f"{name}Id": value for name, value in target.items()}
    return JsonResponse({"ok": True, "ticket": ticket, "expiresIn": 30, **named, **target})


ticket = api_view(_ticket, "POST")


_Text = Annotated[str, msgspec.Meta(max_length=4000, pattern=f"^[^{UNPRINTABLE.pattern[1:]}*$")]


class _Saved(msgspec.Struct, forbid_unknown_fields=True):
    """What the page tells before lines leave it."""

    session: _Text
    what: Literal["save-jsonl", "save-text", "save-csv", "copy-jsonl", "copy-text"]
    lines: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]


async def _saved(request: HttpRequest) -> HttpResponseBase:
    """Record that lines of one's own session are saved as a file or copied."""
    viewer = await identify(request, "page")
    if not isinstance(viewer, Viewer):
        return viewer
    try:
        told = msgspec.json.decode(request.body, type=_Saved)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return bad(str(error))
    known = await in_record_threads(
        session_records.record_saved, told.session, viewer, what=told.what, lines=told.lines
    )
    if not known:
        return bad("There is no such session.", status=404, code="not_found")
    return JsonResponse({"ok": True})


lines_saved = api_view(_saved, "POST")
