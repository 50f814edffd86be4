"""Reads one stream for its tail: by its group, by snapshots, and on when the stream is another.

A *look* is a snapshot and a read in one transaction: what it finds is exact, its place included.
Between looks the tail's blocking read brings entries, provisional in their count by what a trim
could have taken unseen; a stream that moves is therefore looked at several times a second.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from redis.exceptions import ResponseError

from extdebug.hub.reader_group import ReaderGroup
from extdebug.hub.sequence_scan import seed_sequences
from extdebug.hub.stream_life import StreamLife, deliver, refusal, rows_of, snapshot_commands
from extdebug.hub.watched_stream import WatchedStream
from extdebug.streams import epochs
from extdebug.streams.connection import Link
from extdebug.streams.replies import Row, Snapshot, read_snapshot
from extdebug.streams.server_identity import ServerIdentity
from extdebug.wire.positions import FUTURE_MS, Cursor

log = logging.getLogger(__name__)

IDLE_LOOK: Final = 2.0  # seconds between two looks at a stream that does not move
BUSY_LOOK: Final = 0.2  # and at one that does: so long a cursor may be provisional
PLAIN_LOOK: Final = 0.1  # and at one that cannot be read by a group
QUARANTINE: Final = 1.0  # seconds before a stream that failed alone is tried again
PACE_LOOK: Final = 0.1  # seconds between two looks at how much is left while a watcher catches up
GONE_LOOK: Final = 0.02  # seconds between two looks at a key that is gone


class StreamReader:
    """One watched stream as its tail reads it. Only the tail's task calls it."""

    def __init__(
        self, watched: WatchedStream, link: Link, server: ServerIdentity, *, group: bytes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.watched = watched
        self.behind = False  # the last reply was full, or the connection is new
        self._link = link
        self._server = server
        self._group = ReaderGroup(watched.key, group)
        self._look_at = 0.0
        self._retry_at = 0.0
        self._gone = False  # no stream is under the key at the moment
        self._at_risk = False  # it is trimmed, and half of what it holds lies ahead of us
        self._clock = clock
        self._life = StreamLife(watched, link, server, self._group, clock=clock)

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
        if self._gone:
            return now >= self._look_at
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
        self._group.given(rows[-1][0])
        delivered = self.watched.read(rows)
        self.behind = full
        self._look_at = min(self._look_at, self._clock() + BUSY_LOOK)
        if self.watched.pending:
            self.due()
        return delivered

    # --- a look -------------------------------------------------------------------------------

    async def look(self, count: int) -> int:
        """One look; how many events were delivered. LOST when the connection is gone."""
        sent_at = self._clock()
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
        # The snapshot comes first: it tells where the group stood before we put it anywhere.
        commands = [*snapshot_commands(watched.key), *prepared]
        if not crowded:
            commands.append(group.read(account.at, count))
        replies = await self._link.together(*commands)
        read = None if crowded else replies[-1]
        snapshot = read_snapshot(replies[0], replies[1])
        if self._in_future(snapshot):
            return 0
        refused = refusal(*replies[2 : 2 + len(prepared)], read)
        epoch = account.at.epoch
        if not await self._life.goes_on(snapshot):
            self._gone = not snapshot.exists and account.at.epoch == epoch
            self.behind = not self._gone
            if self._gone:  # often, until it is there again or gone for good
                self._look_at = self._clock() + GONE_LOOK
            return 0
        self._gone = False
        if refused is not None:
            group.refused(refused)
            self._look_at = 0.0 if group.usable else self._clock() + PLAIN_LOOK / 4
            return 0
        group.well(read_by_group=by_group)
        self._well()
        ahead = snapshot.added - (account.at.index or snapshot.added)
        trimmed = snapshot.added > snapshot.length
        self._at_risk = watched.hurried = trimmed and ahead * 2 > snapshot.length > 0
        rows = [] if crowded else rows_of(read)
        if by_group and (rows or prepared):
            group.given(rows[-1][0] if rows else account.at.id)
        if rows and not by_group:
            group.synced = False
        whole = not crowded and len(rows) < count
        self.behind = not whole and not crowded
        return await deliver(self._link, watched, snapshot, rows, whole=whole)

    def _well(self) -> None:
        if self.watched.problem:
            self.watched.problem = ""
            self.watched.wake()

    async def _attach(self) -> None:
        """Begin at the top of this life, with its epoch and our group made as of that moment."""
        snapshot = await self._life.begin(at_top=True)
        if self._in_future(snapshot):
            return
        at = Cursor(snapshot.top, snapshot.added, self._life.current(snapshot))
        self._well()
        self.behind = False
        watched = self.watched
        numbers = watched.sequence_gaps
        numbers.run_began = epochs.run_began(at.epoch)
        await seed_sequences(self._link, watched.key, watched.target, numbers, until=at.id)
        watched.attach(at, snapshot)
        self._life.remember(at)

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
        self._retry_at = self._clock() + QUARANTINE
        watched = self.watched
        if watched.problem != problem:
            log.warning("stream %s quarantined: %s", watched.target, problem)
            watched.problem = problem
            watched.wake()
