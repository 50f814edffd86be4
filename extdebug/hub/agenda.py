"""Which of a tail's streams need something now; a stream that rests costs nothing until its time.

A reader that *rests* (`StreamReader.rests`) needs nothing before its `look_at`, unless a reply or a
call from outside changes that, and whoever brings it says so here. A cycle of the tail asks those
that are awake, and not all.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence

from extdebug.hub.stream_reader import StreamReader

Time = tuple[float, int, StreamReader]


class Agenda:
    """Owned by a tail. `now` and the readers' times are of one clock."""

    def __init__(self) -> None:
        self._awake: dict[StreamReader, None] = {}  # in the order in which they woke
        self._times: list[Time] = []
        self._planned: dict[StreamReader, float] = {}  # which of its times in the heap counts
        self._pushed = 0  # readers have no order of their own

    def wake(self, reader: StreamReader) -> None:
        """It is to be asked in the next cycle."""
        self._planned.pop(reader, None)
        self._awake[reader] = None

    def moved(self, reader: StreamReader) -> None:
        """It was read from: it may rest no more, or be due earlier."""
        if reader in self._awake:
            return
        if not reader.rests:
            self.wake(reader)
        elif reader.look_at < self._planned[reader]:
            self._plan(reader)

    def forget(self, reader: StreamReader) -> None:
        """It is read no more."""
        self._awake.pop(reader, None)
        self._planned.pop(reader, None)

    @property
    def next_at(self) -> float:
        """Not later than the first time of one who rests."""
        return self._times[0][0] if self._times else math.inf

    def due(self, now: float) -> Sequence[StreamReader]:
        """Who is awake now, those included whose time has come."""
        while self._times and self._times[0][0] <= now:
            at, _, reader = heapq.heappop(self._times)
            if self._planned.get(reader) == at:
                self.wake(reader)
        return list(self._awake)

    def settle(self, readers: Iterable[StreamReader], now: float) -> None:
        """They were asked: who rests again sleeps until its time."""
        for reader in readers:
            if reader in self._awake and reader.rests and reader.look_at > now:
                del self._awake[reader]
                self._plan(reader)

    def _plan(self, reader: StreamReader) -> None:
        self._pushed += 1
        self._planned[reader] = reader.look_at
        heapq.heappush(self._times, (reader.look_at, self._pushed, reader))
