"""A session's own reading of what Redis still holds, up to where the live stream took over.

A history is a private stream with one subscription: the same decoding, the same fan-out, only
driven page by page as the session's window allows. It reads on through a restart of Redis as far
as the stream is the same; what lies between its end and the live ring's beginning the session sums.
"""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Final

import msgspec
from redis.exceptions import ResponseError

from extdebug.hub import life_agreement as lives
from extdebug.hub.boundary_reads import count_entries, find_last
from extdebug.hub.gaps import ended_gap, off_stream_gap
from extdebug.hub.hub import Hub
from extdebug.hub.life_agreement import WAIT, agree, goes_on, live_from
from extdebug.hub.pieces import Piece
from extdebug.hub.runner_buffer import off_stream
from extdebug.hub.sequence_scan import begin_sequences
from extdebug.hub.snapshots import snapshot_commands
from extdebug.hub.stream_life import deliver
from extdebug.hub.subscription import Subscription
from extdebug.hub.watched_stream import WatchedStream
from extdebug.streams import epochs
from extdebug.streams.connection import Link
from extdebug.streams.continuity import Continuity, Loss, beyond, cross, go_on, missing
from extdebug.streams.replies import Row, Snapshot, read_keys, read_snapshot
from extdebug.wire.events import LAST_MS, GapReason
from extdebug.wire.positions import ZERO_ID, Cursor, EntryId, Start, before, behind

PAGE_BYTES: Final = 128 * 1024  # what one page may weigh, going by the pages before it
PROVISIONAL_MS: Final = 2500  # so long after an entry its stream was looked at, if busy
SEAM_MS: Final = 250  # a line is in Redis this long after its runner showed it
UNBOUNDED: Final = 1 << 40  # a page is bounded by its COUNT, and nothing of it may be dropped


