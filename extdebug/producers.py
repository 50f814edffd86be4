"""The producers' own arithmetic: holes in `n` and `lost` markers become losses, none of them twice.

A runner numbers its events before it can drop any, so a hole in the numbers is a loss even when
the marker that should state it never arrives. Marker and hole may come in either order.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from extdebug.events import Origin

# Producers remembered for one stream; the longest silent is forgotten (its next hole goes unseen).
MOST: Final = 256


class _Producer:
    __slots__ = ("ahead", "credit", "excused", "last")

    def __init__(self, last: int | None) -> None:
        self.last = last
        self.credit = 0  # stated by markers, hole not seen yet
        self.ahead = 0  # holes stated without a marker yet
        self.excused = False  # a stated gap of the stream may hold the next hole


class Producers:
    """The counters of all producers of one stream, by boot id."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Producer] = OrderedDict()

    def account(self, origin: Origin) -> int:
        """How many events this entry shows to be lost at its producer and not stated before."""
        if origin.src is None:
            return origin.lost
        producer = self._known.get(origin.src)
        if producer is None:
            if len(self._known) >= MOST:
                self._known.popitem(last=False)
            producer = self._known[origin.src] = _Producer(None)
        else:
            self._known.move_to_end(origin.src)
        missed = self._marker(producer, origin.lost) if origin.lost else 0
        if origin.n is not None:
            missed += self._number(producer, origin.n)
        return missed

    def excuse(self) -> None:
        """The stream itself lost entries: the next hole of each producer lies inside that gap."""
        for producer in self._known.values():
            producer.excused = True

    @staticmethod
    def _marker(producer: _Producer, lost: int) -> int:
        known = min(lost, producer.ahead)
        producer.ahead -= known
        producer.credit += lost - known
        return lost - known

    @staticmethod
    def _number(producer: _Producer, n: int) -> int:
        last, producer.last = producer.last, n if producer.last is None else max(n, producer.last)
        excused, producer.excused = producer.excused, False
        if last is None or n <= last + 1:
            return 0  # the first seen, in order, or one that a retry wrote twice
        hole = n - last - 1
        stated = min(hole, producer.credit)
        producer.credit -= stated
        hole -= stated
        if excused:
            return 0
        producer.ahead += hole
        return hole
