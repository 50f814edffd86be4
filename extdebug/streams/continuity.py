"""Counts what was lost between two places of a stream; nothing else does that sum. Pure.

Redis counts every entry that a stream ever got (`entries-added`). A place that knows its own count
(`Cursor.index`) and the stream's life (`Cursor.epoch`) therefore says by subtraction how many
entries lie between it and any other place of the same life; those that were not read are lost:

    missing(stood, through, entries) == through.index - stood.index - entries

The live tail, a session's history, a resumed cursor and each step of a session use this function.
An index counts what is *accounted for*, read or stated lost, so that a loss found late is told
once: whoever was told it already stands at a greater index, and the subtraction leaves nothing.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from extdebug.streams import epochs
from extdebug.streams.replies import Snapshot
from extdebug.wire.events import GapReason
from extdebug.wire.positions import ZERO_ID, Cursor, EntryId, before, behind


@dataclass(frozen=True, slots=True)
class Loss:
    """`missed` entries between `after` and `before`, both exclusive; None: nobody can know.

    The account stands at `through` when the loss is told. `explained` of the missed were told
    before, as their producer's. `kept`: the newest entry where the same stream goes on, under
    another run of the server.
    """

    reason: GapReason
    missed: int | None
    after: EntryId
    before: EntryId | None
    through: Cursor
    explained: int = 0
    kept: EntryId | None = None


def missing(stood: Cursor, through: Cursor, entries: int) -> int | None:
    """Entries between two places that were neither read nor stated; `entries` were.

    Negative: `stood` accounts for more, because a loss was told there that `through` does not know
    yet. None: another life, or a place without an index.
    """
    if stood.index is None or through.index is None or stood.epoch != through.epoch:
        return None
    return through.index - stood.index - entries


def go_on(
    stood: Cursor,
    snapshot: Snapshot,
    *,
    run_id: str,
    present: bool = False,
    failover: bool = False,
) -> tuple[Cursor, Loss | None]:
    """Where a reader that stood at `stood` goes on in the stream as it is now.

    The snapshot must name an epoch of this run (`epochs.current`). `present`: the stream still
    holds the entry at `stood`, which matters only when the epoch is unknown to it.
    """
    life = epochs.current(snapshot.epochs, run_id)
    removed = snapshot.added - snapshot.length
    start = before(snapshot.first) if snapshot.first else snapshot.top
    if not stood.epoch:
        return _without_epoch(stood, snapshot, life, start)
    if stood.epoch in snapshot.epochs and epochs.of_run(stood.epoch, run_id):
        if not beyond(stood, snapshot):
            return msgspec.structs.replace(stood, epoch=life), None
        end = Cursor(snapshot.top, snapshot.added, life)  # a forged place, or a forged count
        return end, Loss(GapReason.RESET, None, min(stood.id, snapshot.top), None, end)
    if not epochs.of_run(stood.epoch, run_id) or present:
        # The server ran anew: what is left of the stream up to our place was accounted for.
        place = min(stood.id, snapshot.top)
        reason = GapReason.FAILOVER if failover else GapReason.RESET
        if snapshot.first is None or snapshot.first > place:
            at = Cursor(max(start, place), removed, life)
            return at, Loss(reason, None, place, snapshot.first, at, kept=snapshot.top)
        at = Cursor(place, None, life)
        return at, Loss(reason, None, place, None, at, kept=snapshot.top)
    at = Cursor(start, removed, life)
    return at, Loss(GapReason.RESET, None, stood.id, snapshot.first, at)


def beyond(stood: Cursor, snapshot: Snapshot) -> bool:
    """Whether a place lies behind all that the stream ever held, by its id or by its count."""
    return stood.id > snapshot.top or (stood.index or 0) > snapshot.added


def cross(at: Cursor, snapshot: Snapshot, epoch: str, following: EntryId) -> Loss:
    """The loss between two runs of the server, of which `epoch` names the later, for a reader that
    was told what is left of the earlier: nobody can count what its end cost the stream."""
    place, first = min(at.id, snapshot.top), snapshot.first
    through = Cursor(place, None, epoch)
    if first is None or first > place:  # all of the time before is gone
        edge = max(before(first) if first else snapshot.top, place)
        through = Cursor(edge, snapshot.added - snapshot.length, epoch)
    reason = GapReason.FAILOVER if epochs.by_failover(epoch) else GapReason.RESET
    bound = max(following, behind(place), epochs.run_certain(epoch))
    return Loss(reason, None, place, bound, through)


def _without_epoch(
    stood: Cursor, snapshot: Snapshot, life: str, start: EntryId
) -> tuple[Cursor, Loss | None]:
    """A place of the form before epochs: what it cannot prove is a loss of unknown size."""
    if beyond(stood, snapshot):
        at = Cursor(start, snapshot.added - snapshot.length, life)
        return at, Loss(GapReason.RESET, None, stood.id, snapshot.first, at)
    if stood.id != ZERO_ID and (snapshot.first is None or snapshot.first > stood.id):
        if stood.id == snapshot.top:
            return Cursor(stood.id, snapshot.added, life), None
        at = Cursor(start, snapshot.added - snapshot.length, life)
        bound = snapshot.first or behind(snapshot.top)
        return at, Loss(GapReason.RETENTION, None, stood.id, bound, at)
    return Cursor(stood.id, None, life, stood.stated), None


class Continuity:
    """The account of one reader that goes through one life of a stream.

    `at` is its place: everything up to there was read or stated lost. Up to `proved` nothing more
    can turn out to be lost. With `unclaimed`, the reader promises nothing about what lies before
    its first entry. With `proved`, a place before `at`, the count at `at` is of another's making
    and may hide a loss behind `proved`: only a count of our own tells, however much is read.
    """

    def __init__(
        self, at: Cursor, *, unclaimed: bool = False, proved: EntryId | None = None
    ) -> None:
        self.at = at
        self._proved = at.id if proved is None else proved
        self._provisional = self._proved < at.id
        self._unclaimed = unclaimed
        self._explained = 0
        self._blind = False  # entries were read since without a look at what was trimmed there

    @property
    def proved(self) -> EntryId:
        """Up to here nothing more can turn out to be lost."""
        return self._proved

    @property
    def claims(self) -> bool:
        """Whether the reader promises that from its place on nothing goes untold."""
        return not self._unclaimed and self.at.id != ZERO_ID

    @property
    def explained(self) -> int:
        """Losses behind `proved` that were told as their producers'."""
        return self._explained

    def read(self, ids: Sequence[EntryId], *, blind: bool = False) -> None:
        """Account for entries that were read in order, greater than `at`; `blind`: not together
        with a snapshot, so that entries between them may have gone unseen."""
        if ids:
            self._blind |= blind
            index = None if self.at.index is None else self.at.index + len(ids)
            self.at = Cursor(max(self.at.id, ids[-1]), index, self.at.epoch)
            self._unclaimed = False

    def explain(self, count: int) -> None:
        """So many were told as the producer's that may turn out to be the stream's."""
        self._explained += count

    def certain(self, snapshot: Snapshot) -> bool:
        """Whether the snapshot leaves no doubt about what was lost ahead of us: by trimming only
        whole beginnings go, so only entries deleted by hand can be missing further on; and what
        went while we read without looking."""
        return not self._blind and snapshot.deleted <= self._proved

    def look(self, snapshot: Snapshot, ids: Sequence[EntryId], *, whole: bool) -> list[Loss]:
        """Losses between `at` and these entries, as of one moment; told before the entries.

        `ids` are the entries behind `at` in the same transaction, `whole` whether they are all
        that the stream holds; the first may have been read before, and be gone from it. Call
        `read(ids)` when they are delivered, then `settle` if whole.
        """
        losses: list[Loss] = []
        if snapshot.first is None or snapshot.first > self.at.id:
            self._front(snapshot, ids, losses)
        elif snapshot.first <= self._proved:
            self._blind = False  # nothing was trimmed of what was read since
        if whole:
            end = Cursor(snapshot.top, snapshot.added, self.at.epoch)
            missed = missing(self.at, end, len(ids))
            if missed is not None and missed < 0:
                at = Cursor(self.at.id, snapshot.added - len(ids), self.at.epoch)
                losses.append(self._lose(GapReason.RESET, None, behind(snapshot.top), at))
            elif missed:
                at = Cursor(self.at.id, snapshot.added - len(ids), self.at.epoch)
                losses.append(self._lose(GapReason.RETENTION, missed, behind(snapshot.top), at))
        return losses

    def prove(self, upto: EntryId | None = None) -> None:
        """Nothing up to there can turn out to be lost any more; by default `at`, unless its count
        is still another's."""
        if upto is not None:
            self._provisional = False
        if not self._provisional:
            self._proved, self._explained = upto or self.at.id, 0

    def settle(self, snapshot: Snapshot) -> None:
        """Everything that the stream holds was read: the place is its end, and proved."""
        self.at = Cursor(max(self.at.id, snapshot.top), snapshot.added, self.at.epoch)
        self._provisional = self._blind = False
        self.prove()
        self._unclaimed = False

    def move(self, at: Cursor) -> None:
        """Go on from another place, in another life or behind a stated loss."""
        self.at = at
        self._provisional = self._blind = False
        self.prove()

    def _front(self, snapshot: Snapshot, ids: Sequence[EntryId], losses: list[Loss]) -> None:
        """Everything up to the first entry is gone, and our place lies before it."""
        first = snapshot.first
        edge_id = max(before(first) if first else snapshot.top, self.at.id)
        # Bounds are exclusive: of an emptied stream the newest entry is lost as well.
        bound = first or behind(edge_id)
        claimed = not self._unclaimed and self.at.id < edge_id
        # What was read in time and waits is not lost: it stands behind the place of the loss.
        saved = bisect.bisect_right(ids, edge_id)
        edge_id = self.at.id if saved else edge_id
        edge = Cursor(edge_id, snapshot.added - snapshot.length - saved, self.at.epoch)
        missed = missing(self.at, edge, 0)
        doubt = first is not None and snapshot.deleted > first
        if missed is not None and (missed < 0 or doubt):
            return  # entries ahead of us were deleted by hand: the whole account tells
        if doubt:
            edge = Cursor(edge_id, None, self.at.epoch)  # what is gone may have lain ahead of us
        unknowable = missed is None and not (claimed and self.at.id != ZERO_ID)
        if unknowable or self._unclaimed:
            self.at, self._blind = edge, False
        elif missed is None or missed > 0:
            losses.append(self._lose(GapReason.RETENTION, missed, bound, edge))
        else:
            self._provisional = self._blind = False  # the stream's own count is ours

    def _lose(
        self, reason: GapReason, missed: int | None, bound: EntryId | None, at: Cursor
    ) -> Loss:
        explained = min(self._explained, missed or 0)
        self._explained -= explained
        loss = Loss(reason, missed, min(self._proved, self.at.id), bound, at, explained)
        self.at = at
        self._provisional = self._blind = False  # the stream itself counts the place of a loss
        return loss
