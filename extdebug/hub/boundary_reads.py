"""What one session asks of the stream up to its boundary: its last N events, entries left."""

from __future__ import annotations

from typing import Final

from redis.exceptions import ResponseError

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
    whole = await _find_oldest(link, key, wanted=wanted, boundary=boundary)
    if whole is not None:
        return whole
    cursor, index, seen = boundary.id, boundary.index, 0
    everything = wanted >= MAX_SCAN  # the scan ends by its length: what matches changes nothing
    page = COUNT_PAGE if everything else SCAN_PAGE
    while wanted > 0 and seen < MAX_SCAN:
        rows = read_rows(await link.call("XREVRANGE", key, str(cursor), "-", "COUNT", page))
        used = len(rows)
        matching = [] if everything else _matching(rows, decoder, selection)
        if len(matching) >= wanted:
            used = matching[wanted - 1] + 1
        wanted -= len(matching)
        seen += used
        if used:
            cursor = before(rows[used - 1][0])
        if len(rows) < page:
            break
    index = None if index is None else max(0, index - seen)
    return Cursor(cursor, index, boundary.epoch)


async def _find_oldest(link: Link, key: bytes, *, wanted: int, boundary: Cursor) -> Cursor | None:
    """That place where it is the stream's beginning or close to it, whatever matches; else None.

    How many entries there are says so, and a look at the oldest where it lies: 20,000 entries need
    not be read backwards and decoded (250 ms) to find what one transaction tells.
    """
    if wanted < SCAN_PAGE:
        return None
    length = await link.call("XLEN", key)
    if length > wanted and (wanted < MAX_SCAN or length >= MAX_SCAN + SCAN_PAGE):
        return None  # it depends on which of them match, or lies far from the beginning
    oldest = ("XRANGE", key, "-", "+", "COUNT", SCAN_PAGE)
    later = ("XRANGE", key, f"({boundary.id}", "+", "COUNT", SCAN_PAGE)
    replies = await link.together(("XLEN", key), oldest, later)
    if any(isinstance(reply, ResponseError) for reply in replies):
        return None  # the scan says what it is
    rows, beyond = read_rows(replies[1]), len(read_rows(replies[2]))
    held = int(replies[0]) - beyond  # up to the boundary
    skip = max(0, held - MAX_SCAN)
    if beyond >= SCAN_PAGE or skip >= len(rows) or rows[skip][0] > boundary.id:
        return None
    index = None if boundary.index is None else max(0, boundary.index - (held - skip))
    return Cursor(before(rows[skip][0]), index, boundary.epoch)


def _matching(rows: list[Row], decoder: RedactingDecoder, selection: Selection) -> list[int]:
    """Positions of rows that the session will be shown; gaps and markers are not counted."""
    places: list[int] = []
    decoded: list[DecodedEntry] = []
    for place, one in enumerate(decoder.each(rows)):
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
