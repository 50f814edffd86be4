"""Tells whether the stream under a key is still the same, and where to read on when it is not.

After a restart the same stream may be shorter than it was; under the same key another may stand.
What the earlier life still had is told before the loss between the two.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Final

from redis.exceptions import ResponseError

from extdebug.hub.reader_group import Command, ReaderGroup, RolledBack
from extdebug.hub.run_beginning import (
    Beginning,
    behind_what_was_read,
    by_identity,
    find_beginning,
)
from extdebug.hub.sequence_scan import scan_sequences
from extdebug.hub.snapshots import refusal, rows_of, snapshot_commands
from extdebug.hub.watched_stream import WatchedStream
from extdebug.streams import epochs
from extdebug.streams.connection import Link
from extdebug.streams.continuity import Continuity, Loss, beyond, go_on
from extdebug.streams.replies import Row, Snapshot, read_snapshot
from extdebug.streams.server_identity import ServerIdentity
from extdebug.wire.events import GapReason
from extdebug.wire.keys import EPOCH_PREFIX, MOVED_PREFIX, NAMING_PREFIX
from extdebug.wire.positions import Cursor, EntryId

REST_PAGE: Final = 500  # entries read at once of what a restart left
GONE: Final = 1.0  # seconds without a stream under the key until its life is over
LIVES: Final = 8  # lives of the key remembered, for one that comes back
# While somebody else names a life we wait, at most so often and so long (s).
NAMING_TRIES: Final = 20
NAMING_WAIT: Final = 0.01
BEGIN_TRIES: Final = 3  # where the stream is replaced between a look and its name


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
        return epochs.current(snapshot.epochs, snapshot.run(self._server.run_id))

    async def begin(
        self, *, at_top: bool = False, epoch: str = "", beginning: Beginning | None = None,
        tries: int = BEGIN_TRIES,
    ) -> Snapshot:  # fmt: skip
        """See to an epoch of this run, and with `at_top` to our group there. The snapshot after it.

        A key that does not exist is made, empty: only so can its first entry wake the tail.
        """
        key, run_id = self._watched.key, self._server.run_id
        seen = await self._link.together(*snapshot_commands(key))
        snapshot = read_snapshot(seen[0], seen[1])
        commands: list[Command] = []
        if not epoch and not self.current(snapshot):
            snapshot, commands = await self._claim()
        moved = "" if epoch else self._moved(snapshot)
        if moved:
            commands.append(("XGROUP", "CREATE", key, f"{MOVED_PREFIX}{moved}", "0"))
        elif epoch or not self.current(snapshot):
            began_ms, doubt_ms = beginning or by_identity(self._server)
            name = epoch or epochs.new_epoch(
                run_id, began_ms=began_ms, doubt_ms=doubt_ms, failover=self._server.failover,
                earlier=snapshot.epochs,
            )  # fmt: skip
            commands.append(("XGROUP", "CREATE", key, f"{EPOCH_PREFIX}{name}", "0", "MKSTREAM"))
            commands += [
                ("XGROUP", "DESTROY", key, f"{EPOCH_PREFIX}{old}")
                for old in epochs.outdated(snapshot.epochs, run_id)
            ]
            commands += [("XGROUP", "DESTROY", key, MOVED_PREFIX + old) for old in snapshot.moves]
        if at_top:
            commands += self._group.begin()
        replies = await self._link.together(*commands, *snapshot_commands(key))
        refused = refusal(*replies[:-2])
        snapshot = read_snapshot(replies[-2], replies[-1])
        if refused is not None:
            self._group.refused(refused)
        self._group.exists = self._group.synced = at_top and self._group.name in snapshot.groups
        if tries and not self.current(snapshot) and self._group.usable:  # replaced meanwhile
            return await self.begin(at_top=at_top, tries=tries - 1)
        return snapshot

    def _moved(self, snapshot: Snapshot) -> str:
        """The move to be written down, where nobody did: the server from which we know to come gave
        this one the stream whole, and its life there is the newest."""
        if self.current(snapshot):
            return ""
        for earlier in self._server.moved_from:  # it may have moved on before we read it there
            before = snapshot.run(earlier)
            if epochs.current(snapshot.epochs, before):
                return epochs.move(self._server.run_id, before)
        return ""

    async def _claim(self) -> tuple[Snapshot, list[Command]]:
        """The sole right to name this run's life, and what gives it back; or the name that somebody
        gave it meanwhile. Two names would say two things of when the run began, and a session that
        goes from process to process would be told a loss by one and nothing by the other."""
        key, claim = self._watched.key, f"{NAMING_PREFIX}{epochs.run_mark(self._server.run_id)}"
        snapshot = Snapshot(exists=False)
        create: Command = ("XGROUP", "CREATE", key, claim, "0", "MKSTREAM")
        for _ in range(NAMING_TRIES):
            claimed, *seen = await self._link.together(create, *snapshot_commands(key))
            snapshot = read_snapshot(seen[0], seen[1])
            theirs = isinstance(claimed, ResponseError) and "BUSYGROUP" in str(claimed)
            if not theirs or self.current(snapshot):
                break
            await asyncio.sleep(NAMING_WAIT)
        return snapshot, [("XGROUP", "DESTROY", key, claim)]  # theirs too, if they went with it

    async def goes_on(self, snapshot: Snapshot) -> bool:
        """Whether the account goes on in this stream; if not, that is told and it was moved."""
        account = self._watched.account
        if account is None:
            return False
        at = account.at
        moved = snapshot.exists and bool(self._moved(snapshot))
        run_id = (await self.begin() if moved else snapshot).run(self._server.run_id)
        if not snapshot.exists and at.epoch and not self._gone_for_good():
            return False  # moved aside for a moment, or the new stream is just being written
        self._gone_at = 0.0
        if snapshot.exists and not beyond(at, snapshot):
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
        # Without our life's name it is another stream, or a copy older than our beginning.
        stays = at.epoch in snapshot.epochs and not epochs.of_run(at.epoch, run_id)
        if stays:
            rolled_back = self._group.rolled_back(snapshot)
            if rolled_back is not None:
                kept = self._watched.rollbacks
                kept[at.epoch] = rolled_back.known
                while len(kept) > epochs.KEPT:
                    del kept[min(kept)]
            await self._turn(account, rolled_back=rolled_back)
        else:
            await self._change(account, await self.begin(beginning=self._beginning(at, run_id)))
        return False

    def _gone_for_good(self) -> bool:
        now = self._clock()
        self._gone_at = self._gone_at or now
        return now - self._gone_at >= GONE

    async def _present(self, place: EntryId) -> bool:
        """Whether the entry at our place is there: with nothing else to go by, it is our stream."""
        at = str(place)
        return bool(await self._link.call("XRANGE", self._watched.key, at, at))

    async def _turn(self, account: Continuity, *, rolled_back: RolledBack | None) -> None:
        """Into another run of the server in the same stream, where its name says that it began: all
        processes then tell the loss between the runs at one place, whoever noticed first."""
        ours = await find_beginning(
            self._link, self._watched, self._server, rolled_back=rolled_back
        )
        now = await self.begin(beginning=ours)
        life = self.current(now)
        began, certain = ours.places  # where nobody can name it now
        if life:
            began = epochs.next_began(now.epochs, account.at.epoch, life)
            certain = epochs.run_certain(life)
        following = await self._read_rest(account, began)
        if account.at.id > now.top:  # it was written meanwhile
            replies = await self._link.together(*snapshot_commands(self._watched.key))
            now = read_snapshot(replies[0], replies[1])
        bound = None if following is None else max(following, certain)
        await self._change(account, now, bound=bound)

    async def _change(
        self, account: Continuity, now: Snapshot, *, bound: EntryId | None = None
    ) -> None:
        """Into the life that `now` names; what is lost between lies before `bound`."""
        watched = self._watched
        watched.flush(self._ending(account.at, now))
        at = account.at
        self.remember(at)
        self._group.synced = self._group.exists = False
        watched.snapshot = now
        life = self.current(now)
        known = self._lives.get(life)
        if known is not None and known.id <= now.top and life != at.epoch:
            place: Cursor = known
            loss: Loss | None = Loss(GapReason.RESET, None, at.id, None, known)
        else:
            place, loss = go_on(
                at,
                now,
                run_id=self._server.run_id,
                failover=epochs.by_failover(life) if life else self._server.failover,
            )
        if loss is not None:
            if bound is not None:
                loss = dataclasses.replace(loss, before=max(loss.before or bound, bound))
            watched.lose(loss, ends=at)
        account.move(place)
        watched.sequence_gaps.run_began = epochs.run_began(place.epoch)

    async def _read_rest(self, account: Continuity, began: EntryId) -> EntryId | None:
        """What the server kept of the time before `began`, which comes before the loss; the first
        entry behind it. What may be of either run comes behind the loss."""
        watched = self._watched
        while True:
            at = account.at.id
            read = ("XREAD", "COUNT", REST_PAGE, "STREAMS", watched.key, str(at))
            replies = await self._link.together(*snapshot_commands(watched.key), read)
            snapshot = read_snapshot(replies[0], replies[1])
            rows = rows_of(replies[2]) if isinstance(replies[2], list) else []
            old = [row for row in rows if row[0] < began]
            watched.pending.clear()  # it is among these again
            watched.hurried = True  # the loss waits for them, and they for nobody
            await deliver(self._link, watched, snapshot, old, whole=False)
            if account.at.id == at:
                watched.flush(self._ending(account.at, snapshot))
            if len(old) < len(rows):
                return rows[len(old)][0]
            if len(rows) < REST_PAGE:
                return None

    def _ending(self, at: Cursor, now: Snapshot) -> GapReason:
        """Why nobody can count what is lost between this place and the life that `now` names."""
        life = self.current(now)
        failover = epochs.by_failover(life) if life else self._server.failover
        anew = not epochs.of_run(at.epoch, self._server.run_id)
        return GapReason.FAILOVER if anew and failover else GapReason.RESET

    def _beginning(self, at: Cursor, run_id: str) -> Beginning:
        """When this run began, for a reader that stands in a stream which is there no more."""
        doubt = by_identity(self._server)
        anew = not (epochs.of_run(at.epoch, run_id) or self._server.failover)
        return behind_what_was_read(at.id, doubt) if anew else doubt

    def remember(self, at: Cursor) -> None:
        """The place to go on at when this life comes back under the key."""
        if at.epoch:
            self._lives.pop(at.epoch, None)
            self._lives[at.epoch] = at
            while len(self._lives) > LIVES:
                del self._lives[next(iter(self._lives))]
