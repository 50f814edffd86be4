"""What the numbers of a stream's producers were before a place, from what the stream still holds.

Needed when a source is first seen with a number above 1: only its earlier entries, if there are
any, say whether something is missing between. One pass over the stream at the most.
"""

from __future__ import annotations

from typing import Final

from extdebug.hub.subscription import Watched
from extdebug.hub.watched_stream import WatchedStream
from extdebug.streams.connection import Link
from extdebug.streams.replies import read_rows
from extdebug.streams.sequence_gaps import SequenceGaps
from extdebug.wire.entries import read_origin
from extdebug.wire.keys import Target
from extdebug.wire.positions import ZERO_ID, Cursor, EntryId, before

SEED: Final = 64  # entries before a place, from which most producers' last numbers are learnt
PAGE: Final = 1000
MOST: Final = 100_000  # entries looked at; beyond it a source counts as new


async def seed_sequences(
    link: Link, key: bytes, target: Target, numbers: SequenceGaps, *, until: EntryId
) -> None:
    """Learn the numbers of the producers that are loud enough to be among the last SEED entries."""
    if until == ZERO_ID:
        return
    rows = read_rows(await link.call("XREVRANGE", key, str(until), "-", "COUNT", SEED))
    for id, raw in rows[::-1]:
        numbers.seed(read_origin(raw, tenant=target.tenant, extension=target.extension), at=id)


async def begin_sequences(
    link: Link, watched: WatchedStream, at: Cursor, *, live: Watched, brought: bool
) -> None:
    """The numbers of a reader that begins at `at`. `live` reads the same stream: what it knew when
    it came by there counts more than what the stream still shows. `brought`: a client stands there,
    and knows what was told before it."""
    numbers = watched.sequence_gaps
    await seed_sequences(link, watched.key, watched.target, numbers, until=at.id)
    if at.ahead:  # what was told before it must not be told again as the runners'
        numbers.lost(at.ahead, after=min(at.id, before(at.until)), until=at.until)
    if at.epoch == live.cursor.epoch and at.id <= live.cursor.id:
        numbers.recall(live.sequence_gaps.log, at=at.id)
    if brought:
        numbers.owe(at.untold)


async def scan_sequences(
    link: Link, key: bytes, target: Target, *, until: EntryId, run_began: EntryId
) -> SequenceGaps | None:
    """The numbers of all producers up to and with `until`; None when the stream became another
    one, or lost its newest entries, while it was read. LOST when the connection is gone."""
    numbers = SequenceGaps()
    numbers.run_began = run_began
    newest = read_rows(await link.call("XREVRANGE", key, str(until), "-", "COUNT", 1))
    start, last = "-", ZERO_ID
    for _ in range(MOST // PAGE):
        rows = read_rows(await link.call("XRANGE", key, start, str(until), "COUNT", PAGE))
        for id, raw in rows:  # what they show was told to whoever stood behind them
            origin = read_origin(raw, tenant=target.tenant, extension=target.extension)
            numbers.account(origin, at=id)
            last = id
        if len(rows) < PAGE:
            if newest and last != newest[0][0]:
                return None
            break
        start = f"({last}"
    numbers.complete = True
    return numbers
