"""What stands behind the numbers in an `events` frame of one short run of events.

It is the same for all who are told the run at the same place. Those are told one right after the
other, so that the last rest is all that needs to be kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from extdebug.wire.positions import Cursor

SHORT: Final = 4096  # bytes of a run up to which a copy costs less than to write one part more


@dataclass(slots=True)
class _Last:
    run: bytes = b""
    cursor: Cursor | str | None = None
    rest: bytes = b""


_last: Final = _Last()


def rest_of(run: bytes, cursor: Cursor | str) -> bytes:
    """From the cursor to the frame's end."""
    last = _last
    if last.run is not run or last.cursor is not cursor:
        last.run, last.cursor = run, cursor
        last.rest = b',"cursor":"%b","events":[%b]}' % (ascii_of(cursor), run)
    return last.rest


@lru_cache(maxsize=64)
def ascii_of(cursor: Cursor | str) -> bytes:
    """A place as frames carry it; sessions that follow one stream say the same of each line."""
    return str(cursor).encode("ascii")
