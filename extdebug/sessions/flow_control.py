"""One session's outgoing order: numbers, credit, rate limits and the account of what was shown.

Pure: pieces in, messages out, `now` passed in. Whatever leaves here was counted here, so that
entries = shown + filtered + lost holds for every session, on every transport.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from extdebug.hub.redacting_decoder import DecodedEntry
from extdebug.hub.ring_buffer import EventRun, Piece
from extdebug.hub.selection import FRAME_BYTES, FRAME_EVENTS
from extdebug.protocol import server_frames
from extdebug.sessions.catch_up import CatchUp
from extdebug.wire.events import Gap, GapReason
from extdebug.wire.positions import Cursor

WINDOW_BYTES: Final = 256 * 1024  # sent and not acknowledged, at the most
FRAME_OVERHEAD: Final = 128  # bytes of a frame around its events
LIMITED_EVERY: Final = 1.0  # seconds at most between two notices of the same rate limit


@dataclass(frozen=True, slots=True)
class Events:
    """Events to show, in order; `through` is the session's place after them."""

    seq: int
    rev: int
    through: Cursor
    chunks: tuple[EventRun, ...]
    base: tuple[Cursor, ...]  # for each chunk, the place its positions count back from

    @property
    def count(self) -> int:
        return sum(chunk.count for chunk in self.chunks)

    def text(self) -> str:
        """The `events` frame; equal chunks were encoded once for all sessions."""
        return server_frames.events_frame(
            [chunk.text for chunk in self.chunks], seq=self.seq, rev=self.rev, cursor=self.through
        )

    def places(self) -> Iterator[tuple[DecodedEntry, Cursor]]:
        for chunk, base in zip(self.chunks, self.base, strict=True):
            yield from chunk.places(base)


@dataclass(frozen=True, slots=True)
class GapNotice:
    """A stated loss to show, numbered like events."""

    seq: int
    gap: Gap
    through: Cursor

    def text(self) -> str:
        return server_frames.gap_frame(self.gap, seq=self.seq, cursor=self.through).decode()


@dataclass(slots=True)
class Ledger:
    """entries = shown + filtered + lost; a loss of unknown size is counted as unknown."""

    shown: int = 0
    filtered: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)

    def lose(self, gap: Gap) -> None:
        reason = gap.reason.value
        self.lost[reason] = self.lost.get(reason, 0) + (gap.missed or 0)
        if gap.missed is None:
            self.unknown.add(reason)

    @property
    def entries(self) -> int:
        return self.shown + self.filtered + sum(self.lost.values())

    def frame(self) -> server_frames.LedgerFigures:
        """As frames carry it: a reason with an uncountable loss reads null."""
        return server_frames.LedgerFigures(
            entries=self.entries,
            shown=self.shown,
            filtered=self.filtered,
            lost={
                reason: None if reason in self.unknown else count
                for reason, count in sorted(self.lost.items())
            },
        )

    def add(self, other: Ledger) -> None:
        self.shown += other.shown
        self.filtered += other.filtered
        for reason, count in other.lost.items():
            self.lost[reason] = self.lost.get(reason, 0) + count
        self.unknown |= other.unknown


