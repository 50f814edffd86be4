"""One session's place at a watched stream: a ring that the stream fills, and how to wake it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from extdebug.hub.pieces import Piece
from extdebug.hub.redacting_decoder import DecodedEntry, RedactingDecoder
from extdebug.hub.ring_buffer import RingBuffer
from extdebug.hub.runner_buffer import RunnerBuffer
from extdebug.hub.selection import Selection, make_chunk
from extdebug.streams.continuity import Continuity
from extdebug.streams.replies import Snapshot
from extdebug.streams.sequence_gaps import SequenceGaps
from extdebug.wire.events import Gap
from extdebug.wire.keys import Target
from extdebug.wire.positions import Cursor, EntryId

MOST_SEAMS: Final = 15  # remembered beside the newest, should they not be told yet


class Watched(Protocol):
    """What a subscription needs of the stream it subscribed to."""

    target: Target
    key: bytes
    decoder: RedactingDecoder
    streamless: bool
    sequence_gaps: SequenceGaps
    account: Continuity | None
    snapshot: Snapshot | None
    rollbacks: dict[str, EntryId]

    @property
    def attached(self) -> bool: ...

    @property
    def cursor(self) -> Cursor: ...

    def join(self, subscription: Subscription) -> None: ...

    def leave(self, subscription: Subscription) -> None: ...


class Subscription:
    """Made by `Hub.subscribe`. `wake` tells of anything, `lines_came` of lines in the ring alone.

    The session sets `keeps_up`: whether to wait for it, since it acknowledges in time; and
    `step_aside`, which asks it to be waited for no more, because others are told nothing meanwhile.
    """

    __slots__ = (
        "_seams", "boundary", "closed", "keeps_up", "limit", "lines_came", "ring", "runner_buffer",
        "selection", "step_aside", "wake", "watched",
    )  # fmt: skip

    def __init__(
        self, watched: Watched, selection: Selection, wake: Callable[[], None], *, limit: int
    ) -> None:
        self.watched = watched
        self.selection = selection
        self.limit = limit
        self.wake = self.lines_came = wake
        self.closed = False
        self.keeps_up: Callable[[], bool] = _never
        self.step_aside: Callable[[], None] = _stay
        self.runner_buffer: RunnerBuffer | None = None
        self._seams: list[Gap] = []
        self.ring = RingBuffer(limit=limit)
        self.restart(selection)

    def push_seam(self, seam: Gap) -> None:
        """Redis is back: no history says so again."""
        self._seams = [*self._seams[-MOST_SEAMS:], seam]
        self.ring.push_seam(seam)

    def restart(self, selection: Selection, *, taken: Iterable[Piece] = ()) -> None:
        """A fresh ring from the stream's present place on; history before it is the session's.

        `taken` was taken out of the ring, and not told."""
        self.watched.leave(self)
        gaps = [piece.gap for piece in taken]
        self._seams = [
            seam for seam in self._seams
            if self.ring.holds(seam) or any(gap is seam for gap in gaps)
        ]  # fmt: skip
        self.selection = selection
        if self.runner_buffer is not None:
            self.runner_buffer.choose(selection)
        self.ring = RingBuffer(limit=self.limit)
        for seam in self._seams:
            self.ring.push_seam(seam)
        self.boundary: Cursor | None = None
        if self.watched.attached:  # where lines wait, a loss behind them may be told and counted
            self.boundary = self.watched.sequence_gaps.told(self.watched.cursor)
        self.watched.join(self)

    @property
    def crowded(self) -> bool:
        """Whether reading on now would cost this session events though it keeps up."""
        return not self.ring.parked and self.ring.crowded and self.keeps_up()

    @property
    def starved(self) -> bool:
        """Whether it was told all that was read, and would take more."""
        return not (self.ring.parked or self.ring) and self.keeps_up()

    def push_unseen(
        self, part: Sequence[DecodedEntry], chosen: Sequence[int], through: Cursor
    ) -> None:
        """Entries that the session may have had from a runner: those were counted then."""
        buffer = self.runner_buffer
        unseen = [
            i for i, decoded in enumerate(part) if buffer is None or not buffer.again(decoded)
        ]
        wanted = sorted(set(unseen).intersection(chosen))
        # What a runner showed is part of the stream's count all the same.
        filtered = len(unseen) - len(wanted)
        shown = len(part) - len(unseen)
        if wanted:
            chunk = make_chunk(part, wanted)
            self.ring.push(chunk, filtered=filtered, through=through, counted=shown)
        else:
            self.ring.skip(filtered, through=through, counted=shown)


def _never() -> bool:
    return False


def _stay() -> None:
    pass
