"""Proof that nothing between two reads of a stream was lost, or how many were. Pure.

Redis says how many entries a stream ever got (`entries-added`). Whoever counts what it read can
settle the account at every point where it has read up to the last entry: what was added and not
read was lost. Positions between such points are provisional, which is why an index counts what is
*accounted for*, read or stated lost, and never what Redis might mean.

The caller asks `probe` with each snapshot and `got` with the ids of each reply, in the order in
which Redis answered them, and shows the steps they return in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from extdebug.streams.replies import Snapshot
from extdebug.wire.events import GapReason
from extdebug.wire.positions import ZERO_ID, EntryId

ANCHORS: Final = 8  # settled points remembered, to find the way back after a restart
# Ids remembered behind the oldest anchor: the default cap of a stream.
REMEMBERED: Final = 20_000


@dataclass(frozen=True, slots=True)
class Run:
    """Deliver the ids [start:stop] of the reply; the first has this index, None if unknowable."""

    start: int
    stop: int
    index: int | None


@dataclass(frozen=True, slots=True)
class Loss:
    """`missed` entries between `after` and `before`, found out when the reader stood at `place`.

    The account stands at `index` behind it. `place` may lie behind events that were delivered
    before the loss could be known; it never goes back, but for a stream that was replaced.
    """

    reason: GapReason
    missed: int | None
    after: EntryId
    before: EntryId | None
    place: EntryId
    index: int | None


@dataclass(frozen=True, slots=True)
class Settled:
    """Everything up to `place` is proved: what no loss before this step names was not lost."""

    place: EntryId
    index: int


Step = Run | Loss | Settled


class Continuity:
    """The account of one reader of one stream.

    `cursor` is the last id accounted for and `index` its count, None when nobody knows it yet.
    With `unclaimed`, the reader promises nothing about what lies before its first entry.
    """

    def __init__(
        self, *, cursor: EntryId, index: int | None, run_id: str = "", unclaimed: bool = False
    ) -> None:
        self.cursor = cursor
        self._base = index
        self._read = 0
        self._run_id = run_id
        self._unclaimed = unclaimed
        self._pending: Snapshot | None = None
        self._suspects: list[tuple[EntryId, EntryId | None]] = []
        self._anchors: deque[tuple[EntryId, int]] = deque(maxlen=ANCHORS)
        if index is not None:
            self._anchors.append((cursor, index))
        self._delivered: deque[EntryId] = deque(maxlen=REMEMBERED)
        self._skip: frozenset[EntryId] = frozenset()

    @property
    def index(self) -> int | None:
        return None if self._base is None else self._base + self._read

    @property
    def settled(self) -> bool:
        """Whether the account was closed at the present cursor."""
        return self._read == 0 and self._pending is None

    @property
    def anchors(self) -> tuple[tuple[EntryId, int], ...]:
        return tuple(self._anchors)

    def got(self, ids: Sequence[EntryId]) -> list[Step]:
        """Account for a reply: ids in stream order, all greater than the cursor."""
        if not ids:
            return []
        steps: list[Step] = []
        self._suspects.append((self.cursor, ids[0]))
        start, count = 0, len(ids)
        if not self._skip and (self._pending is None or self._pending_last >= ids[-1]):
            start = self._take(ids, 0, count, steps)
        while start < count:
            pending = self._pending
            stop = count
            if pending is not None:
                last = self._pending_last
                stop = next((i for i in range(start, count) if ids[i] > last), count)
            if stop == start:
                self._settle(steps)
                continue
            start = self._take(ids, start, stop, steps)
        if self._pending is not None and self.cursor >= self._pending_last:
            self._settle(steps)
        if self._pending is None and len(self._suspects) > 1:
            # Unsettled replies at the tip: only the span matters, and the list must not grow.
            self._suspects = [(self._suspects[0][0], self._suspects[-1][1])]
        return steps

    def _take(self, ids: Sequence[EntryId], start: int, stop: int, steps: list[Step]) -> int:
        index = self.index
        if not self._skip:
            steps.append(Run(start, stop, None if index is None else index + 1))
        else:
            for position in range(start, stop):
                if ids[position] not in self._skip:
                    at = None if index is None else index + position - start + 1
                    steps.append(Run(position, position + 1, at))
            if ids[stop - 1] >= max(self._skip):
                self._skip = frozenset()
        self._read += stop - start
        self.cursor = max(self.cursor, ids[stop - 1])
        self._delivered.extend(ids[start:stop])
        self._unclaimed = False
        return stop

    @property
    def _pending_last(self) -> EntryId:
        pending = self._pending
        return ZERO_ID if pending is None or pending.last is None else pending.last

    def probe(
        self,
        snapshot: Snapshot,
        *,
        run_id: str = "",
        epoch_lost: bool = False,
        present: frozenset[EntryId] = frozenset(),
        failover: bool = False,
    ) -> list[Step]:
        """Hold a snapshot against the account.

        `epoch_lost`: our mark on the stream is gone although we set it. `present` are those of
        our cursor and anchors that the stream still holds; the caller looks them up when
        `suspicious` says so. A new `run_id` is a restart, or with `failover` another server.
        """
        steps: list[Step] = []
        moved = bool(run_id and self._run_id and run_id != self._run_id)
        if moved or self._replaced(snapshot, epoch_lost=epoch_lost, present=present):
            reason = GapReason.FAILOVER if moved and failover else GapReason.RESET
            self._start_again(snapshot, reason, moved=moved, present=present, steps=steps)
        if run_id:
            self._run_id = run_id
        if not snapshot.exists:
            if self._base is None:
                self._base = 0
            return steps
        if snapshot.first is None or snapshot.first > self.cursor:
            self._trimmed(snapshot, steps)
        self._suspects = [
            span for span in self._suspects if snapshot.first is None or span[0] < snapshot.first
        ]
        self._pending = snapshot
        if self.cursor >= self._pending_last:
            self._settle(steps)
        return steps

    def suspicious(self, snapshot: Snapshot, *, run_id: str = "", epoch_lost: bool = False) -> bool:
        """Whether `probe` needs to know which of the anchors are still present."""
        moved = bool(run_id and self._run_id and run_id != self._run_id)
        replaced = self._replaced(snapshot, epoch_lost=False, present=frozenset())
        return moved or epoch_lost or replaced

    def _replaced(
        self, snapshot: Snapshot, *, epoch_lost: bool, present: frozenset[EntryId]
    ) -> bool:
        if self._base is None:
            # A client's cursor from elsewhere: only a top below it proves another stream.
            return self.cursor != ZERO_ID and (not snapshot.exists or snapshot.top < self.cursor)
        known = self._base + self._read
        if not snapshot.exists:
            return known > 0 or self.cursor != ZERO_ID
        if snapshot.top < self.cursor or snapshot.added < known:
            return True
        return epoch_lost and self.cursor not in present and known > 0

    def _start_again(
        self,
        snapshot: Snapshot,
        reason: GapReason,
        *,
        moved: bool,
        present: frozenset[EntryId],
        steps: list[Step],
    ) -> None:
        after = self.cursor
        anchor = next(
            (a for a in reversed(self._anchors) if a[0] in present and a[1] <= snapshot.added), None
        )
        if anchor is None and moved and self.cursor in present and self._base is not None:
            anchor = (self.cursor, self._base + self._read)
        if anchor is not None:
            self._skip = frozenset(id for id in self._delivered if id > anchor[0])
            self.cursor, self._base = anchor
        else:
            # Another server's copy holds entries that were shown; a stream deleted and begun
            # anew on the same server shares none, and may use an id again.
            self._skip = frozenset(self._delivered) if moved else frozenset()
            # What the stream trimmed before we came cannot be told from what it lost.
            self.cursor, self._base = ZERO_ID, snapshot.added - snapshot.length
            self._anchors.clear()
            self._delivered.clear()
        self._read = 0
        self._suspects = []
        self._pending = None
        steps.append(Loss(reason, None, after, snapshot.first, self.cursor, self.index))

    def _trimmed(self, snapshot: Snapshot, steps: list[Step]) -> None:
        """Everything up to the first entry is gone, and the cursor lies before it."""
        end = snapshot.first or max(snapshot.top, self.cursor)
        # Bounds of a place are exclusive: of an emptied stream the newest id is lost as well.
        bound = snapshot.first or EntryId(end.ms, end.seq + 1)
        gone = snapshot.added - snapshot.length
        if self._base is None:
            if not self._unclaimed and self.cursor != ZERO_ID:
                steps.append(Loss(GapReason.RETENTION, None, self.cursor, bound, self.cursor, gone))
            self._base, self._read = gone, 0
            self._suspects = []
        else:
            missed = gone - self._base - self._read
            if missed > 0 and not self._suspects:
                self._base += missed
                if not self._unclaimed:
                    place = self.cursor
                    steps.append(Loss(GapReason.RETENTION, missed, place, bound, place, self.index))
            elif self._suspects:
                self._suspects.append((self.cursor, bound))
        if snapshot.first is None:
            self.cursor = end

    def _settle(self, steps: list[Step]) -> None:
        pending = self._pending
        if pending is None:
            return
        missed = 0 if self._base is None else pending.added - self._base - self._read
        self._base, self._read = pending.added, 0
        self._pending = None
        spans, self._suspects = self._suspects, []
        self._anchors.append((self.cursor, pending.added))
        while len(self._delivered) > 1 and self._delivered[0] <= self._anchors[0][0]:
            self._delivered.popleft()
        if missed > 0:
            after = spans[0][0] if spans else self.cursor
            ends = spans[-1][1] if spans else None
            place = self.cursor
            steps.append(Loss(GapReason.RETENTION, missed, after, ends, place, pending.added))
        elif missed < 0:
            place = self.cursor
            steps.append(Loss(GapReason.RESET, None, place, None, place, pending.added))
        steps.append(Settled(self.cursor, pending.added))
