"""uvicorn's WebSocket protocol with `frame_extension`: writes shared bytes, hears short texts.

Both are shortcuts past the same library, which does all else: the handshake, control frames,
everything that is longer, split or wrong. A shortcut is taken only where it changes nothing that
the client or the application could see.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import apply_mask  # type: ignore[attr-defined]  # the faster of its two
from websockets.protocol import State

from extdebug.transports import frame_extension
from extdebug.wire.light_waits import LightEvent, LightQueue
from extdebug.wire.ticks import tick_after

FIN_TEXT: Final = 0x81  # the first byte of a text frame that is whole
MASKED: Final = 0x80
SHORT: Final = 125  # bytes of payload whose length stands in the second byte
FRAME_HEAD: Final = 2 + 4  # bytes before a short payload: those two, and the mask
# Bytes up to which a copy in one piece costs less than the parts: 4,000 take 2.2 against 2.6 us,
# 8,000 already 6.9 against 4.4.
JOINED: Final = 4096


# What uvicorn keeps of a connection: more names than a class shares between its objects, so that
# each would have a dict of its own of 1.6 KB. A name that it no longer has costs 8 bytes.
_KEPT: Final = (
    "app", "app_state", "asgi_version", "client", "close_sent", "close_timeout", "close_timer",
    "config", "conn", "connections", "curr_msg_data_type", "default_headers", "disconnected",
    "frames", "handshake_complete", "handshake_initiated", "initial_response", "last_ping_rtt",
    "logger", "loop", "pending_ping_payload", "ping_interval", "ping_sent_at", "ping_timeout",
    "ping_timer", "pong_timer", "queue", "read_paused", "request", "response", "root_path",
    "scheme", "scope", "server", "tasks", "transport", "writable",
)  # fmt: skip


class FrameSocket(WebSocketsSansIOProtocol):
    """One connection; in its scope it offers itself as the extension."""

    __slots__ = (*_KEPT, "_between", "_heard")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.queue = LightQueue()  # type: ignore[assignment]
        self.writable = LightEvent()  # type: ignore[assignment]
        self.writable.set()
        self._heard: Callable[[bytes], bool] | None = None
        self._between = FrameBounds()

    def handle_connect(self, event: Any) -> None:
        """The request came."""
        super().handle_connect(event)
        if self.response.status_code == 101:  # its application begins when this has returned
            self.scope["extensions"][frame_extension.NAME] = self  # type: ignore[assignment]

    # --- what goes out ------------------------------------------------------------------------

    def write_text(self, parts: Sequence[bytes]) -> bool:
        """See FrameExtension."""
        if not self._takes_frames():
            return False
        size = sum(map(len, parts))
        if size <= JOINED:
            self.transport.write(b"".join((_head(size), *parts)))
        else:
            self.transport.writelines((_head(size), *parts))
        return True

    def write_texts(self, frames: Sequence[Sequence[bytes]]) -> bool:
        """See FrameExtension."""
        if not self._takes_frames():
            return False
        pieces: list[bytes] = []
        end = b""  # of the frame before: what is short goes out as one piece with what follows
        for first, *others in frames:
            size = len(first) + sum(map(len, others))
            pieces.append(b"%b%b%b" % (end, _head(size), first))
            end = others.pop() if others else b""
            pieces += others
        pieces.append(end)
        self.transport.writelines(pieces)
        return True

    def _takes_frames(self) -> bool:
        conn = self.conn
        return not (
            conn.state is not State.OPEN
            or self.close_sent
            or conn.extensions  # they would have to encode it
            or conn.expect_continuation_frame
            or not self.writable.is_set()
            or self.transport.is_closing()
        )

    def schedule_ping(self) -> None:
        """The next question whether the client is there: together with others' in the loop."""
        interval = self.ping_interval or 0.0
        soon = self.loop.time() + max(0.0, interval - self.last_ping_rtt)
        self.ping_timer = self.loop.call_at(tick_after(soon), self.send_keepalive_ping)

    # --- what comes in ------------------------------------------------------------------------

    def hear(self, heard: Callable[[bytes], bool] | None) -> None:
        """See FrameExtension."""
        self._heard = heard

    def forget_request(self) -> None:
        """See FrameExtension."""
        if self.request is not None:
            self.request.headers.clear()  # the parser keeps the request as long as it lives
        self.request = self.response = None  # type: ignore[assignment]
        self.server = self.client = None
        headers: list[Any] = self.scope["headers"]  # type: ignore[assignment]
        headers.clear()  # in place: middleware hands on copies of the scope, with this list in them
        self.scope.clear()  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """Bytes of the client: its request first, alone, then frames."""
        if not self.handshake_initiated:
            super().data_received(data)
            return
        at = self._hear_short(data) if self._heard is not None and self._between else 0
        if at < len(data):
            rest = data[at:] if at else data
            self._between.pass_by(rest)
            super().data_received(rest)

    def _hear_short(self, data: bytes) -> int:
        """How many bytes of it were frames that were heard, and need not be queued."""
        conn = self.conn
        if (
            conn.state is not State.OPEN
            or conn.current_size is not None  # within a message of several frames
            or conn.extensions
            or not self.queue.empty()
        ):
            return 0
        at, end = 0, len(data)
        while self._heard is not None and end - at > FRAME_HEAD and data[at] == FIN_TEXT:
            size = data[at + 1] - MASKED
            begin = at + FRAME_HEAD
            if not 0 < size <= SHORT or begin + size > end:
                break
            text = apply_mask(data[begin : begin + size], data[begin - 4 : begin])
            if not self._heard(text):
                break
            at = begin + size
        return at

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        self._heard = None
        super().connection_lost(exc)


class FrameBounds:
    """Follows where one frame of a client ends. True: the next byte begins a frame.

    Of the library's parser nobody can ask this: it keeps what it has read of a frame to itself.
    """

    __slots__ = ("_head", "_left")

    def __init__(self) -> None:
        self._head = b""  # of a frame, until its length is known
        self._left = 0  # bytes of the frame behind its head

    def __bool__(self) -> bool:
        return not self._left and not self._head

    def pass_by(self, data: bytes) -> None:
        """These bytes go to the parser."""
        at = 0
        while at < len(data):
            if self._left:
                passed = min(self._left, len(data) - at)
                self._left -= passed
                at += passed
                continue
            self._head += data[at : at + 1]
            at += 1
            size = _length(self._head)
            if size is not None:
                mask = 4 if self._head[1] & MASKED else 0
                self._head, self._left = b"", size + mask


def _length(head: bytes) -> int | None:
    """The length of a frame's payload, once its head is whole."""
    if len(head) < 2:
        return None
    short = head[1] & 127
    if short <= SHORT:
        return short
    form = "!H" if short == 126 else "!Q"
    if len(head) < 2 + struct.calcsize(form):
        return None
    length: int = struct.unpack_from(form, head, 2)[0]
    return length


def _head(size: int) -> bytes:
    if size <= SHORT:
        return struct.pack("!BB", FIN_TEXT, size)
    if size < 1 << 16:
        return struct.pack("!BBH", FIN_TEXT, 126, size)
    return struct.pack("!BBQ", FIN_TEXT, 127, size)
