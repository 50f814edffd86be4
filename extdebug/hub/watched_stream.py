"""One tailed stream: its reader's account, and the fan-out of each batch to its subscriptions.

No I/O and no await: the tail feeds it replies, and every ring is filled before anything else runs.
Losses are told before the entries of the reply that shows them. An entry whose number has a hole
before it waits until the stream's own account says whose loss that is.
"""

from __future__ import annotations

from collections.abc import Sequence

from extdebug.hub.fan_out import Groups, fan_out, fan_out_line
from extdebug.hub.gaps import entry_gaps, loss_gap
from extdebug.hub.redacting_decoder import DecodedEntry, RedactingDecoder
from extdebug.hub.runner_buffer import Number, RunnerBuffer, number_of
from extdebug.hub.selection import FRAME_BYTES, FRAME_EVENTS, fitting
from extdebug.hub.stats import StreamCounts
from extdebug.hub.subscription import Subscription
from extdebug.streams.continuity import Continuity, Loss
from extdebug.streams.producers import NOTHING_MISSING, Missing
from extdebug.streams.replies import Row, Snapshot
from extdebug.streams.sequence_gaps import SequenceGaps
from extdebug.wire.events import Gap, GapReason
from extdebug.wire.keys import Target
from extdebug.wire.positions import Cursor, EntryId, behind
from policies.redaction.redactor import Redactor


