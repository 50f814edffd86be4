"""A page between two places: nothing of others, both bounds outside, never more than a frame."""

from __future__ import annotations

from extdebug.filters.filter import EVERYTHING
from extdebug.hub.hub import Hub
from extdebug.hub.page import PAGE_BYTES, SCAN_PAGE, Page, fetch_page
from extdebug.hub.selection import Selection
from extdebug.wire.positions import Cursor, EntryId
from tests.extdebug.hub.test_hub import ALL, TARGET, hub, write
from tests.fixtures.redis import RedisServer

__all__ = ["hub"]  # the fixture


async def page(
    hub: Hub,
    *,
    after: str | None = None,
    before: str | None = None,
    limit: int = 1000,
    selection: Selection = ALL,
) -> Page:
    return await fetch_page(
        hub, TARGET, selection=selection, limit=limit,
        after=None if after is None else Cursor.parse(after),
        before_id=None if before is None else EntryId.parse(before),
    )  # fmt: skip


def messages(found: Page) -> list[str]:
    return [one.event.message for one in found.found if one.event]


async def test_a_page_gives_what_lies_between_and_nothing_of_others(
    hub: Hub, redis_server: RedisServer
) -> None:
    ids = write(redis_server, *(f"m{n}" for n in range(10)), install="inst-acme")
    found = await page(hub, after=ids[2], before=ids[7], limit=2)
    assert (messages(found), str(found.cursor), found.done) == (["m3", "m4"], ids[4], False)
    rest = await page(hub, after=str(found.cursor), before=ids[7])
    assert (messages(rest), rest.done) == (["m5", "m6"], True)
    hidden = await page(hub, selection=Selection(frozenset({"inst-other"}), EVERYTHING))
    assert (hidden.found, hidden.done) == ([], True)


async def test_more_than_one_scan_is_read_to_the_limit(hub: Hub, redis_server: RedisServer) -> None:
    write(redis_server, *(f"m{n}" for n in range(2 * SCAN_PAGE + 10)))
    found = await page(hub, limit=SCAN_PAGE + 5)
    assert messages(found) == [f"m{n}" for n in range(SCAN_PAGE + 5)]
    assert not found.done
    assert len(messages(await page(hub, limit=5000))) == 2 * SCAN_PAGE + 10


async def test_a_page_ends_when_it_is_heavy_and_says_that_there_is_more(
    hub: Hub, redis_server: RedisServer
) -> None:
    write(redis_server, *("x" * 2000 for _ in range(4 * SCAN_PAGE)))
    found = await page(hub, limit=5000)
    assert not found.done
    assert len(found.found) == SCAN_PAGE
    assert sum(len(one.json) for one in found.found) > PAGE_BYTES


async def test_an_absent_stream_is_an_empty_page(hub: Hub, redis_server: RedisServer) -> None:
    assert await page(hub) == Page([], None, done=True)
