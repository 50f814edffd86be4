"""What one session asks of the stream up to its boundary: its last N events, entries left."""

from __future__ import annotations

from typing import Final

from extdebug.hub.redacting_decoder import DecodedEntry, RedactingDecoder
from extdebug.hub.selection import Selection
from extdebug.streams.connection import Link
from extdebug.streams.replies import Row, read_rows
from extdebug.wire.positions import Cursor, EntryId, before

SCAN_PAGE: Final = 250
COUNT_PAGE: Final = 1000
MAX_SCAN: Final = 20_000  # entries looked at for the last N that match: a whole stream by default


async def find_last(
    link: Link,
    key: bytes,
    *,
    wanted: int,
    boundary: Cursor,
    decoder: RedactingDecoder,
    selection: Selection,
) -> Cursor:
    """The place before the last `wanted` matching events up to `boundary`, at most MAX_SCAN back.

    LOST when the connection is gone.
    """
    cursor, index, seen = boundary.id, boundary.index, 0
    while wanted > 0 and seen < MAX_SCAN:
        rows = read_rows(await link.call("XREVRANGE", key, str(cursor), "-", "COUNT", SCAN_PAGE))
        used = len(rows)
        matching = _matching(rows, decoder, selection)
        if len(matching) >= wanted:
            used = matching[wanted - 1] + 1
        wanted -= len(matching)
        seen += used
        if used:
            cursor = before(rows[used - 1][0])
        if len(rows) < SCAN_PAGE:
            break
    index = None if index is None else max(0, index - seen)
    return Cursor(cursor, index, boundary.epoch)


def _matching(rows: list[Row], decoder: RedactingDecoder, selection: Selection) -> list[int]:
    """Positions of rows that the session will be shown; gaps and markers are not counted."""
    places: list[int] = []
    decoded: list[DecodedEntry] = []
    for place, row in enumerate(rows):
        one = decoder(row)
        if one.event is not None:
            places.append(place)
            decoded.append(one)
    events = [one.event for one in decoded if one.event is not None]
    return [places[i] for i in selection.choose(events)]


async def count_entries(link: Link, key: bytes, *, after: EntryId, upto: EntryId) -> int:
    """How many entries the stream holds behind `after` and up to `upto`. LOST: no connection."""
    count, start = 0, f"({after}"
    while True:
        rows = read_rows(await link.call("XRANGE", key, start, str(upto), "COUNT", COUNT_PAGE))
        count += len(rows)
        if len(rows) < COUNT_PAGE:
            return count
        start = f"({rows[-1][0]}"
