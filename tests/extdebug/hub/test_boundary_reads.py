"""A session's last N events, and how many entries are left, on a real Redis."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extdebug.filters.filter import EVERYTHING, Filter
from extdebug.hub import boundary_reads
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


CASE = st.tuples(
    st.integers(0, 40), st.integers(0, 45), st.integers(0, 8), st.integers(0, 30), st.booleans(),
    st.booleans(),
)  # fmt: skip
SHARED = HealthCheck.function_scoped_fixture  # one server for all examples


def expected(entries: list[tuple[int, bool]], *, wanted: int, boundary: Cursor) -> Cursor:
    """One entry after the other back from the boundary, with its number and whether it matches."""
    taken = boundary.id
    seen = matched = 0
    for number, matches in reversed(entries):
        if matched >= wanted or seen >= 20:
            break
        taken, seen, matched = before(EntryId(number, 0)), seen + 1, matched + matches
    return Cursor(taken, max(0, (boundary.index or 0) - seen), boundary.epoch)


@given(st.lists(CASE, min_size=1, max_size=20))
@settings(max_examples=12, deadline=None, suppress_health_check=[SHARED])
def test_the_place_is_the_one_that_is_found_going_back_entry_by_entry(
    redis_server: RedisServer, cases: list[Any]
) -> None:
    """With entries behind the boundary, some trimmed or deleted, and any number wanted."""
    with pytest.MonkeyPatch.context() as sizes, redis_server.client() as client:
        for name, value in (("SCAN_PAGE", 4), ("COUNT_PAGE", 5), ("MAX_SCAN", 20)):
            sizes.setattr(boundary_reads, name, value)
        for held, wanted, later, lost, trims, errors in cases:
            level = {n: "error" if n % 3 else "info" for n in range(1, held + later + 1)}
            pipe = client.pipeline()
            pipe.delete(KEY)
            for n, named in level.items():
                pipe.xadd(KEY, {"message": "m", "level": named}, id=f"{n}-0")
            if trims:
                pipe.xtrim(KEY, maxlen=max(0, held + later - lost), approximate=False)
            else:
                pipe.xdel(KEY, "0-1", *(f"{n * 3 + 1}-0" for n in range(lost)))
            pipe.execute()
            ids = [int(id.partition(b"-")[0]) for id, _ in client.xrange(KEY)]
            left = [(n, not errors or level[n] == "error") for n in ids if n <= held]
            top = Cursor(EntryId(held, 0), held, "e1")
            selection = ERRORS if errors else Selection(None, EVERYTHING)
            found = asyncio.run(last(redis_server, wanted, top, selection))
            assert found == expected(left, wanted=wanted, boundary=top)


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
