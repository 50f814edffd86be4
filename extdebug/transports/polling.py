"""A feed by polling: POST `/api/ext-debug/stream` answers with what came since the last cursor."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from extdebug.protocol.server_frame_parts import LedgerFigures
from extdebug.protocol.server_frames import StreamState
from extdebug.sessions import close_reasons
from extdebug.sessions.close_reasons import CloseReason
from extdebug.sessions.feed import Feed
from extdebug.sessions.flow_control import Events, GapNotice
from extdebug.sessions.opening import OpeningRequest
from extdebug.sessions.session_frames import ControlFrame

POLL_EVENTS: Final = 1000  # in one answer, give or take a frame
POLL_BYTES: Final = 1024 * 1024  # of events in one answer, give or take a frame
POLL_WAIT: Final = 25.0  # seconds a poll may wait for the first event, below proxies' 30 s


class _Polled(msgspec.Struct, kw_only=True, rename="camel"):
    """The answer to one poll. Events and gaps are in stream order; `truncated`: ask again now."""

    events: list[msgspec.Raw]
    gaps: list[msgspec.Raw]
    last_id: str | None
    session: str
    truncated: bool
    ledger: LedgerFigures | None = None
    expires_at: str | None = None
    closing: msgspec.Raw | None = None


def ended(end: CloseReason, asked: OpeningRequest) -> bytes:
    """The answer to a poll of a session that ended between two polls."""
    session = asked.resume or ""
    cursor = asked.start.cursor
    answer = _Polled(
        events=[],
        gaps=[],
        last_id=None if cursor is None else f"{cursor}~{session}",
        session=session,
        truncated=False,
        closing=msgspec.Raw(end.frame()),
    )
    return msgspec.json.encode(answer)


async def poll(feed: Feed, *, wait: float) -> tuple[bytes, bool]:
    """The answer's JSON, and whether it was cut at POLL_EVENTS or POLL_BYTES (ask again at once).

    Waits up to `wait` seconds for the first event. The session is kept to be resumed.
    """
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
                    for decoded, _ in message.places():
                        events.append(msgspec.Raw(decoded.json))
                        size += len(decoded.json)
                case GapNotice():
                    gaps.append(msgspec.Raw(message.text().encode()))
                case CloseReason():
                    closing, gone = msgspec.Raw(message.frame()), False
                    break
                case ControlFrame():
                    pass
            feed.ack(feed.flow.seq)
            if feed.state == StreamState.END_OF_RANGE:
                feed.end(close_reasons.END_OF_RANGE)
            if len(events) >= POLL_EVENTS or size >= POLL_BYTES:
                truncated = True
                break
        answer = _Polled(
            events=events,
            gaps=gaps,
            last_id=f"{feed.flow.position}~{feed.lease.id}",
            session=feed.lease.id,
            truncated=truncated,
            ledger=feed.flow.ledger.frame(),
            expires_at=feed.lifetime.expires_at.isoformat(),
            closing=closing,
        )
        return msgspec.json.encode(answer), truncated
    finally:
        await asyncio.shield(feed.finish(gone=gone))
