"""How many lines a stream holds by time and level, as one selection sees them.

Each entry is read once for all who ask with an equal selection: what was counted is kept in cells
of a few seconds; only what came since, and the cell that trimming has reached, are read again. One
count runs at a time in a process, page by page, and leaves most of the time to everybody else; what
would take longer than one answer may is answered in part.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final, Protocol

from extdebug.filters.filter import Filter
from extdebug.hub.redacting_decoder import DecodedEntry, RedactingDecoder
from extdebug.hub.selection import Selection
from extdebug.hub.snapshots import snapshot_commands
from extdebug.streams.connection import Link
from extdebug.streams.replies import Row, Snapshot, read_rows, read_snapshot
from extdebug.wire.events import Level
from extdebug.wire.keys import Keys, Target
from extdebug.wire.positions import EntryId, behind
from policies.redaction.redactor import Redactor

CELL_MS: Final = 5000
PAGE: Final = 100  # entries of one read: some milliseconds of the loop
MOST_ENTRIES: Final = 5000  # read for one answer
MOST_WAITING: Final = 32  # answers that may wait for their turn in a process
MOST_CELLS: Final = 50_000  # kept by a process, for all streams and selections together
RESTS: Final = 3  # times as long as a page took, until the next is read

LEVELS: Final = tuple(Level)
LOST: Final = len(LEVELS)  # the place of lost events in a cell, behind the levels'
Cell = list[int]
_Key = tuple[Target, frozenset[str] | None, Filter]


class TooBusy(Exception):
    """Too many answers wait already."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted of a stream: in `cells`, by CELL_MS since 1970, lines of each level, weakest
    first, and how many were stated lost there.

    All entries from `first` to `last` were counted, as far as the stream still holds them; `oldest`
    is the first that it holds, None when it holds none. `trimmed` entries are no longer there.
    """

    cells: dict[int, Cell]
    first: EntryId
    last: EntryId
    oldest: EntryId | None
    trimmed: int
    done: bool


@dataclass(slots=True)
class _Counted:
    """Everything from `low` to `high` is in the cells, of this life of the stream."""

    epochs: tuple[str, ...]
    deleted: EntryId
    rules: Redactor
    low: EntryId
    high: EntryId
    cells: dict[int, Cell] = field(default_factory=dict)

    def is_of(self, snapshot: Snapshot, rules: Redactor) -> bool:
        """Whether the stream is still the one that was counted, under the same rules."""
        same = self.epochs == snapshot.epochs and self.deleted == snapshot.deleted
        return same and self.rules is rules and self.high <= snapshot.top

    def add(self, decoded: DecodedEntry, *, chosen: bool) -> None:
        number = decoded.id.ms // CELL_MS
        if decoded.event is None:
            lost = 1 if decoded.problem else decoded.origin.lost
            if lost:
                self._cell(number)[LOST] += lost
        elif chosen:
            self._cell(number)[decoded.event.level.rank] += 1

    def _cell(self, number: int) -> Cell:
        return self.cells.setdefault(number, [0] * (len(LEVELS) + 1))

    def trim(self, oldest: EntryId) -> None:
        """Forget what the stream no longer holds, with the cell that it holds in part."""
        if oldest <= self.low:
            return
        border = oldest.ms // CELL_MS
        for number in [number for number in self.cells if number <= border]:
            del self.cells[number]
        self.low = EntryId((border + 1) * CELL_MS, 0)
        if self.low > self.high:
            self.low = behind(self.high)


class Reads(Protocol):
    """What a count needs of a hub."""

    keys: Keys

    @property
    def redactor(self) -> Redactor: ...

    def reader(self, target: Target) -> AbstractAsyncContextManager[Link]: ...


class Overviews:
    """The counts of one process. `count` may be called by many; they take turns."""

    def __init__(
        self, *, most_waiting: int = MOST_WAITING, most_cells: int = MOST_CELLS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:  # fmt: skip
        self._most_waiting = most_waiting
        self._most_cells = most_cells
        self._clock = clock
        self._sleep = sleep
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._known: OrderedDict[_Key, _Counted] = OrderedDict()

    async def count(
        self, hub: Reads, target: Target, selection: Selection, *, since_ms: int = 0
    ) -> Counts:
        """Count on, from the newest entry back to `since_ms`, for as long as one answer may take.

        TooBusy when too many wait, FilterError when the filter fails, RedisError or LOST when Redis
        does not answer: what was counted is kept.
        """
        if self._waiting >= self._most_waiting:
            raise TooBusy
        self._waiting += 1
        try:
            async with self._turn:
                return await self._count(hub, target, selection, EntryId(since_ms, 0))
        finally:
            self._waiting -= 1

    async def _count(
        self, hub: Reads, target: Target, selection: Selection, since: EntryId
    ) -> Counts:
        key, rules = hub.keys.of(target), hub.redactor
        wanted = target, selection.installs, selection.filter  # no selector: it may have 4 MiB
        async with hub.reader(target) as link:
            snapshot = read_snapshot(*await link.together(*snapshot_commands(key.encode())))
        known = self._of(wanted, snapshot, rules)
        oldest = snapshot.first
        trimmed = snapshot.added - snapshot.length
        if oldest is None:
            known.cells.clear()
            known.low, known.high = behind(snapshot.top), snapshot.top
            return Counts({}, known.low, known.high, None, trimmed, done=True)
        known.trim(oldest)
        since = max(since, oldest)
        decoder, left = RedactingDecoder(rules, target), MOST_ENTRIES
        while left > 0 and (known.high < snapshot.top or known.low > since):
            began = self._clock()
            newer = known.high < snapshot.top
            if newer:
                command = ("XRANGE", key, f"({known.high}", str(snapshot.top), "COUNT", PAGE)
            else:
                command = ("XREVRANGE", key, f"({known.low}", str(since), "COUNT", PAGE)
            async with hub.reader(target) as link:
                rows = read_rows(await link.call(*command))
            self._add(known, rows, decoder, selection)
            failed = selection.selector.failed
            if failed is not None:  # what it chose of these is not true
                del self._known[wanted]
                raise failed
            if newer:
                known.high = rows[-1][0] if len(rows) == PAGE else snapshot.top
            else:
                known.low = rows[-1][0] if len(rows) == PAGE else since
            left -= len(rows)
            await self._sleep((self._clock() - began) * RESTS)
        self._forget()
        done = known.high >= snapshot.top and known.low <= since
        return Counts(known.cells, known.low, known.high, oldest, trimmed, done)

    def _of(self, key: _Key, snapshot: Snapshot, rules: Redactor) -> _Counted:
        known = self._known.pop(key, None)
        if known is None or not known.is_of(snapshot, rules):
            known = _Counted(
                snapshot.epochs, snapshot.deleted, rules, behind(snapshot.top), snapshot.top
            )
        self._known[key] = known  # the last one is who was asked for last
        return known

    @staticmethod
    def _add(
        known: _Counted, rows: list[Row], decoder: RedactingDecoder, selection: Selection
    ) -> None:
        decoded = list(decoder.each(rows))
        places = [place for place, one in enumerate(decoded) if one.event is not None]
        events = [one.event for one in decoded if one.event is not None]
        chosen = {places[i] for i in selection.choose(events)}
        for place, one in enumerate(decoded):
            known.add(one, chosen=place in chosen)

    def _forget(self) -> None:
        """Keep a bounded number of cells: what was asked for longest ago is counted anew."""
        cells = sum(len(known.cells) + 1 for known in self._known.values())
        while cells > self._most_cells and len(self._known) > 1:
            cells -= len(self._known.popitem(last=False)[1].cells) + 1
