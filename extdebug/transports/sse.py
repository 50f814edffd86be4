"""A feed as server-sent events: GET `/api/ext-debug/stream`, for curl, scripts and EventSource.

What is written counts as acknowledged when the server took it, so the server's backpressure is the
flow control. Where the server has none (Daphne), a response ends after a segment, and the client
continues without loss by `Last-Event-ID`. An event's id is `cursor~session`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from extdebug.protocol.server_frames import StreamState
from extdebug.sessions import close_reasons
from extdebug.sessions.close_reasons import CloseReason
from extdebug.sessions.feed import Feed
from extdebug.sessions.flow_control import Events, GapNotice
from extdebug.sessions.session_frames import ControlFrame
from extdebug.wire.positions import Cursor

SEGMENT: Final = 1024 * 1024  # bytes of one response on a server without backpressure
RETRY_MS: Final = 2000  # a client's wait before it comes back; in segments it comes at once


async def sse(feed: Feed, ready: ControlFrame, *, segmented: bool) -> AsyncIterator[bytes]:
    """The body of one response, until the session, its range or, if `segmented`, the segment ends.

    The session is closed when it ended, and kept to be resumed when the response just stopped.
    """
    sent = 0
    gone, code = True, 1006
    try:
        yield b"retry: %d\n\n" % (100 if segmented else RETRY_MS) + _event("ready", ready.data)
        while True:
            if not segmented:
                # The server waits for a slow reader before it takes a part, not behind it: so
                # nothing is made under a scope and rules that may be others by when it leaves.
                yield b""
            message = await feed.next()
            text = write(message, feed)
            yield text
            if isinstance(message, CloseReason):
                gone, code = False, int(message.code)
                return
            feed.ack(feed.flow.seq)
            if feed.state == StreamState.END_OF_RANGE:
                feed.end(close_reasons.END_OF_RANGE)
            sent += len(text)
            if segmented and sent >= SEGMENT:
                return
    finally:
        await asyncio.shield(feed.finish(gone=gone, code=code))


def write(message: Events | GapNotice | ControlFrame | CloseReason, feed: Feed) -> bytes:
    """One message as SSE text. JSON has no raw line breaks, so no event can end its `data` line."""
    session = feed.lease.id
    match message:
        case Events():
            return b"".join(
                b"id: %b~%b\ndata: %b\n\n" % (str(cursor).encode(), session.encode(), decoded.json)
                for decoded, cursor in message.places()
            )
        case GapNotice():
            place = _id(message.through, session)
            return place + _event("gap", message.text().encode())
        case CloseReason():
            return _event("closing", message.frame())
        case ControlFrame():
            place = _id(feed.flow.position, session)
            if message.kind == "status":
                return place + _event("status", message.data)
            return _event(message.kind, message.data)


def _id(cursor: Cursor, session: str) -> bytes:
    return f"id: {cursor}~{session}\n".encode()


def _event(name: str, data: bytes) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)


def has_backpressure(scope: dict[str, Any]) -> bool:
    """Whether the server waits for a slow reader: those with a lifespan do, Daphne does not."""
    return "state" in scope
