"""A page between two places: nothing of others, both bounds outside, never more than a frame."""

from __future__ import annotations

from extdebug.filters.filter import EVERYTHING, Filter
from extdebug.hub.hub import Hub
from extdebug.hub.page import (
    MOST_HIDDEN,
    MOST_SCANNED,
    PAGE_BYTES,
    SCAN_PAGE,
    Page,
    Span,
    fetch_hidden,
    fetch_page,
)
from extdebug.hub.selection import Selection
from extdebug.wire.positions import Cursor
from tests.extdebug.hub.test_hub import ALL, TARGET, hub, write
from tests.fixtures.redis import RedisServer

__all__ = ["hub"]  # the fixture


def span(after: str | None, before: str | None) -> Span:
    return Span(*(None if text is None else Cursor.parse(text) for text in (after, before)))


async def page(
    hub: Hub,
    *,
    after: str | None = None,
    before: str | None = None,
    limit: int = 1000,
    selection: Selection = ALL,
) -> Page:
    return await fetch_page(hub, TARGET, span(after, before), selection=selection, limit=limit)


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


async def hidden(
    hub: Hub, wanted: Filter, *, before: str | None = None, after: str | None = None,
    installs: frozenset[str] | None = None, limit: int = 1000,
) -> Page:  # fmt: skip
    return await fetch_hidden(
        hub, TARGET, span(after, before), selection=Selection(installs, wanted), limit=limit
    )


def terms(found: Page) -> list[str]:
    return [part.term for part in found.hidden_by or []]


async def test_the_newest_hidden_events_come_oldest_first_each_with_its_term(
    hub: Hub, redis_server: RedisServer
) -> None:
    ids = write(redis_server, *(f"m{n}" for n in range(30)), install="inst-acme")
    found = await hidden(hub, Filter(q="m -m2"), limit=3)
    assert messages(found) == ["m27", "m28", "m29"]
    assert terms(found) == ["-m2"] * 3
    assert (str(found.cursor), found.done) == (ids[27], False)
    more = await hidden(hub, Filter(q="m -m2"), before=str(found.cursor))
    assert messages(more) == ["m2", *(f"m{n}" for n in range(20, 27))]
    assert more.done
    between = await hidden(hub, Filter(q="zebra"), after=ids[3], before=ids[6])
    assert messages(between) == ["m4", "m5"]


async def test_hidden_events_of_other_installs_stay_hidden(
    hub: Hub, redis_server: RedisServer
) -> None:
    write(redis_server, "theirs", install="inst-globex")
    write(redis_server, "of no install")
    write(redis_server, "ours", install="inst-acme")
    found = await hidden(hub, Filter(q="zebra"), installs=frozenset({"inst-acme"}))
    assert messages(found) == ["ours"]


async def test_hidden_events_are_masked_before_a_term_is_tried(
    hub: Hub, redis_server: RedisServer
) -> None:
    secret = "AKIA" + "ABCDEFGHIJKLMNOP"
    write(redis_server, f"key {secret}")
    found = await hidden(hub, Filter(q=secret))
    assert terms(found) == [secret]
    assert secret not in found.found[0].json.decode()


async def test_a_page_of_hidden_events_is_bounded(hub: Hub, redis_server: RedisServer) -> None:
    write(redis_server, "rare", *(f"m{n}" for n in range(MOST_SCANNED)))
    assert len((await hidden(hub, Filter(q="zebra"))).found) == MOST_HIDDEN
    nothing = await hidden(hub, Filter(q="m"))
    assert (nothing.found, nothing.done) == ([], False)
    assert messages(await hidden(hub, Filter(q="m"), before=str(nothing.cursor))) == ["rare"]
    write(redis_server, *("x" * 8000 for _ in range(MOST_HIDDEN)))
    heavy = await hidden(hub, Filter(q="zebra"))
    assert 1 < len(heavy.found) < MOST_HIDDEN
    assert sum(len(one.json) for one in heavy.found) <= PAGE_BYTES
    assert not heavy.done


async def test_an_absent_stream_hides_nothing(hub: Hub, redis_server: RedisServer) -> None:
    assert await hidden(hub, Filter(q="zebra")) == Page([], None, done=True, hidden_by=[])
