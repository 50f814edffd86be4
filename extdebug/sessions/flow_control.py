"""One session's outgoing order: numbers, credit, rate limits, and its place in the stream.

Pieces in, messages out, `now` passed in. `position` is the place behind everything that was told:
it moves with events and gaps only, so that whoever comes back with it was told all before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from extdebug.hub.pieces import EventRun, Piece
from extdebug.hub.redacting_decoder import DecodedEntry
from extdebug.hub.runner_buffer import from_runner
from extdebug.protocol import server_frames
from extdebug.sessions.ledger import Ledger
from extdebug.sessions.place import passed
from extdebug.sessions.purged import Purged, named
from extdebug.sessions.rate_limit import TokenBucket
from extdebug.sessions.reach import Reach
from extdebug.wire.events import Gap, GapReason
from extdebug.wire.positions import Cursor

WINDOW_BYTES: Final = 256 * 1024  # sent and not acknowledged, at the most
FRAME_OVERHEAD: Final = 128  # bytes of a frame around its events
LIMITED_EVERY: Final = 1.0  # seconds at most between two notices of the same rate limit
ACKS_WITHIN: Final = 2.0  # seconds: who acknowledges more slowly does not hold up the stream


class Events(msgspec.Struct, frozen=True):
    """Events to show, in order; `through` is the session's place after them."""

    seq: int
    rev: int
    through: Cursor
    chunks: tuple[EventRun, ...]
    base: tuple[Cursor, ...]  # for each chunk, the place its positions count back from

    @property
    def count(self) -> int:
        return sum(chunk.count for chunk in self.chunks)

    def parts(self) -> list[bytes]:
        """The `events` frame; equal chunks were encoded once for all sessions."""
        chunks = self.chunks
        runs = (chunks[0].data,) if len(chunks) == 1 else [chunk.data for chunk in chunks]
        return server_frames.events_frame(runs, seq=self.seq, rev=self.rev, cursor=self.through)

    def text(self) -> str:
        """The same as one text."""
        return b"".join(self.parts()).decode()

    def places(self) -> Iterator[tuple[DecodedEntry, Cursor]]:
        for chunk, base in zip(self.chunks, self.base, strict=True):
            yield from chunk.places(base)


class GapNotice(msgspec.Struct, frozen=True):
    """A stated loss to show, numbered like events."""

    seq: int
    gap: Gap
    through: Cursor

    def parts(self) -> list[bytes]:
        """The `gap` frame."""
        return [server_frames.gap_frame(self.gap, seq=self.seq, cursor=self.through)]

    def text(self) -> str:
        """The same as one text."""
        return self.parts()[0].decode()


@dataclass(slots=True)
class _Refused:
    """Events over the session's rate that were not told yet: the position waits before them.

    `unplaced` of the missed came straight from runners: nobody can read those again.
    """

    missed: int
    filtered: int
    since: float
    unplaced: int = 0


