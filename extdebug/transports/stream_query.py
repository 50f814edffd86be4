"""Strict reading of the stream API's parameters, for SSE and polling."""

from __future__ import annotations

import datetime as dt

from extdebug.filters.filter import FilterParts
from extdebug.protocol.client_frames import DEFAULT_TAIL, MAX_TAIL
from extdebug.sessions.opening import OpeningRequest
from extdebug.wire.events import read_ts
from extdebug.wire.positions import BadCursor, Cursor, Start


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


def read_query(params: dict[str, str], *, last_id: str | None) -> OpeningRequest:
    """What the parameters ask for; BadQuery for anything unknown or malformed. The filter's parts
    are read when it is known who asks and that they may (sessions/opening.py).

    `last_id` is the `Last-Event-ID` header, `cursor~session`; it precedes `since` and `tail`.
    """
    known = {
        "extensionId", "tenantId", "installId", "requestId", "q", "level", "streams", "tail",
        "since", "lastEventId", "wait",
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
    start, resume = _start(params, last_id)
    return OpeningRequest(
        tenant=params.get("tenantId") or None, extension=extension, wanted=wanted, start=start,
        resume=resume, by_itself=True,
    )  # fmt: skip


def _start(params: dict[str, str], last_id: str | None) -> tuple[Start, str | None]:
    if last_id:
        place, _, session = last_id.partition("~")
        try:
            return Start(cursor=Cursor.parse(place)), session[:64] or None
        except BadCursor as error:
            raise BadQuery(f"Last-Event-ID: {error}") from None
    if since := params.get("since"):
        moment = read_ts(since)
        if moment is None:
            raise BadQuery(f"since: expected ISO 8601, got {since[:40]!r}")
        stamp = dt.datetime.fromisoformat(moment).timestamp()
        return Start(since_ms=max(0, int(stamp * 1000))), None
    tail = params.get("tail", str(DEFAULT_TAIL))
    if not (tail.isascii() and tail.isdigit() and int(tail) <= MAX_TAIL):
        raise BadQuery(f"tail: expected 0 to {MAX_TAIL}, got {tail[:20]!r}")
    return Start(tail=int(tail)), None
