"""Tells whether the stream under a key is still the same, and where to read on when it is not.

After a restart the same stream may be shorter than it was; under the same key another may stand.
What the earlier life still had is told before the loss between the two.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from redis.exceptions import ResponseError

from extdebug.hub.reader_group import Command, ReaderGroup
from extdebug.hub.sequence_scan import scan_sequences
from extdebug.hub.watched_stream import WatchedStream
from extdebug.streams import epochs
from extdebug.streams.connection import Link
from extdebug.streams.continuity import Continuity, Loss, go_on
from extdebug.streams.replies import Row, Snapshot, read_info, read_keys, read_snapshot
from extdebug.streams.server_identity import ServerIdentity
from extdebug.wire.events import GapReason
from extdebug.wire.keys import EPOCH_PREFIX
from extdebug.wire.positions import Cursor, EntryId

REST_PAGE: Final = 500  # entries read at once of what a restart left
GONE: Final = 1.0  # seconds without a stream under the key until its life is over
LIVES: Final = 8  # lives of the key remembered, for one that comes back


class Crossing(NamedTuple):
    """Where one run of the server ends in a stream and the next begins.

    The new run wrote nothing before `began_ms` and everything from `doubt_ms` later on. What was
    lost between the runs lies before `bound`; None where nothing was written since.
    """

    began_ms: int | None
    doubt_ms: int
    bound: EntryId | None


def snapshot_commands(key: bytes) -> list[Command]:
    """What `read_snapshot` reads, to be sent in one transaction with what it is about."""
    return [("XINFO", "STREAM", key), ("XINFO", "GROUPS", key)]


async def epochs_under(link: Link, key: bytes) -> tuple[Sequence[str], str]:
    """The epochs that the stream under a key carries, and the server's run; empty: not told."""
    *replies, info = await link.together(*snapshot_commands(key), ("INFO", "server"))
    told = read_info(info) if isinstance(info, bytes) else {}
    return read_snapshot(replies[0], replies[1]).epochs, told.get("run_id", "")


async def deliver(
    link: Link, watched: WatchedStream, snapshot: Snapshot, rows: Sequence[Row], *, whole: bool
) -> int:
    """Entries as of one moment; what a number among them shows may need the stream's earlier ones.

    How many events were delivered.
    """
    delivered = watched.look(snapshot, rows, whole=whole)
    while watched.pending and watched.unknown_source():
        key, target, at = watched.key, watched.target, watched.cursor.id
        numbers = watched.sequence_gaps
        began = numbers.run_began
        earlier = await scan_sequences(link, key, target, until=at, run_began=began)
        if earlier is None:
            break  # the stream changes while it is read: the next look says what became of it
        numbers.learn(earlier)
        delivered += watched.look(snapshot, (), whole=whole)
    return delivered


