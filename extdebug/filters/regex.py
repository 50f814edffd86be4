"""One regex of a filter: RE2 over single lines, with bounds on its memory, size and CPU time.

The author of the events may also be the author of the filter, so RE2's linear time is not enough:
there are limits on length (parser.py), program size, memory, and CPU time actually used.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import re2

from extdebug.filters.batch import Chunk
from extdebug.filters.query import FilterError, Problem

# 1 MiB keeps every pattern worth having on RE2's automaton (\p{L}+ needs 600 KiB); a pattern that
# leaves it costs up to 10 ns per instruction and byte (measured), hence the limit on instructions.
_REGEX_MEMORY: Final = 1 << 20
_REGEX_PROGRAM: Final = 1_300
# CPU seconds one regex may save up, and gain per second: 1.2 us per matching event is usual, so
# 5,000 events/s cost it 6 ms. A pathological one is found out after at most one chunk more.
_CPU_BURST: Final = 0.5
_CPU_RATE: Final = 0.1
# Lines of many events are scanned at once: a pattern must not see beyond its own.
_BEYOND_LINE: Final = re.compile(r"\\([AzC])|(\(\?[imsU]*-[isU]*m)|\\.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Clocks:
    """Two clocks in seconds: `cpu` counts this thread's CPU time, `wall` runs monotonically."""

    cpu: Callable[[], float] = time.thread_time
    wall: Callable[[], float] = time.monotonic


SYSTEM_CLOCKS: Final = Clocks()


class Pattern:
    """One RE2 regex over lines, which may use a bounded share of CPU time.

    `position` is where it stands in the query, for errors. FilterError when RE2 refuses the
    pattern, or when it is too large; from a search, when the pattern used too much CPU time.
    """

    __slots__ = ("_clocks", "_left", "_position", "_refilled", "_search")

    def __init__(
        self, pattern: str, *, fold: bool, position: int, clocks: Clocks = SYSTEM_CLOCKS
    ) -> None:
        self._position = position
        self._clocks = clocks
        for found in _BEYOND_LINE.finditer(pattern):
            if found[1] or found[2]:
                raise self._refused(f"{found[0]} is not supported; ^ and $ are a line's ends")
        options = re2.Options()
        options.log_errors = False
        options.max_mem = _REGEX_MEMORY
        options.never_nl = True
        options.never_capture = True
        options.case_sensitive = not fold
        try:
            # Twice: alone, so that (?m) cannot mend or break what was written, then for use.
            re2.compile(pattern.encode(), options)
            compiled = re2.compile(b"(?m)" + pattern.encode(), options)
        except re2.error as error:
            raise self._refused(f"RE2 says: {_said(error)}") from None
        forth, back = compiled.programsize, compiled.reverseprogramsize
        if not (0 <= forth <= _REGEX_PROGRAM and 0 <= back <= _REGEX_PROGRAM):
            raise FilterError(
                Problem.TOO_COMPLEX, "this regex is too large; use fewer repetitions", position
            )
        self._search = compiled.search
        self._left = _CPU_BURST
        self._refilled = clocks.wall()

    def found(self, data: bytes, start: int = 0, end: int | None = None) -> bool:
        """Whether a line within the bounds matches."""
        began = self._clocks.cpu()
        found = self._search(data, start, end) is not None
        self._spend(self._clocks.cpu() - began)
        return found

    def scan(self, chunk: Chunk) -> list[int]:
        """The places in the batch of those of the chunk's texts that have a matching line."""
        began = self._clocks.cpu()
        hits: list[int] = []
        starts, data, search = chunk.starts, chunk.data, self._search
        start = 0
        while (match := search(data, start)) is not None:
            place = chunk.place(match.start())
            hits.append(chunk.first + place)
            if place + 1 == len(starts):
                break
            start = starts[place + 1]
        self._spend(self._clocks.cpu() - began)
        return hits

    def _spend(self, seconds: float) -> None:
        self._left -= seconds
        if self._left > 0:
            return
        now = self._clocks.wall()
        self._left = min(_CPU_BURST, self._left + (now - self._refilled) * _CPU_RATE)
        self._refilled = now
        if self._left <= 0:
            raise FilterError(
                Problem.TOO_COSTLY,
                "this regex needs too much CPU on these events; make it simpler or narrow it down",
                self._position,
            )

    def _refused(self, message: str) -> FilterError:
        return FilterError(Problem.BAD_REGEX, message, self._position)


def _said(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return str(said.decode("utf-8", "replace") if isinstance(said, bytes) else said)[:200]
