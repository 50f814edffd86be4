"""The runners' own arithmetic: holes in `n` and `lost` markers become losses, none of them twice. Pure.

A runner numbers its events before it can drop any, so a hole in the numbers is a loss even when
the marker that should state it never arrives. Marker and hole may come in either order. A hole may
also be what the stream itself lost: that was told before (`lost`), so it explains holes first.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Final, NamedTuple

from extdebug.wire.events import Origin
from extdebug.wire.positions import ZERO_ID, EntryId

# Producers remembered for one stream; the longest silent is forgotten (its next hole goes unseen).
MOST: Final = 256


class Missing(NamedTuple):
    """What one entry shows to be lost at its runner: `stated` by its marker, `hole` by its number."""

    stated: int
    hole: int


NOTHING_MISSING: Final = Missing(0, 0)


class _Producer:
    __slots__ = ("ahead", "credit", "excused", "last")

    def __init__(self) -> None:
        self.last: int | None = None
        self.credit = 0  # stated by markers, hole not seen yet
        self.ahead = 0  # holes told without a marker yet
        self.excused: EntryId | None = None  # a loss that ends here may hold its next hole


class SequenceGaps:
    """The counters of all producers of one stream, by boot id (`src`)."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Producer] = OrderedDict()
        self._spare = 0.0  # entries the stream lost that no hole has been found for yet
        self._until: EntryId | None = None  # where the last of them ends, until it is passed
        self.complete = False  # whether all that the stream holds before our place was learnt

    def unknown(self, origin: Origin) -> bool:
        """Whether what this entry shows depends on earlier entries that were not learnt."""
        if origin.src is None or self.complete or origin.src in self._known:
            return False
        return bool(origin.lost) or (origin.n or 1) > 1

    def shows_loss(self, origin: Origin) -> bool:
        """Whether `account` would find a loss that the stream's own account could explain."""
        producer = self._known.get(origin.src) if origin.src is not None else None
        if producer is None or producer.last is None or origin.n is None:
            return False
        return origin.n - producer.last - 1 - producer.credit - origin.lost > 0

    def account(self, origin: Origin, *, at: EntryId = ZERO_ID) -> Missing:
        """Losses that this entry, with id `at`, shows and that nothing stated before."""
        if self._until is not None and at >= self._until:
            self._until = None
        if origin.src is None:
            return Missing(origin.lost, 0)
        producer = self._known.get(origin.src)
        if producer is None:
            if len(self._known) >= MOST:
                self._known.popitem(last=False)
            producer = self._known[origin.src] = _Producer()
            producer.excused = self._until if self._until and at < self._until else None
        else:
            self._known.move_to_end(origin.src)
        stated = self._marker(producer, origin.lost) if origin.lost else 0
        hole = self._number(producer, origin.n, at) if origin.n is not None else 0
        producer.ahead += hole
        return Missing(stated, hole)

    def lost(self, missed: int | None, *, until: EntryId = ZERO_ID) -> None:
        """The stream itself lost entries, told before what follows; the next hole of each producer
        may be among them. `until`: the end of that loss; entries below it may still be from before."""
        if not any(producer.excused is not None for producer in self._known.values()):
            self._spare = 0.0
        self._spare += math.inf if missed is None else missed
        self._until = until
        for producer in self._known.values():
            producer.excused = until

    def learn(self, earlier: SequenceGaps) -> None:
        """Take over producers that were seen before our place and are not known here."""
        for src, producer in earlier._known.items():
            if src not in self._known and len(self._known) < MOST:
                producer.excused = producer.excused or self._until
                self._known[src] = producer
        self.complete |= earlier.complete

    def _marker(self, producer: _Producer, lost: int) -> int:
        known = min(lost, producer.ahead)
        producer.ahead -= known
        producer.credit += lost - known
        return lost - known

    def _number(self, producer: _Producer, n: int, at: EntryId) -> int:
        """The hole before `n` that no marker and no loss of the stream explains."""
        last, producer.last = producer.last, n if producer.last is None else max(n, producer.last)
        excused = producer.excused
        if excused is not None and at >= excused:
            producer.excused = None
        if last is None or n <= last + 1:
            return 0  # the first seen, in order, or one that a retry wrote twice
        hole = n - last - 1
        stated = min(hole, producer.credit)
        producer.credit -= stated
        hole -= stated
        if excused is not None:
            taken = int(min(hole, self._spare))
            self._spare -= taken
            hole -= taken
        return hole
