"""The page's filters: they run on the server, live in the address, and never leak an old one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import Desk, until
from tests.e2e.protocol_server import Fake, page_config, tenant

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]


async def asked(fake: Fake, count: int = 1) -> dict[str, Any]:
    """The last filter the page sent, once it sent `count` of them."""
    await until(lambda: len(fake.of("filter")) >= count)
    found: dict[str, Any] = fake.of("filter")[-1]["filter"]
    return found


async def test_typing_a_query_sends_it_once_and_puts_it_in_the_address(
    fake: Fake, desk: Desk
) -> None:
    await desk.open()
    await desk.page.type("#q", "slow upstream", delay=15)
    assert (await asked(fake))["q"] == "slow upstream"
    await desk.page.press("#q", "Enter")
    assert len(fake.of("filter")) == 1
    assert "q=slow+upstream" in desk.page.url


async def test_a_changed_filter_begins_anew_and_shows_no_line_of_the_old_one(
    fake: Fake, desk: Desk
) -> None:
    await desk.open()
    await fake.events(fake.event("old"))
    await desk.sees("old")
    await desk.page.click("[data-stream=stdout]")
    frame = await asked(fake)
    assert frame["rev"] == 2
    assert fake.of("filter")[0]["from"] == {"tail": 200}
    await fake.events(fake.event("of the old filter, still under way"), rev=1)
    await fake.events(fake.event("of the new one"), rev=2)
    await desk.sees("of the new one")
    assert await desk.messages() == ["of the new one"]


async def test_a_query_that_is_not_understood_is_underlined_and_the_old_filter_stays(
    fake: Fake, desk: Desk
) -> None:
    await desk.open()
    await fake.events(fake.event("kept"))
    await desk.sees("kept")
    fake.refuse = {"code": "bad_query", "message": "this ( is never closed", "position": 8}
    await desk.page.fill("#q", "timeout (retry")
    await desk.says("#q-error", "this ( is never closed")
    assert await desk.page.locator("#q-ghost u").inner_text() == "(retry"
    assert await desk.page.get_attribute("#q", "aria-invalid") == "true"
    await fake.events(fake.event("still of the old filter"), rev=1)
    await desk.sees("still of the old filter")
    assert await desk.messages() == ["kept", "still of the old filter"]
    fake.refuse = None
    await desk.page.fill("#q", "timeout retry")
    await desk.page.wait_for_selector("#q-error", state="hidden")
    await desk.page.wait_for_function("() => document.querySelectorAll('.line').length === 0")


async def test_an_address_with_a_bad_query_says_so_and_can_be_repaired(
    fake: Fake, desk: Desk
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
    await desk.open("?q=(", state="closed")
    await desk.says("#q-error", "no")
    fake.auto_ready = True
    await desk.page.click("text=Connect without the filter text")
    await desk.state("live")
    assert fake.of("subscribe")[-1]["filter"]["q"] == ""


async def test_stream_toggles_level_and_installs_reach_the_server(fake: Fake, desk: Desk) -> None:
    await desk.open()
    await desk.page.click("[data-stream=stdout]")
    assert (await asked(fake))["streams"] == ["stderr", "log"]
    await desk.page.keyboard.press("Shift+Digit2")
    assert (await asked(fake, 2))["streams"] == ["stderr"]
    await desk.page.select_option("#level", "error")
    assert (await asked(fake, 3))["level"] == "error"
    await desk.page.click("#installs summary")
    await desk.page.click("#installs-list label:has-text('inst acme eu')")
    assert (await asked(fake, 4))["installs"] == ["inst-acme-eu"]
    await desk.page.click("#filters-reset")
    assert await asked(fake, 5) == {
        "rev": 6, "installs": [], "request": None, "streams": [], "level": None, "q": "",
    }  # fmt: skip
    assert "?" not in desk.page.url.replace("?tenant=acme", "")


async def test_a_click_on_a_request_narrows_to_it_and_back_returns(fake: Fake, desk: Desk) -> None:
    await desk.open()
    await fake.events(fake.event("of nine", requestId="req-9"))
    await desk.page.click(".flow")
    assert (await asked(fake))["request"] == "req-9"
    await desk.says("#flow-bar", "req-9")
    assert "request=req-9" in desk.page.url
    await desk.page.go_back()
    assert (await asked(fake, 2))["request"] is None
    assert await desk.page.input_value("#request") == ""


async def test_a_filter_changed_while_away_is_the_one_that_comes_back(
    fake: Fake, desk: Desk
) -> None:
    await desk.open()
    await fake.events(fake.event("old"))
    await desk.sees("old")
    await desk.page.click("#connect")
    await desk.state("idle")
    await desk.page.fill("#q", "new")
    await desk.page.press("#q", "Enter")
    await desk.page.click("#connect")
    await desk.state("live")
    again = fake.of("subscribe")[1]
    assert again["filter"]["q"] == "new"
    assert again["from"] == {"tail": 200}
    await desk.page.wait_for_function("() => document.querySelectorAll('.line').length === 0")


async def test_several_tenants_are_a_choice_and_switching_starts_over(
    fake: Fake, desk: Desk
) -> None:
    fake.config = page_config(
        tenants=[tenant("acme", "inst-acme"), tenant("globex", "inst-globex")]
    )
    await desk.open(state="idle")
    await desk.says("#empty", "Which tenant?")
    assert fake.opened == 0
    await desk.page.click("#empty button:has-text('Globex')")
    await desk.state("live")
    assert fake.of("subscribe")[0]["target"]["tenant"] == "globex"
    await fake.events(fake.event("at globex"))
    await desk.sees("at globex")
    await desk.page.select_option("#tenant", "acme")
    await until(lambda: len(fake.of("subscribe")) == 2)
    await desk.page.wait_for_function("() => document.querySelectorAll('.line').length === 0")
    assert fake.of("subscribe")[1]["target"]["tenant"] == "acme"
    assert fake.of("subscribe")[1]["from"] == {"tail": 200}


async def test_a_link_to_a_line_opens_the_stream_at_that_line(fake: Fake, desk: Desk) -> None:
    await desk.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await desk.open()
    earlier, event = fake.event("earlier"), fake.event("this one")
    await fake.events(earlier, event)
    await desk.page.click(".line:has-text('this one')")
    await desk.page.click("[data-act=permalink]")
    await desk.says("#toast", "Link copied")
    link = await desk.script("navigator.clipboard.readText()")
    fake.history = []
    await desk.page.goto("about:blank")
    await desk.page.goto(link)
    await desk.state("live")
    cursor = fake.of("subscribe")[-1]["from"]["cursor"]
    assert cursor == f"{int(event['id'].split('-')[0]) - 1}-18446744073709551615"
    await fake.events(event)
    await desk.page.wait_for_selector(".line.linked")


async def test_hide_lines_like_this_adds_an_exclusion(fake: Fake, desk: Desk) -> None:
    await desk.open()
    await fake.events(fake.event("cache lookup took 12 ms"))
    await desk.page.click(".line")
    await desk.page.click("[data-act=without]")
    assert (await asked(fake))["q"] == '-"cache lookup took"'


async def test_every_query_the_page_writes_is_one_the_server_understands(desk: Desk) -> None:
    """What `quoted` makes of any text parses, and means that text."""
    from extdebug.filters.filter import Filter

    await desk.open()
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
        q = await desk.script(
            "async text => (await import('/static/extdebug/view.js')).quoted(text)", text
        )
        assert Filter.parse({"q": q}).q == q
