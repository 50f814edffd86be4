"""Which stretches of its stream a session was sent events of: bounds, and nothing of the events.

Whoever asks later who may have been shown a line compares it with these. A line inside a stretch
may have been sent, if filter and scope let it through; a line outside all of them never was.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Final

from extdebug.hub.redacting_decoder import DecodedEntry
from extdebug.wire.positions import ZERO_ID, EntryId

MOST: Final = 16  # stretches kept; beyond it those that lie nearest to each other become one

Part = tuple[EntryId, EntryId]  # the first and the last event sent of it


class Reach:
    """Of one session. What is told in order makes one stretch, until `pause`: a gap lies there, or
    the session goes on from another place."""

    def __init__(self, past: Iterable[Part] = ()) -> None:
        self.steps = 0  # changes so far
        self._past: tuple[Part, ...] = _joined(past)
        self._now: Part | None = None

    @classmethod
    def of(cls, bounds: Sequence[Sequence[str]]) -> Reach:
        """As `bounds` wrote it."""
        return cls((EntryId.parse(first), EntryId.parse(last)) for first, last in bounds)

    @property
    def parts(self) -> tuple[Part, ...]:
        """Disjoint, in the order of the stream."""
        return self._past if self._now is None else _joined((*self._past, self._now))

    @property
    def bounds(self) -> tuple[tuple[str, str], ...]:
        """The parts as rows and records keep them."""
        return tuple((str(first), str(last)) for first, last in self.parts)

    def told(self, first: DecodedEntry, last: DecodedEntry) -> None:
        """From one to the other events were sent, in the session's order."""
        self.steps += 1
        now = self._now
        if now is not None and now[1] < first.id <= last.id:  # both have an id: it is their place
            self._now = now[0], last.id
            return
        begin = end = _place(first)
        if last is not first:
            end = _place(last)
        if now is not None and now[1] < begin <= end:
            self._now = now[0], end
            return
        self.pause()
        self._now = (min(begin, end), max(begin, end))

    def pause(self) -> None:
        """What is told next does not follow what was told last."""
        if self._now is not None:
            self._past, self._now = self.parts, None

    def paged(self, first: DecodedEntry, last: DecodedEntry) -> None:
        """From one to the other events were sent beside the session's order."""
        self.steps += 1
        self._past = _joined((*self._past, (_place(first), _place(last))))

    def join(self, other: Reach) -> None:
        self._past = _joined((*self._past, *other.parts))


def _joined(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Sorted, overlaps made one, at the most MOST of them."""
    joined: list[Part] = []
    for first, last in sorted(parts):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    while len(joined) > MOST:
        nearest = min(range(1, len(joined)), key=lambda i: joined[i][0].ms - joined[i - 1][1].ms)
        joined[nearest - 1 : nearest + 1] = [(joined[nearest - 1][0], joined[nearest][1])]
    return tuple(joined)


def _place(decoded: DecodedEntry) -> EntryId:
    """Its id; what came straight from a runner has none, and its own time stands for one, as near
    as the two clocks are."""
    if decoded.id != ZERO_ID or decoded.event is None:
        return decoded.id
    at = dt.datetime.fromisoformat(decoded.event.ts)
    return EntryId(max(0, int(at.timestamp() * 1000)), 0)
