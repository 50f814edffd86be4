"""A session's own reading of what Redis still holds, up to where the live watch took over.

A history is a private watch with one subscription: the same account, the same fan-out, only
driven page by page as the session's window allows. What live rings drop meanwhile is no loss.
"""

from __future__ import annotations

import asyncio
from typing import Final

from extdebug.hub.hub import Hub
from extdebug.hub.redacting_decoder import DecodedEntry, RedactingDecoder
from extdebug.hub.ring_buffer import Piece
from extdebug.hub.runner_buffer import off_stream
from extdebug.hub.selection import Selection
from extdebug.hub.watched_stream import Subscription, WatchedStream
from extdebug.streams.connection import Link
from extdebug.streams.continuity import Continuity, Loss
from extdebug.streams.replies import Row, before, read_keys, read_rows, read_snapshot
from extdebug.wire.events import LAST_MS, Gap, GapReason, iso
from extdebug.wire.keys import Target, stream_key
from extdebug.wire.positions import ZERO_ID, Cursor, EntryId, Start

PAGE_BYTES: Final = 128 * 1024  # what one page may weigh, going by the pages before it
SCAN_PAGE: Final = 250
MAX_SCAN: Final = 20_000  # entries looked at for the last N that match: a whole stream by default
SEED: Final = 64  # entries before a place, from which the producers' numbers are learnt
MEET: Final = 0.02  # seconds between two looks at a live watch that is behind us
SEAM_MS: Final = 250  # a line is in Redis this long after its runner showed it
UNBOUNDED: Final = 1 << 40  # a page is bounded by its COUNT, and nothing of it may be dropped


