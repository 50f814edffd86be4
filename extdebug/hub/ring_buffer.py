"""The bounded memory between the hub and one session: the oldest goes first, and is counted.

Pure and synchronous, so that the hub fills a thousand rings without an await between them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from extdebug.hub.pieces import NOWHERE, EventRun, Piece, fresh_part
from extdebug.streams.continuity import Loss
from extdebug.wire.events import Gap, GapReason
from extdebug.wire.positions import Cursor, EntryId, behind

RING_BYTES: Final = 512 * 1024  # of encoded events held for one session
# Each held piece costs Python objects beside its bytes; tiny runs must not escape the bound.
MOST_PIECES: Final = 4096
MOST_STATED: Final = 16  # kinds of dropped gaps that are told apart


@dataclass(slots=True)
class _Dropped:
    """What was dropped of one life of the stream, to be told as one gap."""

    through: Cursor
    matching: int = 0
    filtered: int = 0
    counted: int = 0
    explained: int = 0
    since: EntryId | None = None  # a loss of the stream that was dropped lies behind this
    stated: dict[tuple[GapReason, str | None], Gap] = field(default_factory=dict)


class RingBuffer:
    """Pieces in stream order. `parked` while history is read from Redis: what is dropped then is
    no loss, because the history goes on up to `floor`."""

    def __init__(self, *, limit: int = RING_BYTES) -> None:
        self._limit = limit
        # Lists: a deque is 0.8 KB even when it is empty, and most rings are.
        self._pieces: list[Piece] = []
        self._dropped: list[_Dropped | Piece] = []
        self._late: Piece | None = None  # filtered entries behind the last piece
        self.bytes = 0
        self.parked = True
        self.floor: Cursor | None = None
        # The session's place where it was shown more than the ring begins with, by another process
        # that had read more: what is dropped up to there is no loss.
        self.told: Cursor | None = None

    def __bool__(self) -> bool:
        return bool(self._pieces or self._late or self._dropped)

    @property
    def count(self) -> int:
        """Events held."""
        return sum(piece.chunk.count for piece in self._pieces if piece.chunk)

    @property
    def crowded(self) -> bool:
        """Whether another reply or two would make it drop."""
        return self.bytes * 2 > self._limit or len(self._pieces) * 2 > MOST_PIECES

    @property
    def dropped_upto(self) -> Cursor | None:
        """The place behind what was dropped and is not told yet; None: nothing was."""
        return self._dropped[-1].through if self._dropped else None

    @property
    def told_once(self) -> bool:
        """Whether something waits that no history tells; see Piece."""
        dropped = any(isinstance(one, Piece) or one.explained for one in self._dropped)
        return dropped or any(piece.told_once for piece in self._pieces)

    def push(self, chunk: EventRun, *, filtered: int, through: Cursor, counted: int = 0) -> None:
        piece = Piece(through, filtered, chunk, counted=counted)
        if self._late is None:
            self._pieces.append(piece)
        else:
            self._append(piece)
        self.bytes += chunk.size
        while (self.bytes > self._limit or len(self._pieces) > MOST_PIECES) and len(
            self._pieces
        ) > 1:
            self._drop()

    def push_gap(self, gap: Gap, *, through: Cursor, counted: int = 0) -> None:
        """An unreadable entry or a marker, `counted`; or what a runner dropped before the next."""
        self._push_piece(Piece(through, gap=gap, counted=counted, own=counted > 0))

    def push_loss(self, gap: Gap, loss: Loss, *, through: Cursor, ends: Cursor) -> None:
        """A loss of the stream, told as `gap`; or the end of its life at `ends`."""
        self._push_piece(
            Piece(
                through, gap=gap, explained=loss.explained, since=loss.after, ends=ends,
                kept=loss.kept,
            )
        )  # fmt: skip

    def _push_piece(self, piece: Piece) -> None:
        self._append(piece)
        if piece.replaced:
            self.parked = False  # history ends where the stream was replaced: all counts from here
        while len(self._pieces) > MOST_PIECES:
            self._drop()

    def push_seam(self, gap: Gap) -> None:
        """A gap between two sources, which moves nothing."""
        self._append(Piece(NOWHERE, gap=gap))

    def holds(self, gap: Gap) -> bool:
        """Whether this very gap was pushed and not taken: it waits, or is to be told of what was
        dropped."""
        dropped = (one.stated.values() for one in self._dropped if isinstance(one, _Dropped))
        untold = chain((piece.gap for piece in self._pieces), *dropped)
        return any(one is gap for one in untold)

    def skip(self, filtered: int, *, through: Cursor, counted: int = 0) -> None:
        """Entries that this session does not want: only the account moves."""
        if self._late is None:
            self._late = Piece(through, filtered, counted=counted)
        else:
            self._late.filtered += filtered
            self._late.counted += counted
            self._late.through = through

    def _append(self, piece: Piece) -> None:
        if self._late is not None:
            late, self._late = self._late, None
            if piece.replaced or not piece.moves:  # those entries have a place of their own
                self._pieces.append(late)
            else:
                piece.filtered += late.filtered
                piece.counted += late.counted
        self._pieces.append(piece)

    def _pop(self, at: int) -> Piece:
        piece = self._pieces.pop(at)
        if piece.chunk is not None:
            self.bytes -= piece.chunk.size
        return piece

    def _drop_parked(self) -> None:
        """History reads up to what is dropped. A seam stays: no history tells it, and it has no
        place to read up to."""
        piece = self._pop(next((i for i, one in enumerate(self._pieces) if one.moves), 0))
        if piece.moves:
            self.floor = piece.through

    def _drop(self) -> None:
        if self.parked:
            self._drop_parked()
            return
        piece = self._pop(0)
        if piece.replaced:
            self._dropped.append(piece)
            while len(self._dropped) > MOST_STATED:
                self._dropped.pop(0)  # the change of life that follows is told all the same
            return
        if (rest := self._fresh(piece)) is None:
            return
        piece = rest
        last = self._dropped[-1] if self._dropped else None
        if not isinstance(last, _Dropped):
            last = _Dropped(piece.through)
            self._dropped.append(last)
        if piece.moves:
            last.through = piece.through
        last.filtered += piece.filtered
        last.counted += piece.counted
        last.explained += piece.explained
        if piece.since is not None:
            last.since = piece.since if last.since is None else min(last.since, piece.since)
        if piece.chunk is not None:
            last.matching += piece.chunk.count
        # A counted loss of the stream needs no memory: the places before and behind what was
        # dropped say it. What a runner dropped is in no count, an unreadable entry has its reason.
        gap = piece.gap
        if gap is not None and (gap.reason is not GapReason.RETENTION or gap.missed is None):
            _state(last.stated, gap)

    def _fresh(self, piece: Piece) -> Piece | None:
        told = self.told
        if told is None or not piece.moves or piece.through.epoch != told.epoch:
            return piece
        if piece.through.id > told.id:
            self.told = None
        return fresh_part(told, piece)

    def whole_frame(self, events: int) -> Piece | None:
        """The next piece, left where it is, if its lines make a frame by themselves: so many that
        nothing fits behind them, or nothing waits there. Nothing is to be told before it."""
        pieces = self._pieces
        if not pieces or self._dropped or (chunk := pieces[0].chunk) is None:
            return None
        last = len(pieces) == 1 and self._late is None
        return pieces[0] if last or chunk.count >= events else None

    def pop_frame(self) -> bool:
        """Take what `whole_frame` gave; whether anything is left."""
        self._pop(0)
        return bool(self._pieces) or self._late is not None

    def take(self) -> Piece | None:
        """The next piece; what was dropped comes before what follows it."""
        while self._dropped:
            dropped = self._dropped[0]
            if isinstance(dropped, Piece):
                self._dropped.pop(0)
                return dropped
            if dropped.stated:  # told without moving: the place moves with what was dropped
                key = next(iter(dropped.stated))
                return Piece(NOWHERE, gap=dropped.stated.pop(key))
            self._dropped.pop(0)
            piece = Piece(
                dropped.through, dropped.filtered, explained=dropped.explained,
                counted=dropped.matching + dropped.counted, since=dropped.since,
            )  # fmt: skip
            if dropped.matching:
                piece.gap = Gap(
                    reason=GapReason.NOT_CONSUMED,
                    missed=dropped.matching,
                    before=self._next() or str(behind(dropped.through.id)),
                )
            return piece
        if self._pieces:
            return self._pop(0)
        late, self._late = self._late, None
        return late

    def put_back(self, piece: Piece) -> None:
        """The next `take` gives it again."""
        if self._dropped:  # since it was taken
            self._dropped.insert(0, piece)
            return
        self._pieces.insert(0, piece)
        self.bytes += piece.chunk.size if piece.chunk else 0

    def _next(self) -> str | None:
        """The first event that follows what was dropped, where nothing else comes between."""
        if self._dropped or not self._pieces:
            return None
        following = self._pieces[0].chunk
        return str(following.first) if following else None

    def release(self) -> None:
        """History reached the floor: deliver from here on, and count every loss from now on."""
        self.parked = False


def _state(stated: dict[tuple[GapReason, str | None], Gap], gap: Gap) -> None:
    """A stated gap that fell out of the ring is still told, joined with its like."""
    key = (gap.reason, gap.detail)
    known = stated.get(key)
    if known is None and len(stated) >= MOST_STATED and gap.detail is not None:
        _state(stated, Gap(gap.reason, gap.missed, gap.after, gap.before, gap.since))
        return
    if known is not None:
        missed = gap.missed
        if missed is not None:
            missed = None if known.missed is None else known.missed + missed
        gap = Gap(
            reason=gap.reason, missed=missed, after=known.after, before=gap.before,
            since=known.since or gap.since, detail=gap.detail,
        )  # fmt: skip
    stated[key] = gap
