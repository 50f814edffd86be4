"""The menu "View": density, how many lines are kept, and views saved under a name."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import ConsoleTab, until
from tests.e2e.protocol_server import Fake, page_config, tenant

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]


async def save(tab: ConsoleTab, name: str) -> None:
    if not await tab.page.is_visible("#view-name"):
        await tab.page.click("#view-menu summary")
    await tab.page.fill("#view-name", name)
    await tab.page.press("#view-name", "Enter")


async def saved(tab: ConsoleTab) -> list[str]:
    names: list[str] = await tab.page.locator(".saved-views a").all_text_contents()
    return names


async def test_compact_rows_are_lower_and_stay_so(fake: Fake, tab: ConsoleTab) -> None:
    height = "document.querySelector('#lines .line').offsetHeight"
    await tab.open()
    await fake.lines(40)
    await tab.sees("line 39")
    before = await tab.script(height)
    await tab.page.click("#view-menu summary")
    await tab.page.select_option("#view-density", "compact")
    await until_script(tab, f"{height} <= {before} - 4")
    await tab.open()
    await fake.lines(40, "again")
    await tab.sees("again 39")
    assert await tab.script(height) <= before - 4
    whole = """[...document.querySelectorAll('#lines .line')].every(
      n => Number.isInteger(n.getBoundingClientRect().height))"""
    assert await tab.script(whole), "rows.js adds up whole pixels"


async def until_script(tab: ConsoleTab, condition: str) -> None:
    await tab.page.wait_for_function(f"() => {condition}")


async def test_fewer_lines_are_kept_at_once_and_more_from_then_on(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.lines(1500)
    await tab.says("#kept", "1,500 lines in view")
    await tab.page.click("#view-menu summary")
    await tab.page.select_option("#view-kept", "1000")
    await tab.says("#kept", "1,000 lines in view (500 older removed; limit 1,000)")
    await tab.page.select_option("#view-kept", "20000")
    await fake.lines(6000, "more")
    await tab.says("#kept", "7,000 lines in view")
    await tab.open()
    await tab.page.click("#view-menu summary")
    assert await tab.page.input_value("#view-kept") == "20000"


async def test_wrapping_and_folding_are_in_the_menu_and_say_their_state(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await tab.page.click("#view-menu summary")
    await tab.page.click("#wrap")
    assert await tab.page.get_attribute("#wrap", "aria-pressed") == "false"
    assert await tab.page.is_visible("#wrap"), "more can be chosen"
    await tab.page.keyboard.press("Escape")
    assert await tab.page.is_hidden("#wrap")


async def test_a_view_is_saved_opened_and_deleted(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open("?tenant=acme&level=warn&q=timeout&from=ago:300&cols=ms&hl=retry")
    await save(tab, "  slow <pages> ")
    await tab.says("#toast", "View “slow <pages>” saved.")
    await tab.open("?tenant=acme")
    await tab.page.click("#view-menu summary")
    assert await saved(tab) == ["slow <pages>"]
    link = await tab.page.get_attribute(".saved-views a", "href")
    assert "level=warn" in link
    assert "cols=ms" in link
    assert "hl=retry" in link
    before = len(fake.of("subscribe"))
    await tab.page.click(".saved-views a")
    assert tab.page.url.endswith(link)
    await until(lambda: len(fake.of("subscribe")) > before)
    subscribed = fake.of("subscribe")[-1]
    assert (subscribed["filter"]["level"], subscribed["filter"]["q"]) == ("warn", "timeout")
    assert "time" in subscribed["from"]
    assert await tab.page.inner_text("#columns-names summary") == "ms"
    assert await tab.page.is_visible(".chip:has-text('retry')")
    await tab.page.go_back()
    await until_script(tab, "document.querySelector('#q').value === ''")
    await tab.page.click("#view-menu summary")
    await tab.page.click("[aria-label='Delete the view slow <pages>']")
    await tab.says("#toast", "deleted")
    assert await saved(tab) == []


async def test_a_link_to_a_view_goes_to_another_tab_like_any_link(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open("?tenant=acme&q=timeout")
    await save(tab, "timeouts")
    await tab.page.wait_for_selector(".saved-views a")
    async with tab.page.context.expect_page() as caught:
        await tab.page.click(".saved-views a", modifiers=["Control"])
    other: Any = await caught.value
    await other.wait_for_function("() => document.querySelector('#q')?.value === 'timeout'")
    await other.close()


async def test_a_name_is_wanted_and_the_same_name_replaces(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open("?tenant=acme&q=one")
    await save(tab, "   ")
    await tab.says("#toast", "Give the view a name.")
    await save(tab, "mine")
    await tab.page.fill("#q", "two")
    await tab.page.press("#q", "Enter")
    await save(tab, "mine")
    await tab.says("#toast", "View “mine” replaced.")
    assert await saved(tab) == ["mine"]
    assert "q=two" in (await tab.page.get_attribute(".saved-views a", "href"))


async def test_a_browser_that_stores_nothing_says_so(tab: ConsoleTab) -> None:
    await tab.page.add_init_script(
        "Storage.prototype.setItem = () => { throw new DOMException('full') }"
    )
    await tab.open("?tenant=acme")
    await save(tab, "mine")
    await tab.says("#toast", "The browser stores nothing for this page")
    assert await saved(tab) == []


async def test_views_belong_to_their_extension(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open("?tenant=acme")
    await save(tab, "mine")
    fake.config = page_config(extension="other", tenants=[tenant("acme", "inst-acme")])
    await tab.open("?tenant=acme")
    assert await saved(tab) == []
