"""Events between two places of a stream that Redis still holds, for a session that asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from extdebug.filters.filter import Part
from extdebug.hub.hub import Hub
from extdebug.hub.redacting_decoder import DecodedEntry, RedactingDecoder
from extdebug.hub.selection import Selection
from extdebug.streams.replies import read_rows
from extdebug.wire.keys import Target
from extdebug.wire.positions import Cursor

PAGE_BYTES: Final = 128 * 1024  # one frame carries no more
SCAN_PAGE: Final = 250
MOST_HIDDEN: Final = 20  # hidden events of one page
MOST_SCANNED: Final = 1000  # entries that one page of them looks at


@dataclass(frozen=True, slots=True)
class Span:
    """Between two places, both exclusive; None: the stream's own end."""

    after: Cursor | None = None
    before: Cursor | None = None

    def bounds(self) -> tuple[str, str]:
        """As XRANGE takes them."""
        return (
            "-" if self.after is None else f"({self.after.id}",
            "+" if self.before is None else f"({self.before.id}",
        )


@dataclass(frozen=True, slots=True)
class Page:
    """What was found, the place up to which was looked, and whether that is all there is.

    Of hidden events `hidden_by` says for each which part of the filter left it out.
    """

    found: list[DecodedEntry]
    cursor: Cursor | None
    done: bool
    hidden_by: list[Part] | None = None


async def fetch_page(
    hub: Hub, target: Target, span: Span, *, selection: Selection, limit: int
) -> Page:
    """The first events that are selected. RedisError or LOST when Redis does not answer."""
    key = hub.keys.of(target)
    decoder = RedactingDecoder(hub.redactor, target)
    first, last = span.bounds()
    chosen: list[DecodedEntry] = []
    cursor: Cursor | None = None
    size = 0
    while limit > 0:  # in parts: one request must not hold up everybody else's events
        count = min(limit, SCAN_PAGE)
        async with hub.reader(target) as link:
            rows = read_rows(await link.call("XRANGE", key, first, last, "COUNT", count))
        known = [one for one in decoder.each(rows) if one.event is not None]
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


async def fetch_hidden(
    hub: Hub, target: Target, span: Span, *, selection: Selection, limit: int
) -> Page:
    """The newest events between two places that the selection's filter leaves out, oldest first.

    Only of the selection's installs. Looks back from the end; the page's cursor is the oldest
    place that was looked at. RedisError or LOST when Redis does not answer.
    """
    key = hub.keys.of(target)
    decoder = RedactingDecoder(hub.redactor, target)
    first, last = span.bounds()
    chosen: list[tuple[DecodedEntry, Part]] = []  # newest first
    cursor: Cursor | None = None
    size = 0
    for _ in range(MOST_SCANNED // SCAN_PAGE):
        async with hub.reader(target) as link:
            rows = read_rows(await link.call("XREVRANGE", key, last, first, "COUNT", SCAN_PAGE))
        known = [one for one in decoder.each(rows) if one.event is not None]
        events = [one.event for one in known if one.event is not None]  # newest first, as the rows
        for place, part in selection.hidden(events):
            size += len(known[place].json)
            if len(chosen) >= min(limit, MOST_HIDDEN) or (chosen and size > PAGE_BYTES):
                return _hidden_page(chosen, Cursor(chosen[-1][0].id), done=False)
            chosen.append((known[place], part))
        if rows:
            cursor = Cursor(rows[-1][0])
            last = f"({cursor.id}"
        if len(rows) < SCAN_PAGE:
            return _hidden_page(chosen, cursor, done=True)
    return _hidden_page(chosen, cursor, done=False)


def _hidden_page(
    newest_first: list[tuple[DecodedEntry, Part]], cursor: Cursor | None, *, done: bool
) -> Page:
    found = newest_first[::-1]
    return Page([one for one, _ in found], cursor, done=done, hidden_by=[part for _, part in found])
