"""The next message of one session: pieces joined into frames, losses before what follows them."""

from __future__ import annotations

from extdebug.hub.pieces import EventRun, Piece
from extdebug.hub.selection import FRAME_BYTES, FRAME_EVENTS
from extdebug.sessions.catch_up import CatchUp
from extdebug.sessions.flow_control import Events, FlowControl, GapNotice
from extdebug.sessions.place import Meeting, follows, meet
from extdebug.sessions.release import Release
from extdebug.wire.positions import Cursor, behind


def deliver(
    flow: FlowControl, catch_up: CatchUp, now: float, release: Release
) -> Events | GapNotice | None:
    """The next events or stated loss; None when nothing waits that `release` lets go now, or the
    window is full."""
    if release.at_once and flow.open and flow.refused_since is None:
        piece = catch_up.whole_frame()
        if piece is not None and piece.chunk is not None and follows(flow.at, piece):
            return _whole_frame(piece, piece.chunk, flow, catch_up, now, release)
    return _next(flow, catch_up, now, release)


def _whole_frame(
    piece: Piece, chunk: EventRun, flow: FlowControl, catch_up: CatchUp, now: float,
    release: Release,
) -> Events | GapNotice | None:  # fmt: skip
    """What `_next` makes of a run right behind the session's place that is a frame by itself, in
    half of the time: nearly all that a watcher who keeps up is told."""
    catch_up.take(flow.position)
    if not flow.fits(chunk.size):
        catch_up.put_back(piece)
        return None
    if flow.admits(chunk, now):
        return flow.show_one(piece, chunk, now)
    flow.refuse(piece, now)
    return _next(flow, catch_up, now, release)


def _next(
    flow: FlowControl, catch_up: CatchUp, now: float, release: Release
) -> Events | GapNotice | None:
    while flow.open and (taken := _meet_next(flow, catch_up, now, release)) is not None:
        piece, meeting = taken
        rest = meeting.rest
        tells = meeting.gap is not None or (rest is not None and rest.gap is not None)
        if tells and flow.refused_since is not None:
            catch_up.put_back(piece)
            return flow.limited(now, before=str(behind(flow.at.id)))
        if meeting.gap is not None and meeting.at is not None:
            if rest is not None:
                catch_up.put_back(rest)
            return flow.lose(meeting.gap, meeting.at, now)
        if rest is None:
            continue
        if rest.chunk is None:
            notice = flow.tell(rest, now)
            if notice is not None:
                return notice
            continue
        if not flow.fits(rest.chunk.size):
            catch_up.put_back(rest)
            return None
        if not (rest.history or rest.admitted) and not flow.admits(rest.chunk, now):
            flow.refuse(rest, now)
            continue
        if flow.refused_since is not None:
            rest.admitted = True  # it has used its share of the rate
            catch_up.put_back(rest)
            return flow.limited(now, before=str(rest.chunk.first))
        return _frame(rest, rest.chunk, flow, catch_up, now, release)
    return None


def _meet_next(
    flow: FlowControl, catch_up: CatchUp, now: float, release: Release
) -> tuple[Piece, Meeting] | None:
    """The next piece, and what it means to the session: as much of it as may be told now."""
    while not release.over and (piece := catch_up.take(flow.position)) is not None:
        meeting = meet(flow.at, piece)
        if meeting.gap is not None:
            return piece, meeting
        if meeting.rest is None:
            continue
        part, later = release.part(meeting.rest, now)
        if later is not None:
            catch_up.put_back(later)
        return None if part is None else (part, Meeting(part))
    return None


def _frame(
    first: Piece, chunk: EventRun, flow: FlowControl, catch_up: CatchUp, now: float,
    release: Release,
) -> Events:  # fmt: skip
    """A frame of this piece and of those that fit behind it: what gathered during the last send."""
    chunks: list[EventRun] = [chunk]
    base: list[Cursor] = [flow.accept(first)]
    count, size = chunk.count, chunk.size
    while count < FRAME_EVENTS:
        taken = _meet_next(flow, catch_up, now, release)
        if taken is None:
            break
        piece, meeting = taken
        rest = meeting.rest
        if meeting.gap is not None or rest is None or rest.gap is not None:
            catch_up.put_back(piece)
            break
        if rest.chunk is None:
            flow.accept(rest)
            continue
        fits = (
            count + rest.chunk.count <= FRAME_EVENTS
            and size + rest.chunk.size <= FRAME_BYTES
            and flow.fits(size + rest.chunk.size)
        )
        if not fits or not (rest.history or flow.admits(rest.chunk, now)):
            catch_up.put_back(rest)
            break
        count, size = count + rest.chunk.count, size + rest.chunk.size
        chunks.append(rest.chunk)
        base.append(flow.accept(rest))
    return flow.show(chunks, base, now)
