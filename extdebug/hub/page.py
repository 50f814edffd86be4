"""Events between two places of a stream that Redis still holds, for a session that asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from extdebug.hub.hub import Hub
from extdebug.hub.redacting_decoder import DecodedEntry, RedactingDecoder
from extdebug.hub.selection import Selection
from extdebug.streams.replies import read_rows
from extdebug.wire.keys import Target, stream_key
from extdebug.wire.positions import Cursor, EntryId

PAGE_BYTES: Final = 128 * 1024  # one frame carries no more
SCAN_PAGE: Final = 250


@dataclass(frozen=True, slots=True)
class Page:
    """What was found, the place up to which was looked, and whether that is all there is."""

    found: list[DecodedEntry]
    cursor: Cursor | None
    done: bool


async def fetch_page(
    hub: Hub,
    target: Target,
    *,
    selection: Selection,
    after: Cursor | None,
    before_id: EntryId | None,
    limit: int,
) -> Page:
    """Both bounds are exclusive. RedisError or LOST when Redis does not answer."""
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
            return Page(chosen, cursor, done=True)
        limit -= count
        if size > PAGE_BYTES:
            break
    return Page(chosen, cursor, done=False)