class TokenBucket:
    """A token bucket that holds one second of its rate. `rate` 0 or less: no limit."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._level = rate
        self._at = 0.0

    def take(self, amount: int, now: float) -> bool:
        """Whether `amount` fits now; an amount above the whole bucket passes when it is full."""
        if self.rate <= 0:
            return True
        self._level = min(self.rate, self._level + (now - self._at) * self.rate)
        self._at = now
        if self._level < min(amount, self.rate):
            return False
        self._level -= amount
        return True


class FlowControl:
    """What one session may be sent now, and what it has been told so far."""

    def __init__(
        self, *, position: Cursor, rev: int, events_per_second: int, bytes_per_second: int,
        window: int = WINDOW_BYTES, seq: int = 0,
    ) -> None:  # fmt: skip
        self.position = position
        self.rev = rev
        self.seq = seq
        self.window = window
        self.ledger = Ledger()
        self.acked = seq
        self.acked_position = position
        self.unacked = 0
        # A list and not a deque: an empty deque weighs 600 bytes, and sessions are mostly idle.
        self._sent: list[tuple[int, int, Cursor]] = []
        self._events = TokenBucket(events_per_second)
        self._bytes = TokenBucket(bytes_per_second)
        self._limited: Gap | None = None
        self._limited_at = 0.0

    def limit(self, *, events_per_second: int, bytes_per_second: int) -> None:
        """A decision with other limits."""
        if self._events.rate != events_per_second:
            self._events = TokenBucket(events_per_second)
        if self._bytes.rate != bytes_per_second:
            self._bytes = TokenBucket(bytes_per_second)

    @property
    def open(self) -> bool:
        """Whether anything may be sent before the next acknowledgement."""
        return self.unacked < self.window

    def fits(self, size: int) -> bool:
        """Within the window; a single frame larger than the window passes when nothing is out."""
        return self.unacked == 0 or self.unacked + size + FRAME_OVERHEAD <= self.window

    def ack(self, seq: int) -> bool:
        """Everything up to `seq` arrived. False when that was never sent."""
        if seq > self.seq:
            return False
        arrived = 0
        for number, size, position in self._sent:
            if number > seq:
                break
            self.acked, self.acked_position = number, position
            self.unacked -= size
            arrived += 1
        del self._sent[:arrived]
        return True

    def number(self, size: int) -> int:
        """The next seq, for `size` bytes of payload that count against the window."""
        self.seq += 1
        self._sent.append((self.seq, size + FRAME_OVERHEAD, self.position))
        self.unacked += size + FRAME_OVERHEAD
        return self.seq

    def admits(self, chunk: EventRun, now: float) -> bool:
        """Whether the session's rates let this chunk through now."""
        return self._events.take(chunk.count, now) and self._bytes.take(chunk.size, now)

    def refuse(self, piece: Piece, now: float) -> None:
        """Over the rate: the events become part of a `rate_limited` gap."""
        chunk = piece.chunk
        if chunk is None:
            raise ValueError("only a chunk can be over the rate")
        known = self._limited
        if known is None:
            self._limited_at = now
        self._limited = Gap(
            GapReason.RATE_LIMITED,
            chunk.count + (known.missed or 0 if known else 0),
            known.after if known else str(self.position.id),
            None,
        )
        self.ledger.filtered += piece.filtered
        self.position = piece.through

    def limited(self, now: float, *, before: str | None) -> GapNotice | None:
        """The gap of what was refused, when events follow or it has waited long enough."""
        gap = self._limited
        if gap is None or (before is None and now - self._limited_at < LIMITED_EVERY):
            return None
        self._limited = None
        return self._lost(Gap(gap.reason, gap.missed, gap.after, before, None, gap.detail))

    @property
    def limited_since(self) -> float | None:
        return None if self._limited is None else self._limited_at

    def tell(self, piece: Piece) -> GapNotice | None:
        """A piece without events: the account moves, and a gap is told."""
        self.ledger.filtered += piece.filtered
        self.position = piece.through
        return None if piece.gap is None else self._lost(piece.gap)

    def _lost(self, gap: Gap) -> GapNotice:
        self.ledger.lose(gap)
        return GapNotice(self.number(FRAME_OVERHEAD), gap, self.position)

    def show(self, pieces: list[Piece]) -> Events:
        """One frame of the chunks of `pieces`, in order."""
        chunks = tuple(piece.chunk for piece in pieces if piece.chunk is not None)
        self.ledger.filtered += sum(piece.filtered for piece in pieces)
        self.ledger.shown += sum(chunk.count for chunk in chunks)
        self.position = pieces[-1].through
        seq = self.number(sum(chunk.size for chunk in chunks))
        base = tuple(piece.through for piece in pieces if piece.chunk is not None)
        return Events(seq, self.rev, self.position, chunks, base)


def deliver(flow: FlowControl, catch_up: CatchUp, now: float) -> Events | GapNotice | None:
    """The next events or stated loss; None when nothing waits or the window is full."""
    while flow.open and (piece := catch_up.take(flow.position)) is not None:
        if piece.chunk is None:
            lost = flow.tell(piece)
            if lost is not None:
                return lost
            continue
        if not flow.fits(piece.chunk.size):
            catch_up.put_back(piece)
            return None
        if not piece.history and not flow.admits(piece.chunk, now):
            flow.refuse(piece, now)
            continue
        limited = flow.limited(now, before=str(piece.chunk.first))
        if limited is not None:
            catch_up.put_back(piece)
            return limited
        return flow.show([piece, *_more(piece, flow, catch_up, now)])
    return None


def _more(first: Piece, flow: FlowControl, catch_up: CatchUp, now: float) -> list[Piece]:
    """Chunks that fit into the same frame: what gathered while the last send ran."""
    chunk = first.chunk
    if chunk is None or chunk.count >= FRAME_EVENTS:
        return []
    count, size = chunk.count, chunk.size
    pieces: list[Piece] = []
    while (piece := catch_up.take(flow.position)) is not None:
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
            catch_up.put_back(piece)
            break
        count, size = count + chunk.count, size + chunk.size
        pieces.append(piece)
    return pieces
