"""Folded rows: lines of one request only; what is drawn, opened, copied and linked is one event."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.conftest import ConsoleTab, until
from tests.e2e.protocol_server import START_MS, Fake

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]


async def pasted(tab: ConsoleTab) -> str:
    await tab.page.wait_for_selector("#toast:not([hidden])")
    text: str = await tab.script("navigator.clipboard.readText()")
    return text


async def five_retries(fake: Fake, tab: ConsoleTab) -> list[dict[str, Any]]:
    """Five equal lines of one request, a second apart, on a page that may read the clipboard."""
    await tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await tab.open()
    made = [fake.event("retrying", ms=START_MS + n * 1000) for n in range(5)]
    await fake.events(*made)
    await tab.sees("× 5")
    return made


async def test_the_same_line_of_four_requests_is_four_rows(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.events(*[fake.event("posting", requestId=f"req-{n}") for n in range(4)])
    await fake.events(*[fake.event("starting", requestId=None) for _ in range(3)])
    await tab.sees("× 3")
    assert await tab.messages() == ["posting"] * 4 + ["starting"]
    assert await tab.page.locator("button.flow").all_inner_texts() == [f"req-{n}" for n in range(4)]
    await tab.page.click(".flow >> nth=2")
    await tab.page.click(".request-open button:has-text('Only this request')")
    frame = (await until(lambda: fake.of("filter")))[0]
    assert frame["filter"]["request"] == "req-2"


async def test_lines_that_differ_by_their_colours_alone_fold(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.events(
        fake.event("\x1b[31mERROR\x1b[0m: refused"), fake.event("\x1b[1;31mERROR\x1b[m: refused"),
        fake.event("ERROR: refused"), fake.event("ERROR: \x1b[1mRefused\x1b[0m"),
    )  # fmt: skip
    await tab.sees("× 3")
    assert await tab.messages() == ["ERROR: refused", "ERROR: Refused"]


async def test_what_a_folded_row_shows_is_what_it_opens_copies_and_links(
    fake: Fake, tab: ConsoleTab
) -> None:
    made = await five_retries(fake, tab)
    drawn = await tab.page.get_attribute(".line time", "datetime")
    await tab.page.click(".line .msg")
    facts = await tab.page.inner_text(".facts")
    await tab.page.click("[data-act=copy-json]")
    copied = json.loads(await pasted(tab))
    await tab.page.click(".detail .acts [data-act=permalink]")
    await tab.says("#toast", "Link copied")
    linked = urlsplit(await pasted(tab)).fragment
    shown = next(event for event in made if event["ts"] == drawn)
    assert (copied["id"], linked) == (shown["id"], shown["id"])
    assert shown["id"] in facts


async def test_a_folded_row_opens_to_its_occurrences_each_with_a_link(
    fake: Fake, tab: ConsoleTab
) -> None:
    made = await five_retries(fake, tab)
    await tab.page.click(".times")
    await tab.page.wait_for_selector(".repeats")
    times = tab.page.locator(".repeats time")
    found = await times.evaluate_all("all => all.map(n => n.getAttribute('datetime'))")
    assert found == [event["ts"] for event in made]
    await tab.page.click(".repeats li >> nth=3 >> text=Copy link")
    await tab.says("#toast", "Link copied")
    assert urlsplit(await pasted(tab)).fragment == made[3]["id"]


async def test_occurrences_that_are_not_kept_are_counted(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.events(*[fake.event("again") for _ in range(300)])
    await tab.sees("× 300")
    await tab.page.click(".times")
    await tab.says(".repeats", "99 occurrences not kept on this page")
    assert await tab.page.locator(".repeats time").count() == 201
