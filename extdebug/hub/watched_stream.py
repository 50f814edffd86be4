"""One tailed stream: its reader's account, and the fan-out of each batch to its subscriptions.

No I/O and no await: the tail feeds it replies, and every ring is filled before anything else runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from extdebug.filters.filter import Batch
from extdebug.hub.gaps import hole_gap, loss_gap, producer_gap, unreadable_gap
from extdebug.hub.redacting_decoder import DecodedEntry, RedactingDecoder
from extdebug.hub.ring_buffer import EventRun, RingBuffer
from extdebug.hub.runner_buffer import RunnerBuffer
from extdebug.hub.selection import FRAME_BYTES, FRAME_EVENTS, Selection, make_chunk
from extdebug.hub.stats import StreamCounts
from extdebug.streams.continuity import Continuity, Loss, Run, Settled, Step
from extdebug.streams.replies import Row, Snapshot, before
from extdebug.streams.sequence_gaps import SequenceGaps
from extdebug.wire.events import Gap, GapReason, encode_json
from extdebug.wire.keys import Target
from extdebug.wire.positions import ZERO_ID, Cursor, EntryId
from policies.redaction.redactor import Redactor


class Subscription:
    """One session's place at a watch: a ring that the watch fills, and how to wake the session."""

    __slots__ = (
        "_wake",
        "boundary",
        "closed",
        "epoch",
        "limit",
        "ring",
        "runner_buffer",
        "selection",
        "watched",
    )  # fmt: skip

    def __init__(
        self, watched: WatchedStream, selection: Selection, wake: Callable[[], None], *, limit: int
    ) -> None:
        self.watched = watched
        self.selection = selection
        self.limit = limit
        self._wake = wake
        self.closed = False
        self.runner_buffer: RunnerBuffer | None = None
        self.restart(selection)

    def restart(self, selection: Selection) -> None:
        """A fresh ring from the watch's present place on; history before it is the session's."""
        self.watched.leave(self)
        self.selection = selection
        if self.runner_buffer is not None:
            self.runner_buffer.choose(selection)
        self.ring = RingBuffer(limit=self.limit)
        self.boundary: Cursor | None = self.watched.cursor if self.watched.attached else None
        self.epoch = self.watched.epoch
        self.watched.join(self)

    def wake(self) -> None:
        self._wake()