class History:
    """Reads (start, boundary] for one session. `begin()`, then `page()` until `done`."""

    def __init__(self, hub: Hub, live: Subscription, start: Start) -> None:
        self._hub = hub
        self._live = live
        self._start = start
        self._target = live.watched.target
        self._average = 1024.0
        self._waits = 0  # for our live stream to notice what the server lost
        self.done = False
        self._open()

    def _open(self) -> None:
        self._crossing: EntryId | None = None  # below it lies an earlier run of the server
        self._told_until = ZERO_ID  # so far reaches a gap between two runs that the client knows
        key = self._live.watched.key.decode()
        self._private = WatchedStream(self._target, key, self._hub.redactor)
        self._sub = Subscription(self._private, self._live.selection, lambda: None, limit=UNBOUNDED)
        self._sub.ring.parked = False
        self._sub.runner_buffer = self._live.runner_buffer

    @property
    def boundary(self) -> Cursor:
        """How far to read: where the live ring begins. It moves on while that ring overflows."""
        return live_from(self._live)

    async def begin(self) -> Cursor:
        """Find the start, again where it raises; the cursor to stand at before the first page.

        A place that a client brought is given back under the name that this process has for the
        life of its stream, or as it was where a loss is told from there.
        """
        self._private.leave(self._sub)
        self._open()  # nothing of another try
        await agree(self._hub, self._live, self._start.cursor)
        async with self._hub.reader(self._target) as link:
            at, unclaimed = await self._begin(link)
            brought = self._start.cursor
            numbers = self._private.sequence_gaps
            numbers.run_began = epochs.run_began(self.boundary.epoch)
            await begin_sequences(
                link, self._private, at, live=self._live.watched, brought=brought is not None
            )
            if at.id < self._told_until:
                numbers.lost(None, after=at.id, until=self._told_until)
        # A cursor that was handed out between two looks may hide a loss just before its place.
        proved = EntryId(max(0, at.id.ms - PROVISIONAL_MS), 0) if brought else at.id
        self._private.account = Continuity(at, unclaimed=unclaimed, proved=proved)
        if brought is not None:
            return at if brought.epoch and at.id == brought.id and not self._sub.ring else brought
        # The count of the live stream is provisional: of what lies before it we claim nothing.
        return Cursor(at.id, None, at.epoch) if unclaimed and at.id != self.boundary.id else at

    async def _begin(self, link: Link) -> tuple[Cursor, bool]:
        start, boundary = self._start, self.boundary
        if start.cursor is not None and off_stream(start.cursor):
            return self._off_stream(start.cursor, boundary), True
        if start.cursor is not None:
            return await self._resumed(link, start.cursor, boundary), False
        if start.since_ms is not None:
            since = before(EntryId(start.since_ms, 0))
            if since >= boundary.id:
                return boundary, False  # nothing lies between, and here the count is known
            return Cursor(since, None, boundary.epoch), True
        if not start.tail:
            return boundary, False
        at = await find_last(
            link, self._private.key, wanted=start.tail, boundary=boundary,
            decoder=self._private.decoder, selection=self._live.selection,
        )  # fmt: skip
        return at, True

    async def _resumed(self, link: Link, stood: Cursor, boundary: Cursor) -> Cursor:
        """A place that a client brings, as a place in the stream as it is now."""
        key = self._private.key
        replies = await link.together(
            *snapshot_commands(key), ("XRANGE", key, str(stood.id), str(stood.id))
        )
        snapshot = read_snapshot(replies[0], replies[1])
        run_id = snapshot.run(self._hub.run_id(self._target))
        self._private.snapshot = snapshot
        if stood.epoch == boundary.epoch and not snapshot.exists:
            return stood
        if stood.epoch == boundary.epoch and not beyond(stood, snapshot):
            self._told_until = epochs.gap_until(snapshot.epochs, stood.epoch)
            return stood  # before a restart that our live stream has not noticed yet, too
        if boundary.epoch and not lives.knows(self._hub, self._live, boundary.epoch, snapshot):
            # A third life, which our live stream has not noticed yet: nothing is left between.
            loss = Loss(GapReason.RESET, None, stood.id, None, boundary)
            self._private.lose(loss, ends=stood)
            return boundary
        named = stood.epoch in snapshot.epochs
        if named and boundary.epoch and not epochs.of_run(stood.epoch, run_id):
            self._crossing = epochs.next_began(snapshot.epochs, stood.epoch, boundary.epoch)
            return stood  # its run is over: what the server kept of it is read first
        present = isinstance(replies[2], list) and bool(replies[2])
        at, lost = go_on(
            stood, snapshot, run_id=run_id, present=present,
            failover=epochs.by_failover(boundary.epoch),
        )  # fmt: skip
        at = msgspec.structs.replace(at, epoch=boundary.epoch)
        if lost is not None:
            at = min(at, boundary, key=lambda place: place.id)  # from there on the live ring tells
            self._private.lose(dataclasses.replace(lost, through=at), ends=stood)
        return at

    def _off_stream(self, place: Cursor, boundary: Cursor) -> Cursor:
        """On from lines that came straight from runners: by the clock, and not to be counted.

        A line is written to Redis a moment after a runner showed it: what may be one of those is
        passed over, inside the gap, rather than shown twice."""
        ms = min(place.id.ms, LAST_MS)
        at = Cursor(min(EntryId(ms + SEAM_MS, 0), boundary.id), None, boundary.epoch)
        self._sub.ring.push_gap(off_stream_gap(ms), through=at)
        return at

    async def page(self) -> list[Piece]:
        """The next pieces in order; sets `done` when the live ring goes on from here."""
        lacks = self._waits or lives.noticed_loss(self._live)
        if lacks and self._live.watched.cursor.epoch != self.boundary.epoch:
            if told := self._pieces():
                return told
            self._restart()
        if self._private.account is None:
            await self.begin()
        account, boundary = self._private.account, self.boundary
        if account is None:
            raise RuntimeError("begin() found no place")
        if account.at.id >= boundary.id and self._crossing is None:
            return self._finish(boundary)
        self._use_rules()
        async with self._hub.reader(self._target) as link:
            pieces = await self._read(link, account, boundary)
        if pieces is None:  # what our live stream has not noticed yet
            self._hub.look(self._target)
            await asyncio.sleep(WAIT)
            return self._pieces()
        return pieces

    async def _read(self, link: Link, account: Continuity, boundary: Cursor) -> list[Piece] | None:
        """None where our live stream must notice first what became of the stream."""
        key, count = self._private.key, int(min(250, max(32, PAGE_BYTES / self._average)))
        read = ("XREAD", "COUNT", count, "STREAMS", key, str(account.at.id))
        replies = await link.together(*snapshot_commands(key), read)
        snapshot = read_snapshot(replies[0], replies[1])
        if isinstance(replies[2], ResponseError):
            raise replies[2]
        if not goes_on(self._hub, self._live, account.at, snapshot):
            # Another stream, or away. Once that is told, nothing of ours is left to read.
            told = self._live.watched.cursor.epoch != boundary.epoch
            return self._finish(boundary, gone=True) if told else None
        if await lives.unnoticed_loss(self._hub, self._live, link, snapshot, waits=self._waits):
            self._waits += 1
            return None
        reply = read_keys(replies[2])
        rows = reply[0][1] if reply else []
        wanted = [row for row in rows if row[0] <= boundary.id]
        self._private.pending.clear()  # it is among these again
        end = len(wanted) < len(rows) or len(rows) < count
        if self._crossing is not None:
            wanted = await self._old_part(link, snapshot, wanted, end=end)
        elif snapshot.first is None or snapshot.first > boundary.id:
            # Nothing up to the boundary is left; what lies beyond is the live ring's.
            if account.claims and account.at.index is None:  # and no sum will tell that
                span = account.at.id, behind(boundary.id)
                self._private.lose(
                    Loss(GapReason.RETENTION, None, *span, boundary), ends=account.at
                )
            return self._finish(boundary)
        elif not account.certain(snapshot):
            await self._count_ahead(link, snapshot, boundary)
        await deliver(link, self._private, snapshot, wanted, whole=False)
        if self._private.pending:
            return self._pieces()  # what it shows cannot be told yet
        if end or account.at.id >= boundary.id:
            return self._finish(boundary)
        return self._pieces()

    async def _old_part(
        self, link: Link, snapshot: Snapshot, rows: list[Row], *, end: bool
    ) -> list[Row]:
        """Deliver what is of the earlier run; the rest, once the gap between them is told."""
        crossing = self._crossing or ZERO_ID
        old = [row for row in rows if row[0] < crossing]
        await deliver(link, self._private, snapshot, old, whole=False)
        if len(old) < len(rows) or end:
            following = rows[len(old)][0] if len(old) < len(rows) else behind(self.boundary.id)
            account, self._crossing = self._private.account, None
            if account is not None:
                loss = cross(account.at, snapshot, self.boundary.epoch, following)
                self._private.lose(loss, ends=account.at)
                account.move(loss.through)
        return rows[len(old) :]

    async def _count_ahead(self, link: Link, snapshot: Snapshot, boundary: Cursor) -> None:
        """Entries were deleted by hand ahead of us: count what is left, and tell the rest first."""
        account = self._private.account
        if account is None or account.at.id >= boundary.id:
            return
        at, key, deleted = account.at, self._private.key, snapshot.deleted
        if at.index is None:  # how many is not to be known
            lost = None if account.claims and at.id < deleted <= boundary.id else 0
            since, bound = at.id, behind(deleted)
        else:
            left = await count_entries(link, key, after=at.id, upto=boundary.id)
            lost = max(0, missing(at, boundary, left) or 0)
            # Its count holds what was told ahead of it, too.
            since, bound = min(account.proved, at.id), max(behind(boundary.id), boundary.until)
        if lost != 0:
            index = None if at.index is None or lost is None else at.index + lost
            through = Cursor(at.id, index, at.epoch)
            self._private.lose(Loss(GapReason.RETENTION, lost, since, bound, through), ends=at)
            account.move(through)
        account.prove(boundary.id)

    def _restart(self) -> None:
        """Our live stream has noticed that the server lost some of what it had read: that is told
        as the server's loss, and not as if the stream had dropped it."""
        self._waits = 0
        if self._private.account is not None:
            self._start = Start(cursor=self._private.account.at)
        self._live.restart(self._live.selection)
        self._private.leave(self._sub)
        self._open()  # the next page begins again where we are

    def _use_rules(self) -> None:
        """New redaction rules count for every page after them."""
        if self._private.decoder.redactor is not self._hub.redactor:
            self._private.use(self._hub.redactor)

    def _finish(self, boundary: Cursor, *, gone: bool = False) -> list[Piece]:
        """`gone`: the stream is, with all before the boundary, which the places count if any."""
        if boundary != self.boundary:
            return self._pieces()  # the live ring overflowed: go on to where it begins now
        ended = lives.ending(boundary, self._live.watched.cursor)
        self._private.flush(ended)
        account = self._private.account or Continuity(boundary)
        uncounted = account.at.index is None or not account.claims
        if gone and uncounted and account.at.id < boundary.id:
            self._sub.ring.push_seam(ended_gap(ended, account.at.id, boundary.id))
        if account.at.id > boundary.id:
            self._live.ring.told = account.at
        self.done = True
        self._private.leave(self._sub)  # the two hold each other: freed now, not by the collector
        last = Piece(boundary, since=account.proved, explained=account.explained)
        return [*self._pieces(), last]

    def _pieces(self) -> list[Piece]:
        pieces: list[Piece] = []
        ring = self._sub.ring
        while (piece := ring.take()) is not None:
            piece.history = True
            pieces.append(piece)
        weights = [piece.chunk for piece in pieces if piece.chunk]
        if weights:
            size = sum(chunk.size for chunk in weights) / sum(chunk.count for chunk in weights)
            self._average += (size - self._average) * 0.5
        return pieces
