"""One step of a session along its stream, and what of it is new to a session that stands within.

Pure. Runs of events are shared by all rings with an equal selection; a ring owns only their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from extdebug.hub.redacting_decoder import DecodedEntry
from extdebug.streams.continuity import missing
from extdebug.wire.events import Gap, GapReason
from extdebug.wire.positions import ZERO_ID, Cursor, EntryId

NOWHERE: Final = Cursor(ZERO_ID)  # the place of a piece that moves nothing
REPLACED: Final = (GapReason.RESET, GapReason.FAILOVER)


class EventRun(msgspec.Struct, frozen=True):
    """Selected events of one batch, encoded once for every session with an equal selection."""

    count: int
    size: int  # bytes of UTF-8
    data: bytes  # events as JSON, joined by commas
    events: Sequence[DecodedEntry]
    behind: Sequence[int]  # for each event, how many entries of the batch come after it

    @property
    def first(self) -> EntryId:
        return self.events[0].id

    def only(self, kept: Sequence[int]) -> EventRun:
        """Those of the events."""
        events = [self.events[i] for i in kept]
        data = b",".join([decoded.json for decoded in events])
        return EventRun(len(events), len(data), data, events, [self.behind[i] for i in kept])

    def places(self, through: Cursor) -> Iterator[tuple[DecodedEntry, Cursor]]:
        """Each event with its own cursor, for transports that show one at a time."""
        for decoded, later in zip(self.events, self.behind, strict=True):
            if decoded.id == ZERO_ID:  # straight from a runner: no place in the stream
                yield decoded, through
                continue
            index = None if through.index is None else through.index - later
            place = Cursor(
                decoded.id, index, through.epoch,
                ahead=through.ahead, until=through.until, untold=through.untold,
            )  # fmt: skip
            yield decoded, place


class Piece(msgspec.Struct):
    """One step of a session along its stream: at most one of `chunk` and `gap`.

    `through` is the place behind it. Between the place before it and `through` lie `entries`, all
    accounted for by this piece: shown, filtered, dropped or unreadable. What the two places differ
    by more is a loss, which the session states (`continuity.missing`), except for `explained`
    entries that were told as their producer's. `since` bounds the place of such a loss from below.
    """

    through: Cursor
    filtered: int = 0
    chunk: EventRun | None = None
    gap: Gap | None = None
    history: bool = False  # read for this session alone, at its pace: no rate limit applies
    counted: int = 0  # entries that are neither shown nor filtered: unreadable, markers, dropped
    explained: int = 0
    since: EntryId | None = None
    ends: Cursor | None = None  # where the account of the life that ends here stood
    kept: EntryId | None = None  # the newest entry, where the same stream goes on in the next run
    own: bool = False  # the gap is of the entry at `through` itself, which has no line
    admitted: bool = False  # the session's rate let it through, and what it refused is told first

    @property
    def entries(self) -> int:
        return self.filtered + self.counted + (self.chunk.count if self.chunk else 0)

    @property
    def replaced(self) -> bool:
        """Whether the stream's life ends here and `through` stands in another."""
        return self.moves and self.gap is not None and self.gap.reason in REPLACED

    @property
    def told_once(self) -> bool:
        """Whether no history tells it again: the end of a life, which may come back since, or a
        loss of which some was told as its producer's."""
        return self.replaced or self.explained > 0

    @property
    def moves(self) -> bool:
        """Whether the session stands elsewhere behind it: lines of runners move nothing."""
        return self.through != NOWHERE


def fresh_part(at: Cursor, piece: Piece) -> Piece | None:
    """The part of a piece that lies behind `at`; None: all of it was told there."""
    chunk, through = piece.chunk, piece.through
    if chunk is None:
        # A gap is of what comes next, or of the entry itself that has no line: that one was told.
        here = through.id == at.id
        told = here and (piece.own or (at.stated and through.stated))
        new = piece.gap is not None and not told
        if here and at.index is None and through.index is not None:
            return piece if new else Piece(through)  # the count of our place becomes known
        passed_by = through.id < at.id or (here and not new)
        return None if passed_by and not _more(at, piece) else piece
    if chunk.first > at.id:
        return piece
    if through.id <= at.id:
        return None
    kept = [i for i, decoded in enumerate(chunk.events) if decoded.id > at.id]
    run = chunk.only(kept) if kept else None
    entries = 0
    if at.index is not None and through.index is not None:
        entries = max(0, through.index - at.index - len(kept))
    return Piece(through, entries, run, history=piece.history)


def _more(at: Cursor, piece: Piece) -> bool:
    """Whether a piece at or before our place still accounts for entries we do not know of."""
    lost = missing(at, piece.through, piece.entries)
    return lost is not None and lost > piece.explained
