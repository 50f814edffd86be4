"""Where one session stands in its stream, and what the next piece means from there. Pure.

Pieces come from history, from the live ring and from runners, and each of these sources may know
of a loss earlier or later than the others. The session therefore does the sum itself: what lies
between its place and the place behind a piece, and is not in the piece, is lost and told once; what
lies before its place was told and is passed over.
"""

from __future__ import annotations

import msgspec

from extdebug.hub.pieces import Piece, fresh_part
from extdebug.hub.runner_buffer import OFF_STREAM, from_runner, off_stream
from extdebug.streams.continuity import missing
from extdebug.wire.events import Gap, GapReason
from extdebug.wire.positions import Cursor, EntryId, before, behind


class Meeting(msgspec.Struct, frozen=True):
    """What a piece means to a session at its place.

    `gap` is a loss to tell first, after which the session stands at `at` and meets `rest` again.
    `rest` is what of the piece is new; None when all of it was told before.
    """

    rest: Piece | None
    gap: Gap | None = None
    at: Cursor | None = None


def meet(at: Cursor, piece: Piece) -> Meeting:
    """The next piece as a session at `at` has to take it."""
    if follows(at, piece):
        return Meeting(piece)
    through = piece.through
    if from_runner(piece) or off_stream(at):
        return Meeting(piece)
    if at.epoch and through.epoch and at.epoch != through.epoch:
        return _life_ends(at, piece) if piece.replaced else _replaced(at, piece)
    if piece.replaced:
        # In this life the session stands already; a place without an epoch may be of any.
        return Meeting(None) if at.epoch == through.epoch else Meeting(piece)
    fresh = fresh_part(at, piece)
    if fresh is None:
        return Meeting(None)
    lost = missing(at, through, fresh.entries)
    if lost is not None:
        lost -= fresh.explained
    if fresh.gap is not None and fresh.gap.reason is GapReason.RETENTION:
        if lost is None:
            return Meeting(fresh)
        if lost <= 0:
            return Meeting(Piece(through, fresh.filtered, counted=fresh.counted))
        after = fresh.gap.after
        if lost > (fresh.gap.missed or 0):  # it takes in what was lost since our place
            after = after and str(min(at.id, EntryId.parse(after)))
        fresh.gap = msgspec.structs.replace(fresh.gap, missed=lost, after=after)
        return Meeting(fresh)
    if lost is None or lost <= 0:
        return Meeting(fresh)
    since = at.id if fresh.since is None else min(at.id, fresh.since)
    index = None if at.index is None else at.index + lost
    until = _reached(at, fresh)
    gap = Gap(GapReason.RETENTION, lost, str(since), str(until))
    place = Cursor(
        at.id, index, through.epoch, ahead=at.ahead + lost, until=until, untold=at.untold
    )
    return Meeting(fresh, gap, place)


def follows(at: Cursor, piece: Piece) -> bool:
    """Whether it is a run of events that begins right behind `at`, as nearly all are: there is
    nothing to tell before it, and nothing of it was told."""
    chunk, through = piece.chunk, piece.through
    return (
        chunk is not None
        and piece.gap is None
        and at.index is not None
        and at.index + piece.filtered + piece.counted + chunk.count == through.index
        and at.epoch == through.epoch
        and through.id.seq != OFF_STREAM
        and at.id.seq != OFF_STREAM
        and chunk.events[0].id > at.id
    )


def passed(at: Cursor, piece: Piece) -> Cursor:
    """The place behind a piece that was told, for a session that stood at `at`."""
    through = piece.through
    if not piece.moves:
        return at
    if piece.replaced:
        shown = _shown_of_it(at, piece)
        return through if shown is None else Cursor(shown, None, through.epoch)
    if off_stream(through) or off_stream(at) or at.epoch != through.epoch:
        return through
    index = through.index
    if at.index is not None:
        counted = at.index + piece.entries
        index = counted if index is None else max(index, counted)
    last = through if through.id >= at.id else at
    if last is through and index == through.index:
        return through  # one place for all sessions that stand there: none is made for each
    return Cursor(
        last.id, index, through.epoch, through.stated, last.ahead, last.until, last.untold
    )


def _life_ends(at: Cursor, piece: Piece) -> Meeting:
    """The stream was replaced; what of its old life was not told any more comes first."""
    ends = piece.ends
    if ends is None or ends.epoch != at.epoch:
        return Meeting(piece)
    lost = missing(at, ends, 0)
    if lost is not None and lost > 0:
        # Somebody here read them in time, and they went with the life that held them.
        reason = piece.gap.reason if piece.gap else GapReason.RESET
        gap = Gap(reason, lost, str(at.id), str(behind(max(ends.id, at.id))))
        return Meeting(piece, gap, Cursor(max(at.id, ends.id), ends.index, at.epoch))
    since = at.id if lost is None and at.id < ends.id else _shown_of_it(at, piece)
    if since is not None and piece.gap is not None and _precedes(since, piece.gap):
        piece.gap = msgspec.structs.replace(piece.gap, after=str(since))
    return Meeting(piece)


def _shown_of_it(at: Cursor, piece: Piece) -> EntryId | None:
    """The last entry of the next run's stream that a session was shown already, where it came from
    a process that had read more of the run that ends here than this one."""
    if piece.kept is None or piece.ends is None or piece.ends.epoch != at.epoch:
        return None
    shown = min(at.id, piece.kept)
    return shown if shown > piece.through.id else None


def _precedes(place: EntryId, gap: Gap) -> bool:
    return gap.before is None or place < EntryId.parse(gap.before)


def _replaced(at: Cursor, piece: Piece) -> Meeting:
    """The piece is of another life, and nobody said that the stream was replaced."""
    through = piece.through
    start = before(piece.chunk.first) if piece.chunk else through.id
    index = None if through.index is None else through.index - piece.entries
    gap = Gap(GapReason.RESET, None, str(at.id), str(_end(piece)))
    return Meeting(piece, gap, Cursor(start, index, through.epoch))


def _reached(at: Cursor, piece: Piece) -> EntryId:
    """An exclusive bound for what is lost between our place and the one that the piece leads to:
    some of it may lie behind the piece, if others were told so there and we were not."""
    ahead = piece.through.ahead > at.ahead
    return max(_end(piece), piece.through.until) if ahead else _end(piece)


def _end(piece: Piece) -> EntryId:
    """An exclusive bound for what is missing before or within the piece."""
    if piece.chunk is not None and not piece.filtered:
        return piece.chunk.first
    return behind(piece.through.id)
