"""The page's filters: they run on the server, live in the address, and never leak an old one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import ConsoleTab, until
from tests.e2e.protocol_server import Fake, page_config, tenant

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]


async def asked(fake: Fake, count: int = 1) -> dict[str, Any]:
    """The last filter the page sent, once it sent `count` of them."""
    await until(lambda: len(fake.of("filter")) >= count)
    found: dict[str, Any] = fake.of("filter")[-1]["filter"]
    return found


async def test_typing_a_query_sends_it_once_and_puts_it_in_the_address(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await tab.page.type("#q", "slow upstream", delay=15)
    assert (await asked(fake))["q"] == "slow upstream"
    await tab.page.press("#q", "Enter")
    assert len(fake.of("filter")) == 1
    assert "q=slow+upstream" in tab.page.url


async def test_escape_leaves_the_query_box_without_applying_half_a_text(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open("?q=slow")
    await tab.page.type("#q", " ups", delay=1)
    await tab.page.keyboard.press("Escape")
    assert await tab.page.input_value("#q") == "slow"
    await tab.page.keyboard.press("1")  # a key of the page again, not of the box
    assert (await asked(fake))["q"] == "slow"
    assert len(fake.of("filter")) == 1


async def test_a_changed_filter_begins_anew_and_shows_no_line_of_the_old_one(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.events(fake.event("old"))
    await tab.sees("old")
    await tab.page.click("[data-stream=stdout]")
    frame = await asked(fake)
    assert frame["rev"] == 2
    assert fake.of("filter")[0]["from"] == {"tail": 200}
    await fake.events(fake.event("of the old filter, still under way"), rev=1)
    await fake.events(fake.event("of the new one"), rev=2)
    await tab.sees("of the new one")
    assert await tab.messages() == ["of the new one"]


async def test_a_query_that_is_not_understood_is_underlined_and_the_old_filter_stays(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.events(fake.event("kept"))
    await tab.sees("kept")
    fake.refuse = {"code": "bad_query", "message": "this ( is never closed", "position": 8}
    await tab.page.fill("#q", "timeout (retry")
    await tab.page.press("#q", "Enter")
    await tab.says("#q-error", "this ( is never closed")
    assert await tab.page.locator("#q-ghost u").inner_text() == "(retry"
    assert await tab.page.get_attribute("#q", "aria-invalid") == "true"
    await fake.events(fake.event("still of the old filter"), rev=1)
    await tab.sees("still of the old filter")
    assert await tab.messages() == ["kept", "still of the old filter"]
    fake.refuse = None
    await tab.page.fill("#q", "timeout retry")
    await tab.page.wait_for_selector("#q-error", state="hidden")
    await tab.page.wait_for_function("() => document.querySelectorAll('.line').length === 0")


async def test_an_address_with_a_bad_query_says_so_and_can_be_repaired(
    fake: Fake, tab: ConsoleTab
) -> None:
    fake.auto_ready = False

    async def refuse(frame: dict[str, Any]) -> None:
        if frame["type"] == "subscribe" and frame["filter"]["q"]:
            socket = fake.last
            error = {"type": "error", "code": "bad_query", "message": "no", "position": 0}
            await socket.send(error)
            await socket.send({"type": "closing", "code": 4400, "reason": "bad_query",
                               "message": "no", "final": True})  # fmt: skip
            await socket.close(4400)

    fake.on_message = refuse
    await tab.open("?q=(", state=None)
    await tab.says("#q-error", "no")
    fake.auto_ready = True
    await tab.page.click("text=Connect without the filter text")
    await tab.state("live")
    assert fake.of("subscribe")[-1]["filter"]["q"] == ""


async def test_stream_toggles_level_and_installs_reach_the_server(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await tab.page.click("[data-stream=stdout]")
    assert (await asked(fake))["streams"] == ["stderr", "log"]
    await tab.page.keyboard.press("Shift+Digit2")
    assert (await asked(fake, 2))["streams"] == ["stderr"]
    await tab.page.select_option("#level", "error")
    assert (await asked(fake, 3))["level"] == "error"
    await tab.page.click("#installs summary")
    await tab.page.click("#installs-list label:has-text('inst acme eu')")
    assert (await asked(fake, 4))["installs"] == ["inst-acme-eu"]
    await tab.page.click("#filters-reset")
    assert await asked(fake, 5) == {
        "rev": 6, "installs": [], "request": None, "streams": [], "level": None, "q": "",
    }  # fmt: skip
    assert "?" not in tab.page.url.replace("?tenant=acme", "")


async def test_only_this_request_narrows_to_it_and_back_returns(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.events(fake.event("of nine", requestId="req-9"))
    await tab.page.click(".flow")
    await tab.page.click(".request-open button:has-text('Only this request')")
    assert (await asked(fake))["request"] == "req-9"
    await tab.says("#flow-bar", "req-9")
    assert "request=req-9" in tab.page.url
    await tab.page.go_back()
    assert (await asked(fake, 2))["request"] is None
    assert await tab.page.input_value("#request") == ""


async def test_a_filter_changed_while_away_is_the_one_that_comes_back(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.events(fake.event("old"))
    await tab.sees("old")
    await tab.page.click("#connect")
    await tab.state("idle")
    await tab.page.fill("#q", "new")
    await tab.page.press("#q", "Enter")
    await tab.page.click("#connect")
    await tab.state("live")
    again = fake.of("subscribe")[1]
    assert again["filter"]["q"] == "new"
    assert again["from"] == {"tail": 200}
    await tab.page.wait_for_function("() => document.querySelectorAll('.line').length === 0")


async def test_several_tenants_are_a_choice_and_switching_starts_over(
    fake: Fake, tab: ConsoleTab
) -> None:
    fake.config = page_config(
        tenants=[tenant("acme", "inst-acme"), tenant("globex", "inst-globex")]
    )
    await tab.open(state="idle")
    await tab.says("#empty", "Choose a tenant")
    assert fake.opened == 0
    await tab.page.click("#empty button:has-text('Globex')")
    await tab.state("live")
    assert fake.of("subscribe")[0]["target"]["tenant"] == "globex"
    await fake.events(fake.event("at globex"))
    await tab.sees("at globex")
    await tab.page.select_option("#tenant", "acme")
    await until(lambda: len(fake.of("subscribe")) == 2)
    await tab.page.wait_for_function("() => document.querySelectorAll('.line').length === 0")
    assert fake.of("subscribe")[1]["target"]["tenant"] == "acme"
    assert fake.of("subscribe")[1]["from"] == {"tail": 200}


async def test_a_link_to_a_line_opens_the_stream_at_that_line(fake: Fake, tab: ConsoleTab) -> None:
    await tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await tab.open()
    earlier, event = fake.event("earlier"), fake.event("this one")
    await fake.events(earlier, event)
    await tab.page.click(".line:has-text('this one')")
    await tab.page.click("[data-act=permalink]")
    await tab.says("#toast", "Link copied")
    link = await tab.script("navigator.clipboard.readText()")
    fake.history = []
    await tab.page.goto("about:blank")
    await tab.page.goto(link)
    await tab.state("live")
    cursor = fake.of("subscribe")[-1]["from"]["cursor"]
    assert cursor == f"{int(event['id'].split('-')[0]) - 1}-18446744073709551615"
    await fake.events(event)
    await tab.page.wait_for_selector(".line.linked")


async def test_hide_lines_like_this_adds_an_exclusion(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.events(fake.event("cache lookup took 12 ms"))
    await tab.page.click(".line")
    await tab.page.click("[data-act=without]")
    assert (await asked(fake))["q"] == '-"cache lookup took"'


async def test_every_query_the_page_writes_is_one_the_server_understands(tab: ConsoleTab) -> None:
    """What `quoted` makes of any text parses, and means that text."""
    from extdebug.filters.filter import Filter

    await tab.open()
    for text in (
        "plain",
        "two words",
        'with "quotes"',
        "back\\slash",
        "OR",
        "a:b",
        "(x",
        "/re/",
        "-n",
        "é",
    ):
        q = await tab.script(
            "async text => (await import('/static/extdebug/view.js')).quoted(text)", text
        )
        assert Filter.parse({"q": q}).q == q