class FlowControl:
    """What one session may be sent now, and what it has been told so far."""

    def __init__(
        self, *, position: Cursor, rev: int, events_per_second: int, bytes_per_second: int,
        window: int = WINDOW_BYTES, seq: int = 0, ledger: Ledger | None = None,
    ) -> None:  # fmt: skip
        self.position = position
        self.at = (
            position  # the place behind what was accounted for; ahead of it by what was refused
        )
        self.rev = rev
        self.seq = seq
        self.window = window
        self.ledger = ledger or Ledger()
        self.reach = Reach()  # of everything sent here, pages of the past too
        self.purged: Sequence[Purged] = ()  # what operators removed of this stream
        self.acked = seq
        self.acked_position = position
        self.unacked = self._sent_bytes = 0
        self.told_bytes = self.told_gaps = 0
        # A list and not a deque: an empty deque weighs 600 bytes, and sessions are mostly idle.
        # Its number, the bytes sent with it and before it, the place behind it, and when.
        self._sent: list[tuple[int, int, Cursor, float]] = []
        self._events = TokenBucket(events_per_second)
        self._bytes = TokenBucket(bytes_per_second)
        self._refused: _Refused | None = None

    def limit(self, *, events_per_second: int, bytes_per_second: int) -> None:
        """A decision with other limits."""
        if self._events.rate != events_per_second:
            self._events = TokenBucket(events_per_second)
        if self._bytes.rate != bytes_per_second:
            self._bytes = TokenBucket(bytes_per_second)

    def stand_at(self, place: Cursor) -> None:
        """Go on from `place`; what was refused and not told is read again, where it can be."""
        self.position = self.at = place
        refused, self._refused = self._refused, None
        if refused is not None and refused.unplaced:
            self._refused = _Refused(refused.unplaced, 0, refused.since, refused.unplaced)
        self.reach.pause()

    # --- credit -------------------------------------------------------------------------------

    @property
    def open(self) -> bool:
        """Whether anything may be sent before the next acknowledgement."""
        return self.unacked < self.window

    @property
    def plain(self) -> bool:
        """Whether the window is open, and nothing was refused that is not told yet."""
        return self._refused is None and self.unacked < self.window

    def keeps_up(self, now: float) -> bool:
        """Whether the client acknowledges what it is sent within ACKS_WITHIN."""
        return now < self.acknowledges_by(now)

    def acknowledges_by(self, now: float) -> float:
        """By when something has to be acknowledged for that."""
        return (self._sent[0][3] if self._sent else now) + ACKS_WITHIN

    def fits(self, size: int) -> bool:
        """Within the window; a single frame larger than the window passes when nothing is out."""
        return self.unacked == 0 or self.unacked + size + FRAME_OVERHEAD <= self.window

    def ack(self, seq: int) -> bool:
        """Everything up to `seq` arrived. False when that was never sent."""
        if seq > self.seq:
            return False
        sent = self._sent
        if sent and (arrived := seq - sent[0][0] + 1) > 0:  # numbered without a hole
            self.acked, upto, self.acked_position, _ = sent[arrived - 1]
            self.unacked = self._sent_bytes - upto
            del sent[:arrived]
        return True

    def number(self, size: int, now: float) -> int:
        """The next seq, for `size` bytes of payload that count against the window."""
        self.seq = seq = self.seq + 1
        size += FRAME_OVERHEAD
        self._sent_bytes = upto = self._sent_bytes + size
        self._sent.append((seq, upto, self.position, now))
        self.unacked += size
        return seq

    # --- rates --------------------------------------------------------------------------------

    def admits(self, chunk: EventRun, now: float) -> bool:
        """Whether the session's rates let this chunk through now."""
        return self._events.take(chunk.count, now) and self._bytes.take(chunk.size, now)

    @property
    def refused_since(self) -> float | None:
        """When the first event was refused that is not told yet."""
        return None if self._refused is None else self._refused.since

    def refuse(self, piece: Piece, now: float) -> None:
        """Over the rate: the events become part of a `rate_limited` gap."""
        chunk = piece.chunk
        if chunk is None:
            raise ValueError("only a chunk can be over the rate")
        if self._refused is None:
            self._refused = _Refused(0, 0, now)
        self._refused.missed += chunk.count
        self._refused.unplaced += chunk.count if from_runner(piece) else 0
        self._pass_refused(piece)

    def _pass_refused(self, piece: Piece) -> None:
        """Go on behind what was refused; what was filtered counts when that is told."""
        if self._refused is None or from_runner(piece):
            self.ledger.filtered += piece.filtered
        else:
            self._refused.filtered += piece.filtered
        self.at = passed(self.at, piece)

    def limited(self, now: float, *, before: str | None) -> GapNotice | None:
        """The gap of what was refused, when something follows or it has waited long enough."""
        refused = self._refused
        if refused is None or (before is None and now - refused.since < LIMITED_EVERY):
            return None
        self._refused = None
        self.ledger.filtered += refused.filtered
        after, self.position = self.position, self.at
        reason = GapReason.RATE_LIMITED
        gap = Gap(reason, refused.missed, str(after.id), before)
        return self._told(gap, now)

    # --- what is told -------------------------------------------------------------------------

    def lose(self, gap: Gap, at: Cursor, now: float) -> GapNotice:
        """A loss between our place and the next piece."""
        self.position = self.at = at
        return self._told(gap, now)

    def tell(self, piece: Piece, now: float) -> GapNotice | None:
        """A piece without events: the account moves, and a gap is told."""
        gap = piece.gap
        if gap is None and self._refused is not None:
            self._pass_refused(piece)
            return None
        stood = self.at
        self.ledger.filtered += piece.filtered
        self.position = self.at = passed(self.at, piece)
        if gap is None:
            return None
        if gap.after is None and gap.reason is GapReason.NOT_CONSUMED:
            gap = msgspec.structs.replace(gap, after=str(stood.id))
        return self._told(gap, now)

    def _told(self, gap: Gap, now: float) -> GapNotice:
        gap = named(gap, self.purged)
        self.reach.pause()
        self.ledger.lose(gap)
        self.told_gaps += 1
        return GapNotice(self.number(FRAME_OVERHEAD, now), gap, self.position)

    def accept(self, piece: Piece) -> Cursor:
        """Account for a piece of the frame that is being made; the place behind it."""
        self.ledger.filtered += piece.filtered
        self.ledger.shown += piece.chunk.count if piece.chunk else 0
        self.position = self.at = passed(self.at, piece)
        return self.at

    def show_one(self, piece: Piece, chunk: EventRun, now: float) -> Events:
        """A frame of one piece that `follows`: what `accept` and `show` make of it."""
        ledger, through = self.ledger, piece.through
        ledger.filtered += piece.filtered
        ledger.shown += chunk.count
        self.position = self.at = through
        self.reach.told(chunk.events[0], chunk.events[-1])
        self.told_bytes += chunk.size
        return Events(self.number(chunk.size, now), self.rev, through, (chunk,), (through,))

    def show(self, chunks: Sequence[EventRun], base: Sequence[Cursor], now: float) -> Events:
        """One frame of accepted chunks, in order."""
        self.reach.told(chunks[0].events[0], chunks[-1].events[-1])
        size = 0
        for chunk in chunks:
            size += chunk.size
        self.told_bytes += size
        seq = self.number(size, now)
        return Events(seq, self.rev, self.position, tuple(chunks), tuple(base))
