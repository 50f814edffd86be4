"""Counts the runners' losses: holes in `n` and `lost` markers, the same loss once. Pure.

A runner numbers its events before it can drop any, so a hole in the numbers is a loss even when
the marker that should state it never arrives. Marker and hole may come in either order. A hole may
also be what the stream itself lost: that was told before (`lost`), so it explains holes first.

Which hole a marker is for can depend on what came long before. Whoever begins in the middle has
that from a reader that came by there (`recall`), and from the client's own place (`owe`).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from extdebug.streams.marker_log import NOTHING_KNOWN, MarkerLog
from extdebug.streams.plain_numbers import Numbered, take_plain
from extdebug.streams.producers import NOTHING_MISSING, Markers, Missing, Producer, Span
from extdebug.wire.events import Origin
from extdebug.wire.positions import ZERO_ID, Cursor, EntryId, before

# Producers remembered for one stream; the longest silent is forgotten (its next hole goes unseen).
MOST: Final = 256


class SequenceGaps:
    """The counters of all producers of one stream, by boot id (`src`)."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Producer] = OrderedDict()
        self._spare = 0.0  # entries the stream lost that no hole has been found for yet
        self._span: Span | None = None  # of the last loss of the stream
        self._excused = 0  # producers whose next hole may be in it
        # What this run of the server wrote stands behind it. A hole across it is the loss of
        # unknown size that was told, or is, between the two runs.
        self.run_began = ZERO_ID
        self.certain = True  # whether no entry can be missing of which the stream did not tell
        self.complete = False  # whether all that the stream holds before our place was learnt
        self._untold = self._within = 0  # of all producers
        self._owed: int | None = None  # at our place, and not found among them yet
        self._recalled: Mapping[str, Markers] = {}
        self._remembered = NOTHING_KNOWN  # by a reader that came by all that we read
        self.log = MarkerLog()

    def unknown(self, origin: Origin, *, at: EntryId) -> bool:
        """Whether what this entry shows depends on earlier entries that were not learnt."""
        if origin.src is None or self.complete:
            return False
        producer = self._known.get(origin.src)
        if producer is None:
            stand = self._remembered.stand(origin.src, origin.n, at)
            shows = bool(origin.lost) or (origin.n or 1) > 1
            return shows and (stand is None or (origin.n is not None and stand.last is None))
        return producer.partial and (bool(origin.lost) or self._hole(producer, origin, at) > 0)

    def last_number(self, src: str) -> int | None:
        producer = self._known.get(src)
        return None if producer is None else producer.last

    def shows_loss(self, origin: Origin, *, at: EntryId) -> bool:
        """Whether `account` would find a loss that the stream's own account could explain."""
        producer = self._known.get(origin.src) if origin.src is not None else None
        if producer is None:
            return False
        return self._hole(producer, origin, at) - producer.credit - origin.lost > 0

    def account(self, origin: Origin, *, at: EntryId = ZERO_ID, told: bool = False) -> Missing:
        """Losses that this entry, with id `at`, shows and that nothing stated before. `told`: they
        were, as its producer's, to whoever we read for: no loss of the stream explains them."""
        if origin.src is None:
            return Missing(origin.lost, 0)
        producer, n = self._producer(origin, origin.src, at=at), origin.n
        if remembered := producer.last is None and n is not None:
            stand = self._remembered.stand(origin.src, n, at)
            producer.last = None if stand is None else stand.last
        last, spoke = producer.last, producer.last_at
        alone = self.certain and producer.excused is None and not spoke < self.run_began <= at
        plain = n is not None and last == n - 1 and not (origin.lost or producer.marked)
        stated = self._marker(producer, origin.lost) if origin.lost else 0
        hole = self._number(producer, n, at, sure=told or remembered) if n is not None else 0
        producer.ahead += hole
        if not plain:
            self.log.note(at, origin.src, producer.markers, last=last if alone else None)
        span = self._span
        if told:
            return NOTHING_MISSING
        if not hole or span is None or at <= span.after or spoke >= span.until:
            return Missing(stated, hole)
        producer.within += hole
        self._within += hole
        return Missing(stated, hole, span.after)

    def plain(self, entries: Sequence[Numbered]) -> int:
        """How many of these, from the first, show nothing, and `told` leaves their places as they
        are: accounted for together (`plain_numbers`)."""
        ahead = self._span is not None and 0 < self._spare < math.inf
        return 0 if ahead or self._untold else take_plain(self._known, entries)

    def told(self, at: Cursor) -> Cursor:
        """The place, with how much of the stream's loss was told and not met by a hole yet."""
        span = self._span
        if self._untold:
            at = msgspec.structs.replace(at, untold=self._untold)
        if span is None or not 0 < self._spare < math.inf or at.id < span.after:
            return at
        if not self._excused and at.id >= before(span.until):
            return at
        return msgspec.structs.replace(at, ahead=int(self._spare), until=span.until)

    def seed(self, origin: Origin, *, at: EntryId) -> None:
        """One of the last entries before our place: what markers before these stated is unknown."""
        known = self._known.get(origin.src) if origin.src is not None else None
        if known is not None or origin.n is not None:
            self.account(origin, at=at)
        if known is None and origin.n is not None and origin.src is not None:
            self._known[origin.src].partial = True

    def lost(self, missed: int | None, *, after: EntryId, until: EntryId) -> None:
        """The stream itself lost entries between these bounds, told before what follows: the hole
        of each producer that reaches into them may be that loss. `until` at or below `after`: a new
        stream whose clock is behind the old one's, and nobody has spoken in it yet."""
        if not self._excused:
            self._spare = 0.0
            self._within = 0
            for producer in self._known.values():
                producer.within = 0
        self._spare += math.inf if missed is None else missed
        back = until <= after
        self._span = Span(ZERO_ID if back else after, until)
        for producer in self._known.values():
            if back:
                producer.last_at = ZERO_ID
            self._excuse(producer)
        if back:
            self.begin(ZERO_ID)

    def _excuse(self, producer: Producer) -> None:
        """Its next hole may be the stream's last loss, unless it spoke behind that already."""
        span = self._span
        if span is not None and producer.last_at < span.until:
            self._excused += producer.excused is None
            producer.excused = span

    def learn(self, earlier: SequenceGaps) -> None:
        """Take over what was found by going through all entries before our place."""
        for src, producer in earlier._known.items():
            known = self._known.get(src)
            if known is None:
                self._excuse(producer)
            else:
                producer.excused = known.excused
            if known is None or known.partial:
                self._known[src] = producer
                self._untold += producer.untold - (known.untold if known else 0)
                self._take_over(src, producer)
                self.log.learnt(src, producer.markers)
        for producer in self._known.values():
            producer.partial = False
        while len(self._known) > MOST:
            self._forget_one()
        self.complete = True

    def begin(self, at: EntryId) -> None:
        """What `seed` found is how things stand at `at`."""
        known = {src: one.markers for src, one in self._known.items() if not one.partial}
        self.log.begin(at, known)

    def recall(self, remembered: MarkerLog, *, at: EntryId) -> None:
        """What a reader knows that came by our place `at`, and by all that we are going to read:
        what it says of a producer counts more than what the stream still shows."""
        self._remembered, self._recalled = remembered, remembered.as_of(at)
        for src, producer in self._known.items():
            if src in self._recalled:
                self._take_over(src, producer)
                producer.partial = False

    def owe(self, untold: int) -> None:
        """So much of the markers right before our place was not told to whoever we read for; the
        numbers that follow tell it. The rest was told."""
        self._owed = untold
        for producer in self._known.values():
            if not producer.partial:
                self._settle(producer)

    def _take_over(self, src: str, producer: Producer) -> None:
        if src in self._recalled:
            untold, producer.markers = producer.untold, self._recalled[src]
            self._untold += producer.untold - untold
        self._settle(producer)

    def _settle(self, producer: Producer) -> None:
        if self._owed is not None:
            due = min(self._owed, producer.marked)
            self._owed -= due
            self._untold += producer.owe(due)

    def _forget_one(self) -> None:
        src, producer = self._known.popitem(last=False)
        self._excused -= producer.excused is not None
        self._untold -= producer.untold
        self._within -= producer.within
        self.log.forget(src)

    def _producer(self, origin: Origin, src: str, *, at: EntryId) -> Producer:
        producer = self._known.get(src)
        if producer is not None:
            self._known.move_to_end(src)
            return producer
        if len(self._known) >= MOST:
            self._forget_one()
        producer = self._known[src] = Producer()
        if (stand := self._remembered.stand(src, origin.n, at)) is not None:
            producer.markers = stand.markers
            self._untold += producer.untold
            self._settle(producer)
        if self._span is not None and at < self._span.until:
            self._excuse(producer)  # first seen within the loss, as far as we know
        return producer

    def _hole(self, producer: Producer, origin: Origin, at: EntryId) -> int:
        """Numbers of this run that are missing before this entry, stated or not."""
        if producer.last is None or origin.n is None:
            return 0
        if producer.last_at < self.run_began <= at:
            return 0
        return max(0, origin.n - producer.last - 1)

    def _marker(self, producer: Producer, lost: int) -> int:
        known = min(lost, producer.ahead)
        producer.ahead -= known
        sure = min(known, producer.within)  # its own, by its own marker
        producer.within -= sure
        self._within -= sure
        known += self._exchange(producer, lost - known)
        producer.marked += lost
        producer.untold += known
        self._untold += known
        producer.credit += lost - known
        # Its hole may have passed already, taken for a loss of the stream: then that loss is left
        # for another hole. The next number tells whether it is so.
        late = min(lost - known, producer.taken)
        producer.taken -= late
        producer.late += late
        self._spare += late
        producer.unsure += lost - known if producer.fresh else late
        producer.fresh = False
        return lost - known

    def _exchange(self, producer: Producer, stated: int) -> int:
        """So many are told already, as the holes of others: the loss of the stream that was taken
        for this one's hole was theirs."""
        others = [one for one in self._known.values() if one.within] if self._within else []
        told = 0
        for other in others:
            part = min(stated - told, producer.taken, other.within) if other is not producer else 0
            producer.taken -= part
            other.within -= part
            self._within -= part
            told += part
        return told

    def _number(self, producer: Producer, n: int, at: EntryId, *, sure: bool) -> int:
        """The hole before `n` that no marker explains, nor a loss of the stream unless `sure`."""
        last, last_at = producer.last, producer.last_at
        producer.last = n if last is None else max(n, last)
        producer.last_at = at
        self._untold -= producer.untold
        producer.marked = producer.untold = 0
        excused = producer.excused
        if excused is not None and at >= excused.until:
            producer.excused = None
            self._excused -= 1
        unsure, producer.unsure = producer.unsure, 0
        late, producer.late = producer.late, 0
        if last is None:  # what was stated so far lies before the first number, where it fits
            producer.credit = max(0, producer.credit - max(unsure, n - 1))
            producer.fresh = n > 1
            return 0
        if n <= last + 1:
            producer.credit -= unsure
            return 0  # in order, or one that a retry wrote twice
        hole = n - last - 1
        stated = min(hole, producer.credit)
        ours = max(0, stated - producer.credit + unsure)  # of what was unsure it is this hole
        producer.credit -= stated + unsure - ours
        hole -= stated
        producer.fresh = False
        again = min(ours, late)
        producer.taken += again
        self._spare = max(0, self._spare - again)
        taken = hole if last_at < self.run_began <= at and not sure else 0
        if not (taken or sure) and excused is not None and at > excused.after:
            taken = int(min(hole, self._spare))
            self._spare -= taken
        producer.taken += taken
        return hole - taken
