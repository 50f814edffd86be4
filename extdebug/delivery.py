"""From a session's intake to its next message, as its credit and rates allow."""

from __future__ import annotations

from extdebug.flow import Events, Flow, Lost
from extdebug.hub.ring_buffer import Piece
from extdebug.hub.selection import FRAME_BYTES, FRAME_EVENTS
from extdebug.intake import Intake


def deliver(flow: Flow, intake: Intake, now: float) -> Events | Lost | None:
    """The next events or stated loss; None when nothing waits or the window is full."""
    while flow.open and (piece := intake.take(flow.position)) is not None:
        if piece.chunk is None:
            lost = flow.tell(piece)
            if lost is not None:
                return lost
            continue
        if not flow.fits(piece.chunk.size):
            intake.put_back(piece)
            return None
        if not piece.history and not flow.admits(piece.chunk, now):
            flow.refuse(piece, now)
            continue
        limited = flow.limited(now, before=str(piece.chunk.first))
        if limited is not None:
            intake.put_back(piece)
            return limited
        return flow.show([piece, *_more(piece, flow, intake, now)])
    return None


def _more(first: Piece, flow: Flow, intake: Intake, now: float) -> list[Piece]:
    """Chunks that fit into the same frame: what gathered while the last send ran."""
    chunk = first.chunk
    if chunk is None or chunk.count >= FRAME_EVENTS:
        return []
    count, size = chunk.count, chunk.size
    pieces: list[Piece] = []
    while (piece := intake.take(flow.position)) is not None:
        chunk = piece.chunk
        if chunk is None and piece.gap is None:
            pieces.append(piece)
            continue
        fits = (
            chunk is not None
            and count + chunk.count <= FRAME_EVENTS
            and size + chunk.size <= FRAME_BYTES
            and flow.fits(size + chunk.size)
        )
        if chunk is None or not fits or not (piece.history or flow.admits(chunk, now)):
            intake.put_back(piece)
            break
        count, size = count + chunk.count, size + chunk.size
        pieces.append(piece)
    return pieces
