"""Reads one stream for its tail: by its group, by snapshots, and on when the stream is another.

A *look* is a snapshot and a read in one transaction: what it finds is exact, its place included.
Between looks the tail's blocking read brings entries, provisional in their count by what a trim
could have taken unseen; a stream that moves is looked at several times a second. Where all was
read a snapshot alone proves it: the tail asks for those of many streams at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from redis.exceptions import RedisError, ResponseError

from extdebug.hub.patience import Patience
from extdebug.hub.reader_group import ReaderGroup
from extdebug.hub.sequence_scan import seed_sequences
from extdebug.hub.snapshots import refusal, rows_of, snapshot_commands
from extdebug.hub.stream_life import StreamLife, deliver
from extdebug.hub.watched_stream import WatchedStream
from extdebug.streams import epochs
from extdebug.streams.connection import Link, pack
from extdebug.streams.replies import Row, Snapshot, read_snapshot, scalars
from extdebug.streams.server_identity import ServerIdentity
from extdebug.wire.positions import FUTURE_MS, Cursor
from extdebug.wire.redis_cluster import ON_ITS_WAY

log = logging.getLogger(__name__)

IDLE_LOOK: Final = 5.0  # seconds between two looks at a stream that does not move
BUSY_LOOK: Final = 0.2  # and at one that does: so long a cursor may be provisional
QUIET: Final = 0.15  # seconds without an entry until a snapshot alone is likely to prove enough
PLAIN_LOOK: Final = 0.1  # and at one that cannot be read by a group
QUARANTINE: Final = 1.0  # seconds before a stream that failed alone is tried again
ON_ITS_WAY_LOOK: Final = 0.1  # and one that is on its way to another node of a cluster
PACE_LOOK: Final = 0.1  # seconds between two looks at how much is left while a watcher catches up
WIDE: Final = 5000  # entries of one look where some ahead were deleted by hand: about 0.1 s
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
        self.look_at = 0.0
        self.question = pack(("XINFO", "STREAM", watched.key))  # what `proved` takes the answer to
        self._moved_at = 0.0
        self._groups = 0  # of all processes, at the last look
        self._proof: tuple[Cursor, list[Any]] | None = None  # the last: where, and the answer
        self._doubted = True  # a snapshot alone would not do at the next look
        self._retry_at = 0.0
        self._wide = False  # the next look reads as far as it can: the whole account tells
        self._gone = False  # no stream is under the key at the moment
        self._anew = False  # what was read and not delivered is to be read again
        self._at_risk = False  # it is trimmed, and half of what it holds lies ahead of us
        self._patience = Patience()
        self._clock = clock
        self._life = StreamLife(watched, link, server, self._group, clock=clock)

    # --- what the tail asks -------------------------------------------------------------------

    def due(self) -> None:
        """Something may have changed: the next cycle looks, whatever it costs."""
        self._doubted = True
        self.look_at = 0.0

    def read_again(self) -> None:
        """What was read and not delivered may be gone from the stream: the next look reads it
        again. A look that is under way goes on first, so that nothing of its reply is lost."""
        self._anew = True
        self.due()

    def reconnected(self) -> None:
        """A reply may have been lost on its way: the account says what was delivered."""
        self._group.synced = False
        self.behind = self._doubted = True
        self.watched.pending.clear()

    @property
    def rests(self) -> bool:
        """Whether nothing is needed before `look_at`, unless an entry or a call comes."""
        doubted = self._doubted or self._gone or self._anew
        return self.blockable and self._group.usable and not (doubted or self.watched.filling)

    @property
    def hurries(self) -> bool:
        """Whether there is more to read at once; not while the stream cannot be read."""
        return self.behind and not self.watched.problem

    def provable(self, now: float) -> bool:
        """Whether the look that is due now may be a mere snapshot."""
        return self.look_at <= now and now - self._moved_at >= QUIET and self.rests

    def wants_look(self, now: float) -> bool:
        if self.watched.problem and now < self._retry_at:
            return False
        if self._gone:
            return now >= self.look_at
        watched, group = self.watched, self._group
        unsure = not watched.attached or self.behind or bool(watched.pending) or not group.synced
        return bool(watched.problem) or now >= self.look_at or (unsure and group.usable)

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
        held = watched.attached and not (watched.problem or self._at_risk) and watched.crowded
        self._patience.look(watched, now, held=held)
        return held and now < self.look_at  # a look only takes a snapshot then

    def took(self, rows: Sequence[Row], *, full: bool) -> int:
        """Entries of the blocking read."""
        self._group.given(rows[-1][0])
        delivered = self.watched.read(rows)
        self.behind = full
        self._moved_at = self._clock()
        self.look_at = min(self.look_at, self._moved_at + BUSY_LOOK)
        if self.watched.pending:
            self.due()
        return delivered

    # --- a look -------------------------------------------------------------------------------

    def proved(self, answer: Any) -> bool:
        """Take the answer to `question`: whether everything that the stream ever got was read.

        Two counts that are equal, and a newest id that is the account's, leave no room for a loss.
        If not, the next look reads too. Another stream that has both is refused by the group.
        """
        watched, account = self.watched, self.watched.account
        told = scalars(answer)
        if account is not None and (account.at, told) == self._proof and self.rests:
            self.look_at = self._idle_look(self._clock())  # as at the last proof: 6 us, not 40
            return True
        try:
            snapshot = read_snapshot(answer)
        except RedisError:  # the look says it
            snapshot = Snapshot(exists=False)
        if self._in_future(snapshot):
            return False
        known = account is not None and self.rests and snapshot.group_count == self._groups
        if (
            account is None or not known or not snapshot.exists
            or (snapshot.added, snapshot.top) != (account.at.index, account.at.id)
        ):  # fmt: skip
            self.due()
            return False
        self._at_risk = watched.hurried = False
        watched.look(snapshot, (), whole=True)
        self._proof = account.at, told
        self.look_at = self._idle_look(self._clock())
        return True

    @staticmethod
    def _idle_look(now: float) -> float:
        """A moment of a grid, half of IDLE_LOOK away or more: those at rest are proved together."""
        return (now // (IDLE_LOOK / 2) + 2) * (IDLE_LOOK / 2)

    async def look(self, count: int) -> int:
        """One look; how many events were delivered. LOST when the connection is gone."""
        sent_at = self._clock()
        try:
            delivered = await self._look(count)
        except ON_ITS_WAY:
            self._quarantine("its slot is being moved to another node", pause=ON_ITS_WAY_LOOK)
            self._group.synced = False
            return 0
        except ResponseError as error:
            self._quarantine(f"this stream cannot be read: {str(error)[:160]}")
            self._group.synced = False
            return 0
        at = sent_at + BUSY_LOOK if delivered else self._idle_look(sent_at)
        if self.watched.crowded:
            at = sent_at + PACE_LOOK
        elif not self._group.usable:
            at = sent_at + PLAIN_LOOK
        if self.look_at <= sent_at:
            self.look_at = at
        return delivered

    async def _look(self, count: int) -> int:
        watched = self.watched
        account = watched.account
        self._doubted = False  # of what comes from here on; a look that finds more says so itself
        if account is None:
            await self._attach()
            return 0
        crowded = watched.crowded and not self._at_risk
        wide, self._wide = self._wide, False
        count = max(count, WIDE) if wide else count
        group = self._group
        if self._anew:
            self._anew = group.synced = False
            watched.pending.clear()
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
                self.look_at = self._clock() + GONE_LOOK
            return 0
        self._gone = False
        self._groups = snapshot.group_count
        if refused is not None:
            group.refused(refused)
            self.look_at = 0.0 if group.usable else self._clock() + PLAIN_LOOK / 4
            return 0
        group.well(read_by_group=by_group)
        self._well()
        self._at_risk = watched.hurried = snapshot.soon_gone(account.at.index)
        rows = [] if crowded else rows_of(read)
        if by_group and (rows or prepared):
            group.given(rows[-1][0] if rows else account.at.id)
        if rows and not by_group:
            group.synced = False
        whole = not crowded and len(rows) < count
        self.behind = not whole and not crowded
        if self.behind and not wide and snapshot.deleted > account.proved:
            # What was deleted may lie among these or behind them: only all of it tells.
            self._wide, group.synced = True, False
            return 0
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
        self._groups = snapshot.group_count
        watched = self.watched
        numbers = watched.sequence_gaps
        numbers.run_began = epochs.run_began(at.epoch)
        await seed_sequences(self._link, watched.key, watched.target, numbers, until=at.id)
        numbers.begin(at.id)
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

    def _quarantine(self, problem: str, *, pause: float = QUARANTINE) -> None:
        self._retry_at = self._clock() + pause
        watched = self.watched
        if watched.problem != problem:
            log.warning("stream %s quarantined: %s", watched.target, problem)
            watched.problem = problem
            watched.wake()