class WatchedStream:
    """A stream as this process tails it. `account` is None until the tail has attached."""

    def __init__(self, target: Target, key: str, redactor: Redactor) -> None:
        self.target = target
        self.key = key.encode()
        self.decoder = RedactingDecoder(redactor, target)
        self.sequence_gaps = SequenceGaps()
        self.account: Continuity | None = None
        self.epoch = 0  # grows when the stream was replaced under us
        self.behind = False  # the last reply was full, or the connection is new
        self.problem = ""  # why this stream cannot be read now, in a person's words
        self.retry_at = 0.0
        self.probe_at = 0.0
        self.marked_at: float | None = None  # when our group was last known to exist
        self.snapshot: Snapshot | None = None
        self.counts = StreamCounts()
        self.newest: EntryId | None = None  # the last entry before the next one to come
        self.on_runners = False  # Redis is away, and runners are asked instead
        self.streamless = False  # there is no Redis to come back
        self._groups: dict[Selection, list[Subscription]] = {}

    @property
    def attached(self) -> bool:
        return self.account is not None

    @property
    def cursor(self) -> Cursor:
        """Everything up to here was delivered to the rings or stated lost."""
        account = self.account
        if account is None:
            raise RuntimeError("the watch is not attached yet")
        return Cursor(account.cursor, account.index)

    @property
    def subscribers(self) -> int:
        return sum(len(group) for group in self._groups.values())

    def join(self, subscription: Subscription) -> None:
        self._groups.setdefault(subscription.selection, []).append(subscription)
        if self.on_runners and subscription.runner_buffer is None:
            subscription.runner_buffer = RunnerBuffer(
                limit=subscription.limit, streamless=self.streamless
            )

    def leave(self, subscription: Subscription) -> None:
        group = self._groups.get(subscription.selection)
        if group and subscription in group:
            group.remove(subscription)
            if not group:
                del self._groups[subscription.selection]

    def attach(self, snapshot: Snapshot, *, run_id: str, seed: Sequence[Row] = ()) -> None:
        """Begin at the top: what was before is history, which each session reads for itself.

        `seed`: the newest entries before the top, for the producers' numbers.
        """
        self.seed(seed)
        self.account = Continuity(cursor=snapshot.top, index=snapshot.added, run_id=run_id)
        self.snapshot = snapshot
        self.newest = snapshot.top
        boundary = self.cursor
        for subscription in self._all():
            subscription.boundary = boundary
            subscription.epoch = self.epoch
        self.wake()

    def deliver(self, steps: Sequence[Step], rows: Sequence[Row]) -> int:
        """Hand the steps of the account to every ring, in order; how many events were delivered."""
        delivered, woken = 0, False
        for step in steps:
            match step:
                case Run():
                    delivered += self._run(rows[step.start : step.stop], step.index)
                case Loss():
                    self._loss(step)
                case Settled():
                    woken |= self.settle(Cursor(step.place, step.index))
        if self.sequence_gaps.open:
            self.probe_at = 0.0  # a hole is the stream's loss or its producer's: find out now
        if woken or any(not isinstance(step, Settled) for step in steps):
            self.wake()
        return delivered

    def seed(self, rows: Sequence[Row]) -> None:
        """Learn the producers' numbers from entries before our place, so that a hole shows."""
        for row in rows:
            prepared = self.decoder(row)
            self.sequence_gaps.account(prepared.origin, after=Cursor(row[0]), at=row[0])
        self.sequence_gaps.settle()

    def settle(self, place: Cursor) -> bool:
        """The stream lost nothing more up to here: holes that are left are their producers'.

        Whether there were any.
        """
        holes = self.sequence_gaps.settle()
        for hole in holes:
            self._push_gap(hole_gap(hole), place)
        return bool(holes)

    def wake(self) -> None:
        for subscription in self._all():
            subscription.wake()

    def _all(self) -> list[Subscription]:
        return [subscription for group in self._groups.values() for subscription in group]

    def _run(self, rows: Sequence[Row], index: int | None) -> int:
        delivered = size = 0
        part: list[DecodedEntry] = []
        newest = self.newest if self.newest is not None else before(rows[0][0])
        place = Cursor(newest, None if index is None else index - 1)
        self.newest = rows[-1][0]
        self.counts.entries += len(rows)
        for offset, row in enumerate(rows):
            previous, prepared = place, self.decoder(row)
            place = Cursor(prepared.id, None if index is None else index + offset)
            missed = self.sequence_gaps.account(prepared.origin, after=previous, at=prepared.id)
            if missed or prepared.event is None:
                delivered += self._fan(part, previous)
                part, size = [], 0
                if missed:
                    gap = producer_gap(prepared, missed, after=previous)
                    self._push_gap(gap, previous if prepared.event else place)
            if prepared.event is not None:
                part.append(prepared)
                size += len(prepared.json)
                if len(part) >= FRAME_EVENTS or size >= FRAME_BYTES:
                    delivered += self._fan(part, place)
                    part, size = [], 0
            elif prepared.problem:
                self._push_gap(unreadable_gap(prepared), place)
            elif not missed:  # a marker whose loss the numbers had shown already
                for subscription in self._all():
                    subscription.ring.skip(0, through=place)
        delivered += self._fan(part, place)
        self.counts.delivered += delivered
        return delivered

    def _fan(self, part: Sequence[DecodedEntry], through: Cursor) -> int:
        """One part to every selection: equal selections share the work and the chunk."""
        if not part or not self._groups:
            return 0
        events = [prepared.event for prepared in part if prepared.event is not None]
        batch = Batch(events)
        whole: EventRun | None = None
        delivered = 0
        for selection, group in self._groups.items():
            chosen = selection.select(batch, events)
            count = len(chosen)
            plain = [subscription for subscription in group if not subscription.runner_buffer]
            if len(plain) < len(group):
                for subscription in group:
                    if subscription.runner_buffer:
                        self._fan_unseen(
                            subscription, subscription.runner_buffer, part, chosen, through
                        )
            if not count:
                for subscription in plain:
                    subscription.ring.skip(len(part), through=through)
                continue
            if count == len(part):
                chunk = whole = whole or make_chunk(part, chosen)
            else:
                chunk = make_chunk(part, chosen)
            for subscription in plain:
                subscription.ring.push(chunk, filtered=len(part) - count, through=through)
            delivered += count * len(group)
        return delivered

    @staticmethod
    def _fan_unseen(
        subscription: Subscription,
        runner_buffer: RunnerBuffer,
        part: Sequence[DecodedEntry],
        chosen: Sequence[int],
        through: Cursor,
    ) -> None:
        """To a session that may have had some of it from a runner: those were counted then."""
        unseen = [i for i, prepared in enumerate(part) if not runner_buffer.again(prepared)]
        wanted = sorted(set(unseen).intersection(chosen))
        filtered = len(unseen) - len(wanted)
        if wanted:
            chunk = make_chunk(part, wanted)
            subscription.ring.push(chunk, filtered=filtered, through=through)
        else:
            subscription.ring.skip(filtered, through=through)

    # --- straight from runners ------------------------------------------------------------

    def begin_on_runners(self) -> None:
        """Redis is away: from now on lines come by `runner_row`."""
        self.on_runners = True
        for subscription in self._all():
            if subscription.runner_buffer is None:
                subscription.runner_buffer = RunnerBuffer(
                    limit=subscription.limit, streamless=self.streamless
                )
        self.wake()

    def runner_row(self, row: Row) -> None:
        """One entry of a runner's own stream; what nobody may read there comes from Redis."""
        prepared = self.decoder(row)
        if prepared.event is None:
            return
        event = msgspec.structs.replace(prepared.event, id="")
        part = [DecodedEntry(ZERO_ID, event, prepared.origin, encode_json(event))]
        batch = Batch([event])
        for selection, group in self._groups.items():
            chosen = selection.select(batch, [event])
            chunk = make_chunk(part, chosen) if len(chosen) else None
            for subscription in group:
                if subscription.runner_buffer is not None:
                    subscription.runner_buffer.push(chunk, part, ms=row[0].ms)
        self.wake()

    def end_on_runners(self, seam: Gap) -> None:
        """Redis is back: `seam` marks the place, and each session reads on from its own."""
        self.on_runners = False
        if self.attached:
            for subscription in self._all():
                if subscription.runner_buffer is not None:
                    subscription.ring.push_gap(seam, through=self.cursor)
        self.wake()

    def _loss(self, loss: Loss) -> None:
        if loss.reason in (GapReason.RESET, GapReason.FAILOVER):
            self.settle(Cursor(loss.after))
            self.newest = None
            self.epoch += 1
        self.sequence_gaps.lost(loss.missed)
        self._push_gap(loss_gap(loss), Cursor(loss.place, loss.index))

    def _push_gap(self, gap: Gap, through: Cursor) -> None:
        self.counts.lost[gap.reason] += gap.missed or 1
        for subscription in self._all():
            subscription.ring.push_gap(gap, through=through)
