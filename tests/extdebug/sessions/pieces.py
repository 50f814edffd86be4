"""Pieces for one session without a stream behind them, and what a client is told of them."""

from __future__ import annotations

from typing import cast

from extdebug.hub.pieces import Piece
from extdebug.hub.ring_buffer import RingBuffer
from extdebug.hub.selection import FRAME_EVENTS
from extdebug.sessions.catch_up import CatchUp
from extdebug.sessions.delivery import deliver
from extdebug.sessions.flow_control import Events, FlowControl, GapNotice
from extdebug.sessions.release import Release
from extdebug.wire.positions import Cursor


class Queue:
    """The pieces of a session, as its CatchUp gives them. `general`: none as a whole frame."""

    def __init__(self, *pieces: Piece, general: bool = False) -> None:
        self.pieces = list(pieces)
        self._general = general
        self._put_back: Piece | None = None

    def whole_frame(self) -> Piece | None:
        first = self.pieces[0] if self.pieces else None
        if self._general or first is None or first.chunk is None or first.history or first.admitted:
            return None
        if first is self._put_back:
            return first if first.chunk.count >= FRAME_EVENTS else None
        ring = RingBuffer()
        ring.push(first.chunk, filtered=first.filtered, through=first.through)
        if len(self.pieces) > 1:
            ring.skip(1, through=first.through)
        return None if ring.whole_frame(FRAME_EVENTS) is None else first

    def take(self, position: Cursor) -> Piece | None:
        return self.pieces.pop(0) if self.pieces else None

    def put_back(self, piece: Piece) -> None:
        self.pieces.insert(0, piece)
        self._put_back = piece


def deliver_next(
    flow: FlowControl, queue: Queue, now: float = 0.0, release: Release | None = None
) -> Events | GapNotice | None:
    return deliver(flow, cast("CatchUp", queue), now, release or Release())


def deliver_all(
    flow: FlowControl, queue: Queue, now: float = 0.0, release: Release | None = None
) -> list[Events | GapNotice]:
    """All messages there are, each acknowledged at once."""
    messages = []
    while (message := deliver_next(flow, queue, now, release)) is not None:
        messages.append(message)
        flow.ack(message.seq)
    return messages
