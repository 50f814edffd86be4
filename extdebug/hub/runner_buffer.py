"""What one session saw straight from runners, and must not see again from Redis.

Pure. Such lines have no place in the stream, so they wait in a ring of their own that moves no
cursor; `src` and `n` say that an entry is one of them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from extdebug.hub.pieces import NOWHERE, EventRun, Piece
from extdebug.hub.redacting_decoder import DecodedEntry, RedactingDecoder
from extdebug.hub.ring_buffer import RingBuffer
from extdebug.hub.selection import Selection, make_chunk
from extdebug.wire.events import Gap, GapReason
from extdebug.wire.positions import ZERO_ID, Cursor, EntryId

# Numbers remembered: what the runners' queues may still hold when Redis is back (10,000 events
# a stream by default), several times over.
REMEMBERED: Final = 50_000

# Second part of a place that is a moment at a runner: no server gives it out, and the place before
# the first entry of a millisecond ends in another (2**64 - 1).
OFF_STREAM: Final = 2**64 - 2

Number = tuple[str, int]


def off_stream(place: Cursor) -> bool:
    """Whether this is a moment at a runner and no entry of a stream."""
    return place.id.seq == OFF_STREAM


def from_runner(piece: Piece) -> bool:
    """Whether it came straight from a runner: it has no place in the stream, and nobody can read
    it again."""
    return not piece.moves or off_stream(piece.through)


def of_buffer(piece: Piece) -> bool:
    """Whether a RunnerBuffer gave these lines, or this gap: no history gives them again."""
    gap = piece.gap
    if gap is None:
        return piece.chunk is not None and from_runner(piece)
    own = not piece.moves and gap.reason is GapReason.NOT_CONSUMED  # others' places move with it
    return own or off_stream(piece.through)


def number_of(decoded: DecodedEntry) -> Number | None:
    """The event's number at its producer, where it gives one."""
    src, n = decoded.origin.src, decoded.origin.n
    return None if src is None or n is None else (src, n)


class RunnerBuffer:
    """One session's ring of runner lines, and the numbers of what it was given."""

    def __init__(self, *, limit: int, streamless: bool = False) -> None:
        self._limit = limit
        self._streamless = streamless
        self._ring = self._empty()
        self._seen: dict[Number, None] = {}
        # Those that came from Redis too, and where, until the session stands behind that place:
        # whoever reads anew from before it is given them once more.
        self._met: OrderedDict[Number, EntryId] = OrderedDict()
        self._taken_at = NOWHERE  # the moment of the piece that was taken last

    def _empty(self) -> RingBuffer:
        ring = RingBuffer(limit=self._limit)
        ring.parked = False
        return ring

    def __bool__(self) -> bool:
        return bool(self._seen or self._met)

    @property
    def waiting(self) -> bool:
        return bool(self._ring)

    def push(self, chunk: EventRun | None, part: Sequence[DecodedEntry], *, ms: int) -> None:
        """One part of the runner's stream, `chunk` being what of it the session wants."""
        place = Cursor(EntryId(ms, OFF_STREAM))
        if chunk is None:
            self._ring.skip(len(part), through=place)
        else:
            self._ring.push(chunk, filtered=len(part) - chunk.count, through=place)
        for decoded in part:
            number = number_of(decoded)
            if number is not None:
                self._seen[number] = None
        while len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        while len(self._met) > REMEMBERED:
            self._met.popitem(last=False)

    def passed_over(self, *, ms: int) -> None:
        """This session was here before: what was printed while it was away nobody can show."""
        gap = Gap(
            GapReason.FAILOVER,
            None,
            detail="From here on lines come straight from runners; "
            "what they printed before is not shown.",
        )
        self._ring.push_gap(gap, through=Cursor(EntryId(ms, OFF_STREAM)))

    def choose(self, selection: Selection) -> None:
        """Another filter, or a narrower authority: what waits is shown only if that lets it."""

        def chosen(part: Sequence[DecodedEntry], _: int) -> Sequence[DecodedEntry]:
            events = [decoded.event for decoded in part if decoded.event is not None]
            return [part[i] for i in selection.choose(events)]

        self._rebuild(chosen)

    def redact(self, decoder: RedactingDecoder) -> None:
        """New redaction rules: what waits is redacted anew."""
        self._rebuild(lambda part, ms: [decoder.again(decoded, ms=ms) for decoded in part])

    def _rebuild(
        self, change: Callable[[Sequence[DecodedEntry], int], Sequence[DecodedEntry]]
    ) -> None:
        waiting, self._ring = self._ring, self._empty()
        while (piece := waiting.take()) is not None:
            ring, place = self._ring, piece.through
            if piece.gap is not None:
                ring.skip(piece.filtered, through=place)
                ring.push_gap(piece.gap, through=place)
                continue
            part = piece.chunk.events if piece.chunk else ()
            kept = change(part, place.id.ms)
            filtered = piece.filtered + len(part) - len(kept)
            if kept:
                ring.push(make_chunk(kept, range(len(kept))), filtered=filtered, through=place)
            else:
                ring.skip(filtered, through=place)

    def take(self, position: Cursor) -> Piece | None:
        """The next piece. A session that has a place in the stream stays there, to go on when
        Redis is back. One that has none, or whose process has no stream to go back to, stands at
        the moment of what it saw, which `off_stream` tells from a place."""
        piece = self._ring.take()
        placed = not (self._streamless or off_stream(position) or position.id == ZERO_ID)
        if piece is not None:
            self._taken_at = piece.through
            if placed:
                piece.through = NOWHERE
        return piece

    def put_back(self, piece: Piece, decoder: RedactingDecoder) -> None:
        """It was taken last and not told: redacted anew, and chosen with what waits behind it."""
        piece.through, piece.admitted = self._taken_at, False
        if piece.chunk is not None:
            ms = self._taken_at.id.ms
            again = [decoder.again(decoded, ms=ms) for decoded in piece.chunk.events]
            piece.chunk = make_chunk(again, range(len(again)))
        self._ring.put_back(piece)

    def again(self, decoded: DecodedEntry) -> bool:
        """Whether this entry, now from Redis, was given to the session before: this one alone, as
        often as it is read."""
        number = number_of(decoded)
        if number is None:
            return False
        if number in self._seen:
            del self._seen[number]
            self._met[number] = decoded.id
            return True
        return self._met.get(number) == decoded.id

    def stands_at(self, position: Cursor) -> None:
        """The session was told all up to here: nothing before it is read again."""
        met = self._met
        while met and not off_stream(position) and next(iter(met.values())) <= position.id:
            met.popitem(last=False)
