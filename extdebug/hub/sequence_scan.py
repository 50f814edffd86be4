"""What the numbers of a stream's producers were before a place, from what the stream still holds.

Needed when a source is first seen with a number above 1: only its earlier entries, if there are
any, say whether something is missing between. One pass over the stream at the most.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from extdebug.streams.connection import Link
from extdebug.streams.replies import Row, read_rows
from extdebug.streams.sequence_gaps import SequenceGaps
from extdebug.wire.entries import read_origin
from extdebug.wire.keys import Target
from extdebug.wire.positions import EntryId

PAGE: Final = 1000
MOST: Final = 100_000  # entries looked at; beyond it a source counts as new


def account_rows(numbers: SequenceGaps, target: Target, rows: Sequence[Row]) -> None:
    """Let `numbers` see these entries; what they show was told to whoever stood behind them."""
    for id, raw in rows:
        origin = read_origin(raw, tenant=target.tenant, extension=target.extension)
        numbers.account(origin, at=id)


async def scan_sequences(link: Link, key: bytes, target: Target, *, until: EntryId) -> SequenceGaps:
    """The numbers of all producers up to and with `until`. LOST when the connection is gone."""
    numbers = SequenceGaps()
    start = "-"
    for _ in range(MOST // PAGE):
        rows = read_rows(await link.call("XRANGE", key, start, str(until), "COUNT", PAGE))
        account_rows(numbers, target, rows)
        if len(rows) < PAGE:
            break
        start = f"({rows[-1][0]}"
    numbers.complete = True
    return numbers
