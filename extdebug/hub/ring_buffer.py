"""The bounded memory between the hub and one session: the oldest goes first, and is counted.

Pure and synchronous, so that the hub fills a thousand rings without an await between them.
Chunks are shared by all rings with an equal selection; a ring owns only their order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from extdebug.hub.redacting_decoder import DecodedEntry
from extdebug.wire.events import Gap, GapReason
from extdebug.wire.positions import ZERO_ID, Cursor, EntryId

RING_BYTES: Final = 512 * 1024  # of encoded events held for one session
# Each held piece costs Python objects beside its bytes; tiny chunks must not escape the bound.
MOST_PIECES: Final = 4096


@dataclass(frozen=True, slots=True)
class EventRun:
    """Selected events of one batch, encoded once for every session with an equal selection."""

    count: int
    size: int  # bytes of UTF-8
    text: str  # events as JSON, joined by commas
    events: Sequence[DecodedEntry]
    behind: Sequence[int]  # for each event, how many entries of the batch come after it

    @property
    def first(self) -> EntryId:
        return self.events[0].id

    def places(self, through: Cursor) -> Iterator[tuple[DecodedEntry, Cursor]]:
        """Each event with its own cursor, for transports that show one at a time."""
        for prepared, behind in zip(self.events, self.behind, strict=True):
            if prepared.id == ZERO_ID:  # straight from a runner: no place in the stream
                yield prepared, through
                continue
            index = None if through.index is None else through.index - behind
            yield prepared, Cursor(prepared.id, index)


@dataclass(slots=True)
class Piece:
    """One step of a session along its stream: at most one of `chunk` and `gap`.

    `through` is everything accounted for after it; `filtered` entries lie before it, unshown.
    """

    through: Cursor
    filtered: int = 0
    chunk: EventRun | None = None
    gap: Gap | None = None
    history: bool = False  # read for this session alone, at its pace: no rate limit applies


class RingBuffer:
    """Pieces in stream order. `parked` while history is read from Redis: what is dropped then is
    no loss, because the history goes on up to `floor`."""

    def __init__(self, *, limit: int = RING_BYTES) -> None:
        self._limit = limit
        self._pieces: deque[Piece] = deque()
        self._stated: dict[tuple[GapReason, str | None], Gap] = {}
        self._late: Piece | None = None  # filtered entries behind the last piece
        self.bytes = 0
        self.parked = True
        self.floor: Cursor | None = None
        self._missed = 0
        self._missed_filtered = 0
        self._missed_through: Cursor | None = None

    def __bool__(self) -> bool:
        return bool(self._pieces or self._late or self._missed or self._stated)

    @property
    def count(self) -> int:
        """Events held."""
        return sum(piece.chunk.count for piece in self._pieces if piece.chunk)

    def push(self, chunk: EventRun, *, filtered: int, through: Cursor) -> None:
        self._append(Piece(through, filtered, chunk))
        self.bytes += chunk.size
        while (self.bytes > self._limit or len(self._pieces) > MOST_PIECES) and len(
            self._pieces
        ) > 1:
            self._drop()

    def push_gap(self, gap: Gap, *, through: Cursor) -> None:
        self._append(Piece(through, gap=gap))
        if gap.reason in (GapReason.RESET, GapReason.FAILOVER):
            self.parked = False  # history ends where the stream was replaced: all counts from here
        while len(self._pieces) > MOST_PIECES:
            self._drop()

    def skip(self, filtered: int, *, through: Cursor) -> None:
        """Entries that this session does not want: only the account moves."""
        if self._late is None:
            self._late = Piece(through, filtered)
        else:
            self._late.filtered += filtered
            self._late.through = through

    def _append(self, piece: Piece) -> None:
        if self._late is not None:
            piece.filtered += self._late.filtered
            self._late = None
        self._pieces.append(piece)

    def _drop(self) -> None:
        piece = self._pieces.popleft()
        if piece.chunk is not None:
            self.bytes -= piece.chunk.size
        if self.parked:
            self.floor = piece.through
            return
        self._missed_filtered += piece.filtered
        self._missed_through = piece.through
        if piece.chunk is not None:
            self._missed += piece.chunk.count
        if piece.gap is not None:
            self._state(piece.gap)

    def _state(self, gap: Gap) -> None:
        """A stated gap that fell out of the ring is still told, joined with its like."""
        key = (gap.reason, gap.detail)
        known = self._stated.get(key)
        if known is not None:
            missed = (
                None if known.missed is None or gap.missed is None else known.missed + gap.missed
            )
            gap = Gap(
                reason=gap.reason, missed=missed, after=known.after, before=gap.before,
                since=known.since or gap.since, detail=gap.detail,
            )  # fmt: skip
        elif len(self._stated) >= 16 and gap.detail is not None:
            self._state(Gap(gap.reason, gap.missed, gap.after, gap.before, gap.since, None))
            return
        self._stated[key] = gap

    def take(self, position: Cursor) -> Piece | None:
        """The next piece for a session at `position`; losses come before what follows."""
        if self._stated:
            key = next(iter(self._stated))
            return Piece(position, gap=self._stated.pop(key))
        if self._missed_through is not None:
            piece = Piece(self._missed_through, self._missed_filtered)
            if self._missed:
                following = self._pieces[0].chunk if self._pieces else None
                piece.gap = Gap(
                    reason=GapReason.NOT_CONSUMED,
                    missed=self._missed,
                    after=str(position.id),
                    before=str(following.first) if following else None,
                )
            self._missed = self._missed_filtered = 0
            self._missed_through = None
            return piece
        if self._pieces:
            piece = self._pieces.popleft()
            if piece.chunk is not None:
                self.bytes -= piece.chunk.size
            return piece
        late, self._late = self._late, None
        return late

    def peek(self) -> Piece | None:
        """The next plain piece, if nothing was lost before it."""
        if self._stated or self._missed_through is not None or not self._pieces:
            return None
        return self._pieces[0]

    def release(self) -> None:
        """History reached the floor: deliver from here on, and count every loss from now on."""
        self.parked = False
