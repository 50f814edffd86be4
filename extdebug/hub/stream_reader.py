"""How a tail reads one stream: its group, its looks, what to do when the stream is another.

A *look* is a snapshot and a read in one transaction: what it finds is exact, its place included.
Between looks the tail's blocking read brings entries, provisional in their count by what a trim
could have taken unseen; a stream that moves is therefore looked at several times a second.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any, Final

from redis.exceptions import ResponseError

from extdebug.hub.reader_group import Command, ReaderGroup
from extdebug.hub.sequence_scan import scan_sequences
from extdebug.hub.watched_stream import WatchedStream
from extdebug.streams import epochs
from extdebug.streams.connection import Link
from extdebug.streams.continuity import Loss, go_on
from extdebug.streams.replies import Row, Snapshot, read_keys, read_snapshot
from extdebug.streams.sequence_gaps import SequenceGaps
from extdebug.streams.server_identity import ServerIdentity
from extdebug.wire.events import GapReason
from extdebug.wire.keys import EPOCH_PREFIX
from extdebug.wire.positions import Cursor, EntryId

log = logging.getLogger(__name__)

IDLE_LOOK: Final = 2.0  # seconds between two looks at a stream that does not move
BUSY_LOOK: Final = 0.2  # and at one that does: so long a cursor may be provisional
PLAIN_LOOK: Final = 0.1  # and at one that cannot be read by a group
QUARANTINE: Final = 1.0  # seconds before a stream that failed alone is tried again
PACE_LOOK: Final = 0.1  # seconds between two looks at how much is left while a watcher catches up
FUTURE_MS: Final = 5 * 60 * 1000  # an id further ahead of our clock is not one we follow
LIVES: Final = 8  # lives of the key remembered, for one that comes back


class StreamReader:
    """One watched stream as its tail reads it. Only the tail's task calls it."""

    def __init__(
        self, watched: WatchedStream, link: Link, server: ServerIdentity, *, group: bytes
    ) -> None:
        self.watched = watched
        self.behind = False  # the last reply was full, or the connection is new
        self._link = link
        self._server = server
        self._group = ReaderGroup(watched.key, group)
        self._look_at = 0.0
        self._retry_at = 0.0
        self._at_risk = False  # half of what the stream holds lies ahead of us
        self._lives: dict[str, Cursor] = {}

    # --- what the tail asks -------------------------------------------------------------------

    def due(self) -> None:
        self._look_at = 0.0

    def reconnected(self) -> None:
        """A reply may have been lost on its way: the account says what was delivered."""
        self._group.synced = False
        self.behind = True
        self.watched.pending.clear()

    def wants_look(self, now: float) -> bool:
        if self.watched.problem and now < self._retry_at:
            return False
        watched, group = self.watched, self._group
        unsure = not watched.attached or self.behind or bool(watched.pending) or not group.synced
        return bool(watched.problem) or now >= self._look_at or (unsure and group.usable)

    @property
    def blockable(self) -> bool:
        """Whether the tail's blocking read may take it."""
        watched = self.watched
        return (
            watched.attached
            and self._group.synced
            and not (watched.problem or self.behind or watched.pending)
        )

    def paced(self, now: float) -> bool:
        """Whether to wait for a watcher that keeps up, because Redis still holds what we leave.

        Where the stream has lost half of the way to our place, reading on loses less.
        """
        watched = self.watched
        if not watched.attached or watched.problem or self._at_risk or not watched.crowded:
            return False
        return now < self._look_at  # a look only takes a snapshot then

    def took(self, rows: Sequence[Row], *, full: bool) -> int:
        """Entries of the blocking read."""
        delivered = self.watched.read(rows)
        self.behind = full
        self._look_at = min(self._look_at, time.monotonic() + BUSY_LOOK)
        if self.watched.pending:
            self.due()
        return delivered

    # --- a look -------------------------------------------------------------------------------

    async def look(self, count: int) -> int:
        """One look; how many events were delivered. LOST when the connection is gone."""
        sent_at = time.monotonic()
        try:
            delivered = await self._look(count)
        except ResponseError as error:
            self._quarantine(f"this stream cannot be read: {str(error)[:160]}")
            self._group.synced = False
            return 0
        pause = BUSY_LOOK if delivered else IDLE_LOOK
        if self.watched.crowded:
            pause = PACE_LOOK
        elif not self._group.usable:
            pause = PLAIN_LOOK
        if self._look_at <= sent_at:
            self._look_at = sent_at + pause
        return delivered

    async def _look(self, count: int) -> int:
        watched = self.watched
        account = watched.account
        if account is None:
            await self._attach()
            return 0
        crowded = watched.crowded and not self._at_risk
        group = self._group
        by_group = group.usable
        prepared = group.prepare(account.at)
        if prepared or not by_group:
            watched.pending.clear()  # read again from the account's place
        commands = [*prepared, *self._snapshot_commands()]
        if not crowded:
            commands.append(group.read(account.at, count))
        replies = await self._link.together(*commands)
        read = None if crowded else replies[-1]
        snapshot = read_snapshot(replies[len(prepared)], replies[len(prepared) + 1])
        if self._in_future(snapshot):
            return 0
        refused = _refusal(*replies[: len(prepared)], read)
        if not await self._same_life(snapshot):
            return 0
        if refused is not None:
            group.refused(refused)
            self._look_at = 0.0 if group.usable else time.monotonic() + PLAIN_LOOK / 4
            return 0
        group.well(read_by_group=by_group)
        self._well()
        ahead = snapshot.added - (account.at.index or snapshot.added)
        self._at_risk = ahead * 2 > snapshot.length > 0
        rows = [] if crowded else _rows_of(read)
        if rows and not by_group:
            group.synced = False
        whole = not crowded and len(rows) < count
        self.behind = not whole and not crowded
        delivered = watched.look(snapshot, rows, whole=whole)
        while watched.pending and watched.unknown_source():
            watched.learn(await self._scan(account.at.id))
            delivered += watched.look(snapshot, (), whole=whole)
        return delivered

    async def _scan(self, until: EntryId) -> SequenceGaps:
        watched = self.watched
        return await scan_sequences(self._link, watched.key, watched.target, until=until)

    def _snapshot_commands(self) -> list[Command]:
        return [("XINFO", "STREAM", self.watched.key), ("XINFO", "GROUPS", self.watched.key)]

    def _well(self) -> None:
        if self.watched.problem:
            self.watched.problem = ""
            self.watched.wake()

    # --- the stream's life --------------------------------------------------------------------

    async def _attach(self) -> None:
        """Begin at the top of this life, with its epoch and our group made as of that moment."""
        snapshot = await self._begin_life(at_top=True)
        if self._in_future(snapshot):
            return
        life = epochs.current(snapshot.epochs, self._server.run_id)
        at = Cursor(snapshot.top, snapshot.added, life)
        self._well()
        self.behind = False
        self.watched.attach(at, snapshot)
        self._remember(at)

    async def _same_life(self, snapshot: Snapshot) -> bool:
        """Whether the account goes on in this stream; if not, say so and begin where it goes on."""
        watched, run_id = self.watched, self._server.run_id
        account = watched.account
        if account is None:
            return False
        at = account.at
        ours = at.epoch in snapshot.epochs or (
            self._group.exists and self._group.name in snapshot.groups
        )
        beyond = at.id > snapshot.top or (at.index or 0) > snapshot.added
        if snapshot.exists and not beyond:
            if ours and epochs.of_run(at.epoch, run_id):
                if at.epoch not in snapshot.epochs:  # somebody removed the group by hand
                    await self._begin_life(epoch=at.epoch)
                return True
            if not at.epoch:  # attached while no group could be made
                life = epochs.current(snapshot.epochs, run_id)
                if not life and self._group.usable:
                    now = await self._begin_life()
                    life = epochs.current(now.epochs, run_id)
                account.move(Cursor(at.id, at.index, life))
                return True
        watched.flush()
        at = account.at
        self._remember(at)
        self._group.synced = self._group.exists = False
        now = await self._begin_life()
        watched.snapshot = now
        life = epochs.current(now.epochs, run_id)
        known = self._lives.get(life)
        if known is not None and known.id <= now.top and life != at.epoch:
            place: Cursor = known
            loss: Loss | None = Loss(GapReason.RESET, None, at.id, None, known)
        else:
            place, loss = go_on(at, now, run_id=run_id, failover=self._server.failover)
        if loss is not None:
            watched.lose(loss)
        account.move(place)
        self.behind = True
        self._group.synced = False
        return False

    async def _begin_life(self, *, at_top: bool = False, epoch: str = "") -> Snapshot:
        """See to an epoch of this run, and with `at_top` to our group there. The snapshot after it.

        A key that does not exist is made, empty: only so can its first entry wake the tail.
        """
        key, run_id = self.watched.key, self._server.run_id
        seen = await self._link.together(*self._snapshot_commands())
        snapshot = read_snapshot(seen[0], seen[1])
        commands: list[Command] = []
        if epoch or not epochs.current(snapshot.epochs, run_id):
            name = f"{EPOCH_PREFIX}{epoch or epochs.new_epoch(run_id)}"
            commands.append(("XGROUP", "CREATE", key, name, "0", "MKSTREAM"))
            commands += [
                ("XGROUP", "DESTROY", key, f"{EPOCH_PREFIX}{old}")
                for old in epochs.outdated(snapshot.epochs, run_id)
            ]
        if at_top:
            commands += self._group.begin()
        replies = await self._link.together(*commands, *self._snapshot_commands())
        refused = _refusal(*replies[:-2])
        snapshot = read_snapshot(replies[-2], replies[-1])
        if refused is not None:
            self._group.refused(refused)
        self._group.exists = self._group.synced = at_top and self._group.name in snapshot.groups
        return snapshot

    def _remember(self, at: Cursor) -> None:
        if at.epoch:
            self._lives.pop(at.epoch, None)
            self._lives[at.epoch] = at
            while len(self._lives) > LIVES:
                del self._lives[next(iter(self._lives))]

    # --- what cannot be read ------------------------------------------------------------------

    def _in_future(self, snapshot: Snapshot) -> bool:
        if snapshot.top.ms <= time.time() * 1000 + FUTURE_MS:
            return False
        self._quarantine(
            f"the stream's newest id ({snapshot.top}) lies in the future; "
            "an operator must delete it"
        )
        return True

    def _quarantine(self, problem: str) -> None:
        self._retry_at = time.monotonic() + QUARANTINE
        watched = self.watched
        if watched.problem != problem:
            log.warning("stream %s quarantined: %s", watched.target, problem)
            watched.problem = problem
            watched.wake()


def _refusal(*replies: Any) -> ResponseError | None:
    return next((reply for reply in replies if isinstance(reply, ResponseError)), None)


def _rows_of(reply: Any) -> list[Row]:
    keys = read_keys(reply)
    return keys[0][1] if keys else []
