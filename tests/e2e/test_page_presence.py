"""Who else watches, on the page: counted, named in production, followed until one acts oneself."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.conftest import ConsoleTab, until
from tests.e2e.protocol_server import START_MS, Fake, iso, page_config, tenant
from tests.e2e.test_page_layout import CONTROLS, OUT_OF_REACH, WIDTHS

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

Json = dict[str, Any]


def other(name: str, **more: Any) -> Json:
    since = iso(START_MS)
    return {
        "id": f"id-{name}",
        "name": name,
        "transport": "ws",
        "since": since,
        "view": None,
        **more,
    }


def shared(line: str | None = None, **filter: Any) -> Json:
    whole = {"installs": [], "request": None, "streams": [], "level": None, "q": "", **filter}
    return {"filter": whole, "line": line, "live": line is None}


async def tell(fake: Fake, *others: Json, more: bool = False) -> None:
    await fake.send({"type": "presence", "others": list(others), "more": more})


async def show_list(tab: ConsoleTab) -> None:
    await tab.page.click("#presence-button")


async def follow(tab: ConsoleTab, name: str) -> None:
    await show_list(tab)
    await tab.page.click(f"#presence-list button:has-text('Follow {name}')")
    await tab.says("#followed", f"Following {name}")


async def in_view(tab: ConsoleTab, text: str) -> None:
    await tab.page.wait_for_function(
        """(text) => { const port = document.querySelector('#lines').getBoundingClientRect();
        return [...document.querySelectorAll('#lines .line')].some(n => n.textContent.includes(text)
          && n.getBoundingClientRect().top >= port.top && n.getBoundingClientRect().bottom <= port.bottom) }""",  # noqa: E501
        arg=text,
    )


async def test_others_are_counted_named_and_gone_again(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    assert await tab.page.is_hidden("#presence")
    await tell(fake, other("dora"), other("dora", id="tab-2"), other("eve", transport="sse"))
    await tab.says("#presence-count", "2")
    await show_list(tab)
    await tab.says("#presence-list", "dora")
    await tab.says("#presence-list", "with curl, since")
    assert await tab.page.locator("#presence-list button").count() == 0, "nobody shares a view"
    await tell(fake)
    await tab.page.wait_for_selector("#presence", state="hidden")


async def test_a_name_is_text_and_nothing_else(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await tell(fake, other("<img src=x onerror=alert(1)>\u202e"))
    await show_list(tab)
    await tab.says("#presence-list", "<img src=x")
    assert await tab.page.locator("#presence-list img").count() == 0


async def test_production_names_them_in_its_band_and_an_end_takes_them_away(
    fake: Fake, tab: ConsoleTab
) -> None:
    fake.config = page_config(tenants=[tenant("acme", "inst-acme", environment="production")])
    fake.ready_more = {"environment": "production"}
    await tab.open()
    await tell(fake, *[other(name) for name in ("dora", "eve", "olivia", "oscar")])
    await tab.says("#production", "Also watching: dora, eve, olivia and 1 more")
    await fake.closing(4408)
    await tab.page.wait_for_selector("#presence", state="hidden")
    assert "dora" not in await tab.page.inner_text("body")


async def test_nothing_is_shared_unasked_and_sharing_sends_filter_and_place(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.lines(200)
    await tell(fake, other("dora"))
    await tab.page.fill("#q", "line")
    await until(lambda: fake.of("filter"))
    await fake.lines(200, prefix="again line")
    await tab.sees("again line 199")
    assert fake.of("share") == []
    await show_list(tab)
    await tab.page.check("#presence-share")
    await until(lambda: fake.of("share"))
    assert fake.of("share")[0]["view"] == shared(q="line")
    await tab.page.hover("#lines")
    await tab.page.mouse.wheel(0, -1500)
    await until(lambda: fake.of("share")[-1]["view"]["line"], what="the place follows")
    assert fake.of("share")[-1]["view"]["live"] is False
    await tab.page.uncheck("#presence-share")
    await until(lambda: fake.of("share")[-1]["view"] is None, what="and it ends")


async def test_following_takes_over_filter_and_place_until_one_acts(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.lines(300)
    await tell(fake, other("dora", view=shared(f"{START_MS + 41}-0")))
    await follow(tab, "dora")
    await in_view(tab, "line 40")
    assert fake.of("filter") == [], "the line is on the page: nothing is read again"
    await tell(fake, other("dora", view=shared(level="error", q="boom")))
    await until(lambda: fake.of("filter"), what="her filter as one's own")
    asked = fake.of("filter")[-1]
    assert (asked["filter"]["q"], asked["filter"]["level"]) == ("boom", "error")
    assert await tab.page.input_value("#q") == "boom"
    await tab.page.keyboard.press("w")
    await tab.page.wait_for_selector("#followed", state="hidden")
    await tell(fake, other("dora", view=shared(q="elsewhere")))
    await tab.says("#presence-count", "1")
    assert await tab.page.input_value("#q") == "boom", "one stays where one was"
    assert len(fake.of("filter")) == 1


async def test_a_line_that_is_not_on_the_page_is_read_and_no_history_is_left(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.lines(3)
    before = await tab.script("history.length")
    await tell(fake, other("dora", view=shared("1700000000000-5", q="x")))
    await follow(tab, "dora")
    await until(lambda: fake.of("filter"))
    assert fake.of("filter")[-1]["from"] == {"cursor": "1700000000000-4"}
    assert await tab.script("history.length") == before


async def test_following_ends_with_the_sharing(fake: Fake, tab: ConsoleTab) -> None:
    await tab.page.clock.install()
    await tab.open()
    await tell(fake, other("dora", view=shared(q="x")))
    await follow(tab, "dora")
    await tell(fake, other("dora"))
    await tab.page.clock.run_for(2_000)
    assert await tab.page.is_visible("#followed"), "they may be reconnecting"
    await tab.page.clock.run_for(8_000)
    await tab.page.wait_for_selector("#followed", state="hidden")
    await tab.says("#toast", "dora no longer shares their view.")


@pytest_asyncio.fixture(loop_scope="session")
async def second(chromium: Any, fake: Fake) -> AsyncIterator[ConsoleTab]:
    """Another person's browser."""
    context = await chromium.new_context(viewport={"width": 1000, "height": 700}, timezone_id="UTC")
    made = ConsoleTab(await context.new_page(), fake)
    yield made
    await context.close()
    assert made.errors == []


