"""The producers' own arithmetic: holes in `n` and `lost` markers become losses, none of them twice.

A runner numbers its events before it can drop any, so a hole in the numbers is a loss even when
the marker that should state it never arrives. Marker and hole may come in either order. A hole may
also be what the stream itself lost: it stays open until the account of the stream is settled.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final

from extdebug.wire.events import Origin
from extdebug.wire.positions import ZERO_ID, Cursor, EntryId

# Producers remembered for one stream; the longest silent is forgotten (its next hole goes unseen).
MOST: Final = 256
BEGINNING: Final = Cursor(ZERO_ID)


class _Producer:
    __slots__ = ("ahead", "credit", "excused", "last")

    def __init__(self) -> None:
        self.last: int | None = None
        self.credit = 0  # stated by markers, hole not seen yet
        self.ahead = 0  # holes seen without a marker yet
        self.excused = False  # a stated gap of the stream may hold the next hole


@dataclass(slots=True)
class Hole:
    """`count` numbers of one producer that are missing between two entries."""

    count: int
    after: Cursor
    before: EntryId
    producer: _Producer


class SequenceGaps:
    """The counters of all producers of one stream, by boot id."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Producer] = OrderedDict()
        self._open: deque[Hole] = deque()
        self._spare = 0.0  # entries the stream lost that no hole has been found for yet

    @property
    def open(self) -> bool:
        """Whether a hole waits for the stream's account to be settled."""
        return bool(self._open)

    def account(self, origin: Origin, *, after: Cursor = BEGINNING, at: EntryId = ZERO_ID) -> int:
        """The losses that this entry's marker states and that no hole showed before.

        `at` is the entry's id, `after` the place before it. A hole in its numbers is kept open
        until `settle` or `lost` say whose it was.
        """
        if origin.src is None:
            return origin.lost
        producer = self._known.get(origin.src)
        if producer is None:
            if len(self._known) >= MOST:
                self._known.popitem(last=False)
            producer = self._known[origin.src] = _Producer()
        else:
            self._known.move_to_end(origin.src)
        stated = self._marker(producer, origin.lost) if origin.lost else 0
        if origin.n is not None:
            count = self._number(producer, origin.n)
            if count:
                producer.ahead += count
                self._open.append(Hole(count, after, at, producer))
        return stated

    def lost(self, missed: int | None) -> None:
        """The stream itself lost entries: what holes they explain is no producer's loss."""
        left = math.inf if missed is None else float(missed)
        while missed is not None and left > 0 and self._open:
            hole = self._open[0]
            taken = min(hole.count, int(left))
            hole.count -= taken
            hole.producer.ahead = max(0, hole.producer.ahead - taken)
            left -= taken
            if not hole.count:
                self._open.popleft()
        if not any(producer.excused for producer in self._known.values()):
            self._spare = 0.0
        self._spare += left
        for producer in self._known.values():
            producer.excused = left > 0

    def settle(self) -> list[Hole]:
        """The stream's account is closed: the holes still open are losses of their producers."""
        holes = list(self._open)
        self._open.clear()
        return holes

    @staticmethod
    def _marker(producer: _Producer, lost: int) -> int:
        known = min(lost, producer.ahead)
        producer.ahead -= known
        producer.credit += lost - known
        return lost - known

    def _number(self, producer: _Producer, n: int) -> int:
        """The hole before `n` that no marker and no loss of the stream explains."""
        last, producer.last = producer.last, n if producer.last is None else max(n, producer.last)
        excused, producer.excused = producer.excused, False
        if last is None or n <= last + 1:
            return 0  # the first seen, in order, or one that a retry wrote twice
        hole = n - last - 1
        stated = min(hole, producer.credit)
        producer.credit -= stated
        hole -= stated
        if excused:
            taken = int(min(hole, self._spare))
            self._spare -= taken
            hole -= taken
        return hole
