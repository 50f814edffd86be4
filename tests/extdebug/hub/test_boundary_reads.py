"""A session's last N events, and how many entries are left, on a real Redis."""

from __future__ import annotations

import pytest

from extdebug.filters.filter import EVERYTHING, Filter
from extdebug.hub.boundary_reads import COUNT_PAGE, SCAN_PAGE, count_entries, find_last
from extdebug.hub.redacting_decoder import RedactingDecoder
from extdebug.hub.selection import Selection
from extdebug.streams.connection import Link
from extdebug.wire.events import Level
from extdebug.wire.positions import Cursor, EntryId, before
from policies.redaction.redactor import Redactor
from tests.extdebug.hub.test_hub import KEY, TARGET, write
from tests.fixtures.redis import RedisServer

ERRORS = Selection(None, Filter(level=Level.ERROR))


async def last(
    server: RedisServer, wanted: int, boundary: Cursor, selection: Selection = ERRORS
) -> Cursor:
    link = Link(server.url)
    decoder = RedactingDecoder(Redactor(key=None), TARGET)
    try:
        return await find_last(
            link, KEY.encode(),
            wanted=wanted, boundary=boundary, decoder=decoder, selection=selection,
        )  # fmt: skip
    finally:
        await link.close()


async def test_the_last_matching_events_are_found_behind_pages_of_others(
    redis_server: RedisServer,
) -> None:
    errors = write(redis_server, "one", "two", level="error")
    others = write(redis_server, *("other" for _ in range(SCAN_PAGE + 10)))
    top = Cursor(EntryId.parse(others[-1]), len(errors) + len(others), "e1")

    place = await last(redis_server, 1, top)

    assert place == Cursor(before(EntryId.parse(errors[1])), 1, "e1")


async def test_of_too_few_all_are_taken(redis_server: RedisServer) -> None:
    ids = write(redis_server, "one", "two", level="error")
    top = Cursor(EntryId.parse(ids[-1]), 2, "e1")

    assert await last(redis_server, 5, top) == Cursor(before(EntryId.parse(ids[0])), 0, "e1")


async def test_none_wanted_is_the_boundary_itself(redis_server: RedisServer) -> None:
    [id] = write(redis_server, "one")
    top = Cursor(EntryId.parse(id), 1, "e1")

    assert await last(redis_server, 0, top, Selection(None, EVERYTHING)) == top


async def test_what_came_behind_the_boundary_is_not_looked_at(redis_server: RedisServer) -> None:
    [id] = write(redis_server, "one", level="error")
    write(redis_server, "later", level="error")
    top = Cursor(EntryId.parse(id), None, "e1")

    assert await last(redis_server, 1, top) == Cursor(before(EntryId.parse(id)), None, "e1")


@pytest.mark.parametrize("count", [0, 1, COUNT_PAGE, COUNT_PAGE + 1])
async def test_entries_between_two_places_are_counted_page_by_page(
    redis_server: RedisServer, count: int
) -> None:
    [first] = write(redis_server, "before")
    ids = [first, *write(redis_server, *("m" for _ in range(count)))]
    write(redis_server, "behind")
    link = Link(redis_server.url)
    after, upto = EntryId.parse(ids[0]), EntryId.parse(ids[-1])

    assert await count_entries(link, KEY.encode(), after=after, upto=upto) == count
    await link.close()