class History:
    """Reads (start, boundary] for one session. `page()` until `done`."""

    def __init__(self, hub: Hub, live: Subscription, start: Start) -> None:
        self._hub = hub
        self._live = live
        self._start = start
        self._target = live.watched.target
        self._private = WatchedStream(self._target, live.watched.key.decode(), hub.redactor)
        self._sub = Subscription(self._private, live.selection, lambda: None, limit=UNBOUNDED)
        self._sub.ring.parked = False
        self._sub.runner_buffer = live.runner_buffer
        self._average = 1024.0
        self._opened = False
        self.done = False

    @property
    def boundary(self) -> Cursor:
        """How far to read: where the live ring begins. It moves on while that ring overflows."""
        floor = self._live.ring.floor or self._live.boundary
        if floor is None:
            raise RuntimeError("the live watch is not attached yet")
        return floor

    async def begin(self) -> Cursor:
        """Find the start; the cursor to stand at before the first page."""
        async with self._hub.reader() as link:
            account = await self._account(link)
        self._private.account = account
        self._private.newest = account.cursor
        self._opened = True
        if account.cursor >= self.boundary.id and self._start.cursor is None:
            self.done = True
        return Cursor(account.cursor, account.index)

    async def _account(self, link: Link) -> Continuity:
        run_id = self._hub.run_id(self._target)
        start, boundary = self._start, self.boundary
        if start.cursor is not None and off_stream(start.cursor):
            return self._off_stream(start.cursor, boundary, run_id)
        if start.cursor is not None:
            place = str(start.cursor.id)
            raw = await link.call("XREVRANGE", self._private.key, place, "-", "COUNT", SEED)
            self._private.seed(read_rows(raw)[::-1])
            return Continuity(cursor=start.cursor.id, index=start.cursor.index, run_id=run_id)
        if start.since_ms is not None:
            since = before(EntryId(start.since_ms, 0))
            return Continuity(
                cursor=min(since, boundary.id), index=None, run_id=run_id, unclaimed=True
            )
        if not start.tail:
            return Continuity(cursor=boundary.id, index=boundary.index, run_id=run_id)
        return await self._tail(link, start.tail, boundary, run_id)

    def _off_stream(self, place: Cursor, boundary: Cursor, run_id: str) -> Continuity:
        """On from lines that came straight from runners: by the clock, and not to be counted.

        A line is written to Redis a moment after a runner showed it: what may be one of those is
        passed over, inside the gap, rather than shown twice."""
        start = EntryId(min(place.id.ms, LAST_MS) + SEAM_MS, 0)
        account = Continuity(
            cursor=min(start, boundary.id), index=None, run_id=run_id, unclaimed=True
        )
        seam = Gap(
            GapReason.FAILOVER,
            None,
            since=iso(min(place.id.ms, LAST_MS)),
            detail="Until here lines came straight from runners, without a place in the stream; "
            "a moment that cannot be counted lies between.",
        )
        self._sub.ring.push_gap(seam, through=Cursor(account.cursor))
        return account

    async def _tail(self, link: Link, wanted: int, boundary: Cursor, run_id: str) -> Continuity:
        """Back from the boundary until `wanted` events match, or the scan's bound."""
        cursor, index, seen = boundary.id, boundary.index, 0
        while wanted > 0 and seen < MAX_SCAN:
            command = ("XREVRANGE", self._private.key, str(cursor), "-", "COUNT", SCAN_PAGE)
            rows = read_rows(await link.call(*command))
            used = len(rows)
            matching = self._matching(rows)
            if len(matching) >= wanted:
                used = matching[wanted - 1] + 1
            wanted -= len(matching)
            seen += used
            if used:
                cursor = before(rows[used - 1][0])
            if len(rows) < SCAN_PAGE:
                break
        index = None if index is None else max(0, index - seen)
        return Continuity(cursor=cursor, index=index, run_id=run_id, unclaimed=True)

    def _matching(self, rows: list[Row]) -> list[int]:
        """Positions of rows that the session will be shown; gaps and markers are not counted."""
        places: list[int] = []
        prepared: list[DecodedEntry] = []
        for place, row in enumerate(rows):
            one = self._private.decoder(row)
            if one.event is not None:
                places.append(place)
                prepared.append(one)
        events = [one.event for one in prepared if one.event is not None]
        return [places[i] for i in self._live.selection.choose(events)]

    async def page(self) -> list[Piece]:
        """The next pieces in order; sets `done` when the live ring goes on from here."""
        if not self._opened:
            raise RuntimeError("begin() first")
        if self._live.epoch != self._live.watched.epoch:
            return self._finish()  # the stream was replaced: the live ring says so first
        account = self._private.account
        if account is None or self.done:
            return self._finish()
        boundary = self.boundary
        count = int(min(250, max(32, PAGE_BYTES / self._average)))
        async with self._hub.reader() as link:
            replies = await link.together(
                ("XINFO", "STREAM", self._private.key),
                ("XREAD", "COUNT", count, "STREAMS", self._private.key, str(account.cursor)),
            )
        snapshot = read_snapshot(replies[0])
        if isinstance(replies[1], Exception):
            raise replies[1]
        stood = account.cursor
        run_id = self._hub.run_id(self._target)
        if not account.suspicious(snapshot, run_id=run_id):
            if stood > boundary.id:
                return await self._meet(account)
            if snapshot.first is None or snapshot.first > boundary.id:
                # Nothing up to the boundary is left; what lies beyond is the live account's.
                return self._join(account, boundary)
        self._private.deliver(account.probe(snapshot, run_id=run_id), ())
        if account.cursor < stood:  # the cursor was of another stream: read this one from its start
            return self._pieces()
        reply = read_keys(replies[1])
        rows = reply[0][1] if reply else []
        wanted = [row for row in rows if row[0] <= boundary.id]
        if wanted:
            self._private.deliver(account.got([row[0] for row in wanted]), wanted)
        if len(wanted) < len(rows) or len(rows) < count or account.cursor >= boundary.id:
            return self._join(account, boundary)
        return self._pieces()

    async def _meet(self, account: Continuity) -> list[Piece]:
        """The cursor was given out by a process that had read further than ours has: wait for our
        live watch, then let its ring begin where it stands, or it would show events twice."""
        if self._live.watched.cursor.id < account.cursor:
            await asyncio.sleep(MEET)
        else:
            self._live.restart(self._live.selection)
        return []

    def _join(self, account: Continuity, boundary: Cursor) -> list[Piece]:
        """All up to the boundary is read: what the live account has more was lost between."""
        if boundary.id != self.boundary.id:
            return self._pieces()  # the live ring overflowed: go on to where it begins now
        index = account.index
        missed: int | None = 0
        if index is None:
            missed = None if self._start.cursor is not None and account.cursor < boundary.id else 0
        elif boundary.index is not None:
            missed = max(0, boundary.index - index)
        if missed != 0:
            end = EntryId(boundary.id.ms, boundary.id.seq + 1)  # the boundary's own entry is gone
            place = account.cursor
            loss = Loss(GapReason.RETENTION, missed, place, end, boundary.id, boundary.index)
            self._private.deliver([loss], ())
        self._private.settle(boundary)
        pieces = self._pieces()
        pieces.append(Piece(boundary))
        self.done = True
        return pieces

    def _pieces(self) -> list[Piece]:
        pieces: list[Piece] = []
        ring = self._sub.ring
        while (piece := ring.take(Cursor(ZERO_ID))) is not None:
            piece.history = True
            pieces.append(piece)
        weights = [piece.chunk for piece in pieces if piece.chunk]
        if weights:
            size = sum(chunk.size for chunk in weights) / sum(chunk.count for chunk in weights)
            self._average += (size - self._average) * 0.5
        return pieces

    def _finish(self) -> list[Piece]:
        self.done = True
        return []


async def fetch(
    hub: Hub,
    target: Target,
    *,
    selection: Selection,
    after: Cursor | None,
    before_id: EntryId | None,
    limit: int,
) -> tuple[list[DecodedEntry], Cursor | None, bool]:
    """Events between two places that Redis still holds, as this selection may see them."""
    key = stream_key(hub.prefix, target.tenant, target.extension)
    decoder = RedactingDecoder(hub.redactor, target)
    first = "-" if after is None else f"({after.id}"
    last = "+" if before_id is None else f"({before_id}"
    chosen: list[DecodedEntry] = []
    cursor: Cursor | None = None
    size = 0
    while limit > 0:  # in parts: one request must not hold up everybody else's events
        count = min(limit, SCAN_PAGE)
        async with hub.reader() as link:
            rows = read_rows(await link.call("XRANGE", key, first, last, "COUNT", count))
        known = [one for row in rows if (one := decoder(row)).event is not None]
        events = [one.event for one in known if one.event is not None]
        found = [known[i] for i in selection.choose(events)]
        chosen += found
        size += sum(len(one.json) for one in found)
        if rows:
            cursor = Cursor(rows[-1][0])
            first = f"({cursor.id}"
        if len(rows) < count:
            return chosen, cursor, True
        limit -= count
        if size > PAGE_BYTES:
            break  # one frame carries no more
    return chosen, cursor, False
