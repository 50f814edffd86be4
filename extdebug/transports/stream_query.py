"""Strict reading of the stream API's parameters, for SSE and polling."""

from __future__ import annotations

import datetime as dt
from typing import Final

from extdebug.filters.filter import FilterParts
from extdebug.protocol.client_frames import DEFAULT_TAIL
from extdebug.protocol.frame_parts import FASTEST, MAX_TAIL, SLOWEST
from extdebug.sessions.opening import OpeningRequest
from extdebug.transports.moments import BadMoment, read_moment
from extdebug.wire.positions import BadCursor, Cursor, Span, Start

# The first `lastId` of the platform's own polling client: all that the stream still holds.
BEGINNING: Final = "0"


class BadQuery(ValueError):
    """An unknown parameter or a value it cannot have; the message is for whoever wrote it."""


def one_name(params: dict[str, str]) -> dict[str, str]:
    """`tenant` and `extension`, as a WebSocket's target names them, are `tenantId` and
    `extensionId`: both are read everywhere. BadQuery when they contradict each other."""
    named = dict(params)
    for name in ("tenant", "extension"):
        value = named.pop(name, None)
        if value is not None and named.setdefault(f"{name}Id", value) != value:
            raise BadQuery(f"{name} and {name}Id: expected one of them, got both")
    return named


def read_query(
    params: dict[str, str], *, last_id: str | None, polls: bool = False
) -> OpeningRequest:
    """What the parameters ask for; BadQuery for anything unknown or malformed. The filter's parts
    are read when it is known who asks and that they may (sessions/opening.py).

    `last_id` is the `Last-Event-ID` header or a poll's `lastId`, `cursor~session`; it precedes
    `since` and `tail`. A poll may begin with BEGINNING.
    """
    known = {
        "extensionId", "tenantId", "installId", "requestId", "q", "level", "streams", "tail",
        "since", "until", "speed", "lastEventId", "wait",
    }  # fmt: skip
    unknown = sorted(params.keys() - known)
    if unknown:
        raise BadQuery(f"unknown parameter {unknown[0][:40]!r}; known: {', '.join(sorted(known))}")
    extension = params.get("extensionId", "")
    if not extension:
        raise BadQuery("extensionId is missing")
    wanted: FilterParts = {
        "installs": [part for part in params.get("installId", "").split(",") if part],
        "request": params.get("requestId") or None,
        "streams": [part for part in params.get("streams", "").split(",") if part],
        "level": params.get("level") or None,
        "q": params.get("q", ""),
    }
    last_id = last_id or params.get("lastEventId") or None
    begins = polls and last_id == BEGINNING
    now = dt.datetime.now(dt.UTC)
    start, resume = (Start(since_ms=0), None) if begins else _start(params, last_id, now)
    return OpeningRequest(
        tenant=params.get("tenantId") or None, extension=extension, wanted=wanted, start=start,
        span=_span(params, start, now), resume=resume, by_itself=True,
    )  # fmt: skip


def _span(params: dict[str, str], start: Start, now: dt.datetime) -> Span:
    until_ms = _moment(params, "until", now)
    if until_ms is not None and start.since_ms is not None and until_ms <= start.since_ms:
        raise BadQuery(f"until: expected a time after since, got {params['until'][:40]!r}")
    speed = None
    if said := params.get("speed"):
        try:
            speed = float(said)
        except ValueError:
            speed = 0.0
        if not SLOWEST <= speed <= FASTEST:
            raise BadQuery(f"speed: expected {SLOWEST:g} to {FASTEST:g}, got {said[:20]!r}")
    return Span(until_ms, speed)


def _moment(params: dict[str, str], name: str, now: dt.datetime) -> int | None:
    text = params.get(name)
    if not text:
        return None
    try:
        return read_moment(text, now=now)
    except BadMoment as error:
        raise BadQuery(f"{name}: {error}") from None


def _start(
    params: dict[str, str], last_id: str | None, now: dt.datetime
) -> tuple[Start, str | None]:
    if last_id:
        place, _, session = last_id.partition("~")
        try:
            return Start(cursor=Cursor.parse(place)), session[:64] or None
        except BadCursor as error:
            raise BadQuery(f"Last-Event-ID: {error}") from None
    since_ms = _moment(params, "since", now)
    if since_ms is not None:
        return Start(since_ms=since_ms), None
    tail = params.get("tail", str(DEFAULT_TAIL))
    if not (tail.isascii() and tail.isdigit() and int(tail) <= MAX_TAIL):
        raise BadQuery(f"tail: expected 0 to {MAX_TAIL}, got {tail[:20]!r}")
    return Start(tail=int(tail)), None
