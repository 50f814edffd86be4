"""What of the next piece a session may be told now. Pure; `now` is passed in.

Nothing is told that lies beyond the end of the session's range, and at a speed no event before its
time. What is left of a piece waits where it came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from extdebug.hub.pieces import EventRun, Piece
from extdebug.hub.redacting_decoder import DecodedEntry
from extdebug.hub.runner_buffer import from_runner
from extdebug.hub.selection import make_chunk
from extdebug.sessions.pace import Pace
from extdebug.wire.events import GapReason
from extdebug.wire.positions import ENDLESS, EntryId, Span


class Release:
    """Of one session and one span. `over`: the end of the range was reached."""

    def __init__(self, span: Span = ENDLESS) -> None:
        self.until = span.until
        self.pace = None if span.speed is None else Pace(span.speed)
        self.over = False

    @property
    def at_once(self) -> bool:
        """Whether every piece may be told whole as soon as it comes."""
        return self.until is None and self.pace is None

    def part(self, piece: Piece, now: float) -> tuple[Piece | None, Piece | None]:
        """What of it may be told now, and what is left for later; both None at the range's end."""
        if self.at_once:
            return piece, None
        chunk = piece.chunk
        if from_runner(piece):
            return piece, None  # it has no place that could be compared
        if chunk is None:
            self.over = self.until is not None and _beyond(piece, self.until)
            return (None, None) if self.over else (piece, None)
        within = chunk.count if self.until is None else _count_before(chunk.events, self.until)
        if not within:
            self.over = True
            return None, None
        due = within
        if self.pace is not None:
            due = self.pace.due((one.id.ms for one in islice(chunk.events, within)), now)
        if due == chunk.count:
            return piece, None
        return cut(piece, due) if due else (None, piece)


def _beyond(piece: Piece, until: EntryId) -> bool:
    """Whether a piece without events has nothing to say of what lies before `until`.

    A loss that may have begun before it is told whole.
    """
    gap = piece.gap
    if gap is None or gap.reason is GapReason.UNREADABLE:
        return piece.through.id >= until
    return not piece.replaced and gap.after is not None and EntryId.parse(gap.after) >= until


def _count_before(events: Sequence[DecodedEntry], until: EntryId) -> int:
    if events[-1].id < until:
        return len(events)
    return next(n for n, one in enumerate(events) if one.id >= until)


def cut(piece: Piece, count: int) -> tuple[Piece, Piece]:
    """The first `count` events of a piece with what lies between them, and the rest of it."""
    chunk = piece.chunk
    if chunk is None or not 0 < count < chunk.count:
        raise ValueError("expected to leave some of the piece's events on both sides")
    later = chunk.behind[count - 1]  # entries behind the last event of the first part
    _, through = next(islice(chunk.places(piece.through), count - 1, None))
    unseen = later - (chunk.count - count)
    filtered = min(piece.filtered, unseen)
    counted = min(piece.counted, unseen - filtered)
    first = Piece(
        through, piece.filtered - filtered, _run(chunk, 0, count, behind=later),
        history=piece.history, counted=piece.counted - counted, admitted=piece.admitted,
    )  # fmt: skip
    rest = Piece(
        piece.through, filtered, _run(chunk, count, chunk.count, behind=0),
        history=piece.history, counted=counted, explained=piece.explained,
    )  # fmt: skip
    return first, rest


def _run(chunk: EventRun, first: int, last: int, *, behind: int) -> EventRun:
    events = chunk.events[first:last]
    run = make_chunk(events, range(len(events)))
    places = [place - behind for place in chunk.behind[first:last]]
    return EventRun(run.count, run.size, run.data, events, places)