async def test_one_context_follows_what_the_other_shares(
    fake: Fake, tab: ConsoleTab, second: ConsoleTab
) -> None:
    """The views go through as the server passes them on: to everyone but who shares."""

    async def pass_on(frame: Json) -> None:
        if frame["type"] == "share":
            presence = {
                "type": "presence",
                "others": [other("dan", view=frame["view"])],
                "more": False,
            }
            for socket in fake.sockets:
                if socket is not fake.last:
                    await socket.send(presence)

    fake.on_message = pass_on
    await tab.open()
    await second.open()
    await fake.lines(300)
    await tab.sees("line 299")
    await second.sees("line 299")
    await fake.sockets[0].send({"type": "presence", "others": [other("dora")], "more": False})
    await show_list(tab)
    await tab.page.check("#presence-share")
    await tab.page.click("#lines .line >> nth=-1")
    await tab.page.keyboard.press("g")
    await follow(second, "dan")
    await in_view(second, "line 2")
    await tab.page.click("#streams [data-stream=stdout]")
    await second.page.wait_for_selector("[data-stream=stdout][aria-pressed=false]")
    shares = json.dumps(fake.of("share"))
    await second.page.mouse.wheel(0, 10)
    await second.page.wait_for_selector("#followed", state="hidden")
    assert json.dumps(fake.of("share")).startswith(shares[:-1]), "who follows shares nothing"


async def test_counter_and_follower_are_in_reach_at_any_width(fake: Fake, tab: ConsoleTab) -> None:
    fake.config = page_config(tenants=[tenant("acme", "inst-acme", environment="production")])
    fake.ready_more = {"environment": "production"}
    await tab.page.set_viewport_size({"width": 1600, "height": 640})
    await tab.open()
    name = "a-person-with-quite-a-long-name@example.com"
    view = shared()
    await fake.lines(200)
    await tell(fake, other(name, view=view), *[other(f"person {n}") for n in range(12)])
    await follow(tab, name)
    wrong: dict[Any, Any] = {}
    for width in WIDTHS:
        await tab.page.set_viewport_size({"width": width, "height": 640})
        found = await tab.script(OUT_OF_REACH, CONTROLS)
        await show_list(tab)
        found += await tab.script(
            OUT_OF_REACH, "#presence summary, #presence-list li:first-child *"
        )
        await tab.page.keyboard.press("Escape")
        if found:
            wrong[width] = found
    assert wrong == {}
