"""SSE and polling over a feed: `/api/ext-debug/stream` for curl, scripts and EventSource.

The same feed as the WebSocket: what is written counts as acknowledged when the server took it,
so backpressure of the server is the flow control. Where the server has none (Daphne), a response
is a segment, and `Last-Event-ID` goes on without loss. An id is `cursor~session`.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from extdebug.filters.filter import Filter, FilterError
from extdebug.protocol import server_frames
from extdebug.protocol.client_frames import DEFAULT_TAIL, MAX_TAIL
from extdebug.sessions.close_reasons import End
from extdebug.sessions.feed import Feed
from extdebug.sessions.flow_control import Events, Lost
from extdebug.sessions.node import console
from extdebug.sessions.opening import open_feed
from extdebug.sessions.session_frames import Note
from extdebug.wire.events import read_ts
from extdebug.wire.positions import BadCursor, Cursor, Start
from policies.access import Viewer

SEGMENT: Final = 1024 * 1024  # bytes of one response on a server without backpressure
RETRY_MS: Final = 2000  # a client's wait before it comes back; in segments it comes at once
POLL_EVENTS: Final = 1000
POLL_BYTES: Final = 1024 * 1024
POLL_WAIT: Final = 25.0  # seconds a poll may wait for the first event, below proxies' 30 s


class BadQuery(ValueError):
    """A parameter that cannot be meant; the message is for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request's parameters, read strictly."""

    extension: str
    tenant: str | None
    wanted: Filter
    start: Start
    resume: str | None


def read_query(params: dict[str, str], *, last_id: str | None) -> Asked:
    """`extensionId tenantId installId requestId q level streams tail since`; BadQuery if not."""
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
    try:
        wanted = Filter.parse(
            {
                "installs": [part for part in params.get("installId", "").split(",") if part],
                "request": params.get("requestId") or None,
                "streams": [part for part in params.get("streams", "").split(",") if part],
                "level": params.get("level") or None,
                "q": params.get("q", ""),
            }
        )
    except FilterError as error:
        raise BadQuery(str(error)) from None
    last_id = last_id or params.get("lastEventId") or None
    start, resume = _start(params, last_id)
    return Asked(extension, params.get("tenantId") or None, wanted, start, resume)


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


async def open_stream(viewer: Viewer, asked: Asked) -> tuple[Feed, Note]:
    """A feed for an HTTP request; endings.Refused when it may not begin."""
    return await open_feed(
        await console(),
        viewer,
        tenant=asked.tenant,
        extension=asked.extension,
        wanted=asked.wanted,
        rev=0,
        start=asked.start,
        resume=asked.resume,
    )


async def sse(feed: Feed, ready: Note, *, segmented: bool) -> AsyncIterator[bytes]:
    """The text of one response, to the end of the session or of the segment."""
    sent = 0
    gone, code = True, 1006
    try:
        yield b"retry: %d\n\n" % (100 if segmented else RETRY_MS) + _event("ready", ready.data)
        while True:
            message = await feed.next()
            text = write(message, feed)
            yield text
            if isinstance(message, End):
                gone, code = False, int(message.code)
                return
            feed.ack(feed.flow.seq)
            sent += len(text)
            if segmented and sent >= SEGMENT:
                return
    finally:
        await asyncio.shield(feed.finish(gone=gone, code=code))


def write(message: Events | Lost | Note | End, feed: Feed) -> bytes:
    """One message in SSE. JSON has no line breaks, so nothing in an event can end its field."""
    session = feed.held.id
    match message:
        case Events():
            return b"".join(
                b"id: %b~%b\ndata: %b\n\n" % (str(cursor).encode(), session.encode(), prepared.json)
                for prepared, cursor in message.places()
            )
        case Lost():
            place = _id(message.through, session)
            return place + _event("gap", message.text().encode())
        case End():
            return _event("closing", message.frame())
        case Note():
            place = _id(feed.flow.position, session)
            if message.kind == "status":
                return place + _event("status", message.data)
            return _event(message.kind, message.data)


def _id(cursor: Cursor, session: str) -> bytes:
    return f"id: {cursor}~{session}\n".encode()


def _event(name: str, data: bytes) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)


class _Polled(msgspec.Struct, kw_only=True, rename="camel"):
    """The answer to one poll. Events and gaps are in stream order; `truncated`: ask again now."""

    events: list[msgspec.Raw]
    gaps: list[msgspec.Raw]
    last_id: str | None
    session: str
    truncated: bool
    ledger: server_frames.Ledger
    expires_at: str
    closing: msgspec.Raw | None = None


async def poll(feed: Feed, *, wait: float) -> tuple[bytes, bool]:
    """Everything up to now, or up to the limits; waits up to `wait` seconds for the first event."""
    events: list[msgspec.Raw] = []
    gaps: list[msgspec.Raw] = []
    size, truncated, closing = 0, False, None
    gone = True
    deadline = asyncio.get_running_loop().time() + wait
    try:
        while True:
            left = deadline - asyncio.get_running_loop().time()
            idle = feed.caught_up or feed.stuck
            if idle and (events or gaps or left <= 0):
                break
            try:
                async with asyncio.timeout(max(left, 0.05) if idle else POLL_WAIT):
                    message = await feed.next()
            except TimeoutError:
                break
            match message:
                case Events():
                    for prepared, _ in message.places():
                        events.append(msgspec.Raw(prepared.json))
                        size += len(prepared.json)
                case Lost():
                    gaps.append(msgspec.Raw(message.text().encode()))
                case End():
                    closing, gone = msgspec.Raw(message.frame()), False
                    break
                case Note():
                    pass
            feed.ack(feed.flow.seq)
            if len(events) >= POLL_EVENTS or size >= POLL_BYTES:
                truncated = True
                break
        answer = _Polled(
            events=events,
            gaps=gaps,
            last_id=f"{feed.flow.position}~{feed.held.id}",
            session=feed.held.id,
            truncated=truncated,
            ledger=feed.flow.ledger.frame(),
            expires_at=feed.lifetime.expires_at.isoformat(),
            closing=closing,
        )
        return msgspec.json.encode(answer), truncated
    finally:
        await asyncio.shield(feed.finish(gone=gone))


def has_backpressure(scope: dict[str, Any]) -> bool:
    """Whether the server waits for a slow reader: those with a lifespan do, Daphne does not."""
    return "state" in scope