class WatchedStream:
    """A stream as this process reads it. `account` is None until the reader has attached."""

    def __init__(self, target: Target, key: str, redactor: Redactor) -> None:
        self.target = target
        self.key = key.encode()
        self.decoder = RedactingDecoder(redactor, target)
        self.sequence_gaps = SequenceGaps()
        self.account: Continuity | None = None
        self.problem = ""  # why this stream cannot be read now, in a person's words
        self.snapshot: Snapshot | None = None
        self.rollbacks: dict[str, EntryId] = {}  # what the server kept of a run that we read
        self.counts = StreamCounts()
        # Read, and not delivered before the stream's account is known or a watcher caught up.
        self.pending: list[Row] = []
        self.hurried = False  # Redis will soon drop what is not delivered: wait for nobody
        self.on_runners = False  # Redis is away, and runners are asked instead
        self.streamless = False  # there is no Redis to come back
        self._met: set[Number] = set()  # numbers that came from Redis while runners are asked
        self._groups = Groups()

    @property
    def attached(self) -> bool:
        return self.account is not None

    @property
    def cursor(self) -> Cursor:
        """Everything up to here was delivered to the rings or stated lost."""
        if self.account is None:
            raise RuntimeError("the watch is not attached yet")
        return self.account.at

    @property
    def subscribers(self) -> int:
        return sum(len(group) for group in self._groups.values())

    @property
    def crowded(self) -> bool:
        """Whether a watcher that keeps up would lose events if more were read now."""
        return any(one.ring.crowded and one.crowded for one in self.subscriptions)

    @property
    def filling(self) -> bool:
        """Whether a watcher's ring is half full, whether or not they keep up."""
        return any(subscription.ring.crowded for subscription in self.subscriptions)

    def join(self, subscription: Subscription) -> None:
        self._groups.setdefault(subscription.selection, []).append(subscription)
        if self.on_runners:
            self._buffer(subscription)

    def leave(self, subscription: Subscription) -> None:
        group = self._groups.get(subscription.selection)
        if group and subscription in group:
            group.remove(subscription)
            if not group:
                del self._groups[subscription.selection]

    def use(self, redactor: Redactor) -> None:
        """New redaction rules, from the next entry on, and for lines of runners that wait."""
        self.decoder.redactor = redactor
        self.decoder.forget()
        for subscription in self.subscriptions:
            if subscription.runner_buffer is not None:
                subscription.runner_buffer.redact(self.decoder)

    def wake(self, *, lines: bool = False) -> None:
        for subscription in self.subscriptions:
            subscription.lines_came() if lines else subscription.wake()

    @property
    def subscriptions(self) -> list[Subscription]:
        return [subscription for group in self._groups.values() for subscription in group]

    # --- the reader's account -----------------------------------------------------------------

    def attach(self, at: Cursor, snapshot: Snapshot) -> None:
        """Begin at the top: what was before is history, which each session reads for itself."""
        self.account = Continuity(at)
        self.snapshot = snapshot
        for subscription in self.subscriptions:
            subscription.boundary = at
        self.wake()

    def read(self, rows: Sequence[Row]) -> int:
        """Entries without a snapshot, up to the first that shows a loss or for which a watcher that
        keeps up has no room; the rest is `pending` until `look`. How many events were delivered."""
        self.pending += rows
        self.sequence_gaps.certain = False
        return self._run(self.pending, known=False)

    def look(self, snapshot: Snapshot, rows: Sequence[Row], *, whole: bool) -> int:
        """Entries behind the account, as of one moment; `whole` when the stream has no more."""
        account = self.account
        if account is None:
            raise RuntimeError("the watch is not attached yet")
        self.snapshot, self.sequence_gaps.certain = snapshot, False
        delivered, first = 0, snapshot.first
        if gone := [row for row in self.pending if first is None or row[0] < first]:
            self.hurried = True  # the stream holds them no more, but we do
            rows = [*self.pending[len(gone) :], *rows]
            self.pending = gone
            delivered += self._run(self.pending, known=False)
        self.pending += rows
        ends = account.at
        for loss in account.look(snapshot, [row[0] for row in self.pending], whole=whole):
            self.lose(loss, ends=ends)
        # Nothing is trimmed out of the middle: without entries deleted by hand all is known.
        self.sequence_gaps.certain = whole or account.certain(snapshot)
        delivered += self._run(self.pending, known=True)
        if whole and not self.pending:
            account.settle(snapshot)
        elif self.sequence_gaps.certain and not self.pending:
            account.prove()
        return delivered

    def lose(self, loss: Loss, *, ends: Cursor) -> None:
        """Tell every ring a loss of the stream, in its order; `ends`: where the account stood."""
        top = self.snapshot.top if self.snapshot is not None else loss.after
        until = loss.before or behind(max(top, loss.after))
        self.sequence_gaps.lost(loss.missed, after=loss.after, until=until)
        gap = loss_gap(loss)
        self.counts.lost[gap.reason] += gap.missed or 1
        through = self.sequence_gaps.told(loss.through)
        for subscription in self.subscriptions:
            subscription.ring.push_loss(gap, loss, through=through, ends=ends)
        self.wake()

    def flush(self, ended: GapReason) -> int:
        """Deliver what is pending, since the stream has `ended` that could explain its numbers: how
        much they show to be missing is not to be known where they could not be judged."""
        self.hurried = True
        delivered = self._run(self.pending, known=True, ended=ended)
        self.sequence_gaps.complete = True
        return delivered

    def unknown_source(self) -> bool:
        """Whether the first pending entry's number can only be judged by earlier entries."""
        first = self.decoder(self.pending[0]) if self.pending else None
        return first is not None and self.sequence_gaps.unknown(first.origin, at=first.id)

    # --- to the rings -------------------------------------------------------------------------

    def _run(self, rows: list[Row], *, known: bool, ended: GapReason | None = None) -> int:
        """Deliver `rows` from the front, and take what was delivered out of the list."""
        account = self.account
        if account is None or not rows:
            return 0
        delivered = size = taken = done = 0
        part: list[DecodedEntry] = []
        place = self.sequence_gaps.told(account.at)
        some: Sequence[DecodedEntry] = ()
        batches = self.decoder.batches(rows)
        while taken < len(rows):
            if not part and len(rows) > 1 and not self.hurried and self.crowded:
                break
            if done == len(some):
                some, done = next(batches), 0
            if run := self._plain_run(some[done:], begun=len(part), size=size):
                count = len(run)
                index = None if place.index is None else place.index + count
                place = Cursor(run[-1].id, index, place.epoch)
                part += run
                size += sum([len(decoded.json) for decoded in run])
            else:
                count, decoded = 1, some[done]
                undecided = self._undecided(decoded, known=known)
                if undecided and ended is None:
                    break
                previous = place
                index = None if place.index is None else place.index + 1
                # Told before this entry, to whoever brought that place.
                told = previous.stated and decoded.event is not None
                lost = self.sequence_gaps.account(decoded.origin, at=decoded.id, told=told)
                if undecided and not told:
                    lost = Missing(0, 0, unknown=ended)
                place = self.sequence_gaps.told(Cursor(decoded.id, index, place.epoch))
                told_before = previous.ahead, previous.untold
                changed = lost != NOTHING_MISSING or told_before != (place.ahead, place.untold)
                if changed or decoded.event is None:
                    delivered += self._fan(part, previous)
                    part, size = [], 0
                    self._tell(decoded, lost, previous, place)
                if decoded.event is not None:
                    part.append(decoded)
                    size += len(decoded.json)
            done, taken = done + count, taken + count
            if len(part) >= FRAME_EVENTS or size >= FRAME_BYTES:
                delivered += self._fan(part, place)
                part, size = [], 0
        delivered += self._fan(part, place)
        account.read([id for id, _ in rows[:taken]], blind=not known)
        del rows[:taken]
        self.counts.entries += taken
        self.counts.delivered += delivered
        if taken:
            self.wake(lines=True)
        return delivered

    def _plain_run(
        self, entries: Sequence[DecodedEntry], *, begun: int, size: int
    ) -> Sequence[DecodedEntry]:
        """Those from the first that show nothing but themselves, up to the end of the frame that
        has `begun` events of `size` bytes. They are accounted for, and `told` would leave each
        place among them as it is: 0.2 us an entry, and 1 to 2 us without this."""
        most = fitting(entries, begun=begun, size=size)
        return entries[: self.sequence_gaps.plain(entries[:most])]

    def _undecided(self, decoded: DecodedEntry, *, known: bool) -> bool:
        """Whether only a look, or the stream's earlier entries, can say what this entry shows."""
        numbers, origin, at = self.sequence_gaps, decoded.origin, decoded.id
        return numbers.unknown(origin, at=at) or (not known and numbers.shows_loss(origin, at=at))

    def _fan(self, part: Sequence[DecodedEntry], through: Cursor) -> int:
        if not part or not self._groups:
            return 0
        if self.on_runners:
            self._met.update(filter(None, map(number_of, part)))
        return fan_out(self._groups, part, through)

    def _tell(
        self, decoded: DecodedEntry, lost: Missing, previous: Cursor, place: Cursor
    ) -> None:  # fmt: skip
        """What this entry shows to be lost, and the entry itself where it has no line."""
        account = self.account
        if account is not None and lost.hole and not self.sequence_gaps.certain:
            account.explain(lost.hole)  # it may be the stream's, and lie anywhere since
            lost = lost._replace(since=min(lost.since or previous.id, account.proved))
        for gap, through, counted in entry_gaps(decoded, lost, previous, place):
            self._push_gap(gap, through, counted=counted)

    def _push_gap(self, gap: Gap | None, through: Cursor, *, counted: int) -> None:
        for subscription in self.subscriptions:
            if gap is None:
                subscription.ring.skip(0, through=through, counted=counted)
            else:
                subscription.ring.push_gap(gap, through=through, counted=counted)
        if gap is not None:
            self.counts.lost[gap.reason] += gap.missed or 1
            self.wake()

    # --- straight from runners ------------------------------------------------------------

    def begin_fallback(self) -> None:
        """Redis is away: from now on lines come by `runner_row`."""
        self.on_runners = True
        for subscription in self.subscriptions:
            self._buffer(subscription)
        self.wake()

    def _buffer(self, subscription: Subscription) -> None:
        if subscription.runner_buffer is None:
            limit = subscription.limit
            subscription.runner_buffer = RunnerBuffer(limit=limit, streamless=self.streamless)

    def runner_row(self, row: Row) -> None:
        """One entry of a runner's own stream; what nobody may read there comes from Redis, and
        what has come from there already, as Redis is back, is not shown again."""
        decoded = self.decoder(row)
        if decoded.event is None or number_of(decoded) in self._met:
            return
        fan_out_line(self._groups, decoded.event, decoded.origin, ms=row[0].ms)
        self.wake()

    def end_fallback(self, seam: Gap) -> None:
        """Redis is back: `seam` marks the place, and each session reads on from its own."""
        self.on_runners = False
        self._met.clear()
        for subscription in self.subscriptions if self.attached else ():
            if subscription.runner_buffer is not None:
                subscription.push_seam(seam)
        self.wake()