class StreamLife:
    """Owned by a StreamReader."""

    def __init__(
        self, watched: WatchedStream, link: Link, server: ServerIdentity, group: ReaderGroup,
        *, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._watched = watched
        self._link = link
        self._server = server
        self._group = group
        self._lives: dict[str, Cursor] = {}
        self._clock = clock
        self._gone_at = 0.0  # when the key was first seen gone

    def current(self, snapshot: Snapshot) -> str:
        """The epoch that all processes use now."""
        return epochs.current(snapshot.epochs, self._server.run_id)

    async def begin(
        self, *, at_top: bool = False, epoch: str = "", crossing: Crossing | None = None
    ) -> Snapshot:
        """See to an epoch of this run, and with `at_top` to our group there. The snapshot after it.

        A key that does not exist is made, empty: only so can its first entry wake the tail.
        """
        key, run_id = self._watched.key, self._server.run_id
        seen = await self._link.together(*snapshot_commands(key))
        snapshot = read_snapshot(seen[0], seen[1])
        commands: list[Command] = []
        if epoch or not epochs.current(snapshot.epochs, run_id):
            began_ms, doubt_ms, _ = crossing or self._crossing(None)
            name = epoch or epochs.new_epoch(
                run_id, began_ms=began_ms, doubt_ms=doubt_ms, failover=self._server.failover
            )
            commands.append(("XGROUP", "CREATE", key, f"{EPOCH_PREFIX}{name}", "0", "MKSTREAM"))
            commands += [
                ("XGROUP", "DESTROY", key, f"{EPOCH_PREFIX}{old}")
                for old in epochs.outdated(snapshot.epochs, run_id)
            ]
        if at_top:
            commands += self._group.begin()
        replies = await self._link.together(*commands, *snapshot_commands(key))
        refused = refusal(*replies[:-2])
        snapshot = read_snapshot(replies[-2], replies[-1])
        if refused is not None:
            self._group.refused(refused)
        self._group.exists = self._group.synced = at_top and self._group.name in snapshot.groups
        return snapshot

    async def goes_on(self, snapshot: Snapshot) -> bool:
        """Whether the account goes on in this stream; if not, that is told and it was moved."""
        account = self._watched.account
        if account is None:
            return False
        at, run_id = account.at, self._server.run_id
        beyond = at.id > snapshot.top or (at.index or 0) > snapshot.added
        if not snapshot.exists and at.epoch and not self._gone_for_good():
            return False  # moved aside for a moment, or the new stream is just being written
        self._gone_at = 0.0
        if snapshot.exists and not beyond:
            # Our group alone proves nothing in a life with a name: it may be one that we left.
            ours = self._group.name in snapshot.groups and not self.current(snapshot)
            ours = ours and self._group.exists
            if (at.epoch in snapshot.epochs or ours) and epochs.of_run(at.epoch, run_id):
                if at.epoch not in snapshot.epochs:  # somebody removed the group by hand
                    await self.begin(epoch=at.epoch)
                return True
            if epochs.of_run(at.epoch, run_id) and await self._present(at.id):
                await self.begin(epoch=at.epoch)  # all groups were removed by hand
                return True
            if not at.epoch:  # attached while no group could be made
                life = self.current(snapshot)
                if not life and self._group.usable:
                    life = self.current(await self.begin())
                account.move(Cursor(at.id, at.index, life))
                return True
        crossing: Crossing | None = None
        # Without our life's name it is another stream, or a copy older than our beginning.
        if at.epoch in snapshot.epochs and not epochs.of_run(at.epoch, run_id):
            self._watched.pending.clear()
            if self._server.failover or self._group.rolled_back(snapshot):
                crossing = await self._turn(at.id, rolled_back=self._group.rolled_back(snapshot))
            else:
                crossing = await self._read_rest(account)
        await self._change(account, crossing)
        return False

    def _gone_for_good(self) -> bool:
        now = self._clock()
        self._gone_at = self._gone_at or now
        return now - self._gone_at >= GONE

    async def _present(self, place: EntryId) -> bool:
        """Whether the entry at our place is there: with nothing else to go by, it is our stream."""
        at = str(place)
        return bool(await self._link.call("XRANGE", self._watched.key, at, at))

    async def _change(self, account: Continuity, crossing: Crossing | None) -> None:
        watched = self._watched
        watched.flush()
        at = account.at
        self.remember(at)
        self._group.synced = self._group.exists = False
        now = await self.begin(crossing=crossing)
        watched.snapshot = now
        life = self.current(now)
        known = self._lives.get(life)
        if known is not None and known.id <= now.top and life != at.epoch:
            place: Cursor = known
            loss: Loss | None = Loss(GapReason.RESET, None, at.id, None, known)
        else:
            run_id, failover = self._server.run_id, self._server.failover
            place, loss = go_on(at, now, run_id=run_id, failover=failover)
        if loss is not None:
            if crossing is not None and crossing.bound is not None:
                bound = max(loss.before or crossing.bound, crossing.bound)
                loss = dataclasses.replace(loss, before=bound)
            watched.lose(loss, ends=at)
        account.move(place)
        watched.sequence_gaps.run_began = epochs.run_began(place.epoch)
        self._group.synced = False

    async def _turn(self, place: EntryId, *, rolled_back: bool) -> Crossing:
        """Into a run that may have begun right behind our place. When it was rolled back to before
        our last read all that follows is its own; else what there is may be of either run."""
        read = ("XREAD", "COUNT", 1, "STREAMS", self._watched.key, str(place))
        rows = rows_of((await self._link.together(read))[0])
        certain_ms = self._server.certain_ms or 0
        if not rows:
            return Crossing(certain_ms or None, 0, None)
        first = rows[0][0]
        if rolled_back or first.ms >= certain_ms:
            return Crossing(first.ms, 0, first)
        return Crossing(first.ms, certain_ms - first.ms, EntryId(certain_ms, 0))

    def _crossing(self, following: EntryId | None) -> Crossing:
        """As far as the server's identity tells; `following` is the first entry in doubt."""
        began_ms, certain_ms = self._server.began_ms, self._server.certain_ms
        if began_ms is None or certain_ms is None:
            return Crossing(None, 0, following)
        if following is None:
            return Crossing(began_ms, max(0, certain_ms - began_ms), None)
        if following.ms >= certain_ms:
            return Crossing(began_ms, 0, following)
        return Crossing(began_ms, certain_ms - began_ms, EntryId(certain_ms, 0))

    async def _read_rest(self, account: Continuity) -> Crossing:
        """After a restart: what the server kept of the time before it, which comes before the loss.
        Entries of the second in which it started may be of either run: they come behind it."""
        watched, began_ms = self._watched, self._server.began_ms
        while began_ms is not None:
            read = ("XREAD", "COUNT", REST_PAGE, "STREAMS", watched.key, str(account.at.id))
            replies = await self._link.together(*snapshot_commands(watched.key), read)
            snapshot = read_snapshot(replies[0], replies[1])
            rows = rows_of(replies[2]) if isinstance(replies[2], list) else []
            old = [row for row in rows if row[0].ms < began_ms]
            await deliver(self._link, watched, snapshot, old, whole=False)
            if len(old) < len(rows):
                return self._crossing(rows[len(old)][0])
            if len(rows) < REST_PAGE:
                break
        return self._crossing(None)

    def remember(self, at: Cursor) -> None:
        """The place to go on at when this life comes back under the key."""
        if at.epoch:
            self._lives.pop(at.epoch, None)
            self._lives[at.epoch] = at
            while len(self._lives) > LIVES:
                del self._lives[next(iter(self._lives))]


def refusal(*replies: Any) -> ResponseError | None:
    return next((reply for reply in replies if isinstance(reply, ResponseError)), None)


def rows_of(reply: Any) -> list[Row]:
    keys = read_keys(reply)
    return keys[0][1] if keys else []
