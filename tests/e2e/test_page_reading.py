"""Reading keeps its place, filtering keeps following, and what was opened or linked is in sight."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.e2e.conftest import ConsoleTab, until
from tests.e2e.protocol_server import START_MS, Fake, iso

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

PERMALINK = f"#{START_MS + 5000}-0"


async def in_view(tab: ConsoleTab, selector: str) -> bool:
    """Whether all of the element lies between the edges of the rows, and nothing lies over it."""
    found: bool = await tab.script(
        """(s) => { const box = document.querySelector(s)?.getBoundingClientRect();
        if (!box) return false;
        const port = document.querySelector('#lines').getBoundingClientRect();
        const pill = document.querySelector('#to-end');
        const edge = pill.hidden ? port.bottom : pill.getBoundingClientRect().top;
        return box.height > 0 && box.top >= port.top - 1 && box.bottom <= edge + 1 }""",
        selector,
    )
    return found


async def newest(tab: ConsoleTab, message: str) -> None:
    """Wait until the last row says `message`, in view, and no button leads to newer ones."""
    await tab.sees(message)
    await tab.page.wait_for_selector("#to-end", state="hidden")
    await tab.page.wait_for_selector("#follow[aria-pressed=true]")
    await tab.rests()
    assert (await tab.messages())[-1] == message
    assert await in_view(tab, ".line:last-child")


def answers_with_history(fake: Fake, count: int) -> None:
    """Each changed filter is answered by `count` lines that were printed before it."""

    async def answer(frame: dict[str, Any]) -> None:
        if frame["type"] == "filter":
            await fake.lines(count, prefix=f"history {frame['filter']['rev']}", requestId="req-9")

    fake.on_message = answer


async def open_a_row(tab: ConsoleTab) -> None:
    await tab.page.click(".line >> nth=-3", position={"x": 700, "y": 5})
    await tab.page.wait_for_selector(".detail")


async def scroll_up(tab: ConsoleTab) -> None:
    await tab.page.hover("#lines")
    await tab.page.mouse.wheel(0, -1500)


async def search(tab: ConsoleTab) -> None:
    await tab.page.keyboard.press("Control+f")
    await tab.page.keyboard.type("line 7")
    await tab.page.keyboard.press("Enter")


async def type_a_query(tab: ConsoleTab) -> None:
    await tab.page.fill("#q", "history")


async def click_a_request(tab: ConsoleTab) -> None:
    await tab.page.click("button.flow >> nth=-5")
    await tab.page.click(".request-open button:has-text('Only this request')")


async def reset(tab: ConsoleTab) -> None:
    await tab.page.click("#filters-reset")


@pytest.mark.parametrize("read", [open_a_row, scroll_up, search])
@pytest.mark.parametrize("narrow", [type_a_query, click_a_request, reset])
async def test_a_new_filter_shows_the_newest_line_whatever_was_read_before(
    fake: Fake, tab: ConsoleTab, read: Any, narrow: Any
) -> None:
    await tab.open("?level=info")
    await fake.lines(300)
    await tab.sees("line 299")
    await read(tab)
    await tab.page.wait_for_selector("#follow[aria-pressed=false]")
    answers_with_history(fake, 150)
    await narrow(tab)
    await newest(tab, "history 2 149")


async def test_history_is_not_new_and_what_comes_after_it_is(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open(f"?from={iso(START_MS - 60_000)}")
    await fake.events(*[fake.event(f"old {n}", ms=START_MS - 30_000 + n) for n in range(120)])
    await tab.sees("old 0")
    await asyncio.sleep(0.25)
    assert await tab.page.is_hidden("#to-end")
    await fake.lines(7, prefix="just now")
    await tab.says("#to-end", "7 new lines")


async def test_from_five_minutes_ago_stands_there(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open("?from=ago:300")
    await fake.events(*[fake.event(f"then {n}", ms=START_MS - 300_000 + n) for n in range(200)])
    await fake.lines(200, prefix="since")
    await tab.says("#kept", "400 lines")
    await tab.sees("then 0")
    assert (await tab.messages())[0] == "then 0"
    assert await in_view(tab, ".line:first-child")
    await tab.page.click("#follow")
    await newest(tab, "since 199")


async def test_a_linked_line_stays_in_view_under_traffic_with_lines_before_it(
    fake: Fake, tab: ConsoleTab
) -> None:
    async def before_the_line(frame: dict[str, Any]) -> None:
        if frame["type"] != "fetch":
            return
        after = int(frame["after"].split("-")[0])
        found = [
            fake.event(f"before {n}", ms=START_MS + n * 200)
            for n in range(20)
            if START_MS + n * 200 > after
        ]
        page = {"type": "page", "id": frame["id"], "cursor": frame["before"], "done": True}
        await fake.send({**page, "seq": next(fake.seq), "events": found})

    fake.on_message = before_the_line
    await tab.open(PERMALINK)
    assert fake.of("subscribe")[0]["from"] == {"cursor": f"{START_MS + 4999}-18446744073709551615"}
    await fake.events(fake.event("this one", ms=START_MS + 5000))
    await tab.sees("before 19")
    for burst in range(20):
        made = [
            fake.event(f"traffic {burst} {n}", ms=START_MS + 6000 + burst * 50 + n)
            for n in range(25)
        ]
        await fake.events(*made)
        await asyncio.sleep(0.02)
    await tab.says("#to-end", "new lines")
    assert await in_view(tab, ".line.linked")
    messages = await tab.messages()
    place = messages.index("this one")
    assert place >= 10
    assert messages[place - 1] == "before 19"
    assert messages[place + 1] == "traffic 0 0"


async def test_a_linked_line_that_left_the_stream_is_said_to_be_gone(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open(PERMALINK)
    await fake.events(*[fake.event(f"later {n}", ms=START_MS + 9000 + n) for n in range(100)])
    await tab.sees("has left the stream")
    assert await tab.page.locator(".row").first.inner_text() != "later 0"
    assert await in_view(tab, ".note.gone")


async def test_a_linked_line_gone_from_a_quiet_stream_is_said_too(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open(f"?q=x{PERMALINK}")
    await fake.status()
    await tab.sees("does not match this filter, or has left the stream")


@pytest.mark.parametrize("size", [(1400, 900), (390, 844)])
@pytest.mark.parametrize("which", [-1, -4])
async def test_what_is_opened_at_the_lower_edge_comes_into_view(
    fake: Fake, tab: ConsoleTab, size: tuple[int, int], which: int
) -> None:
    await tab.page.set_viewport_size({"width": size[0], "height": size[1]})
    await tab.open()
    await fake.lines(80)
    await tab.sees("line 79")
    await tab.page.click(f".line .msg >> nth={which}")
    await tab.page.wait_for_selector(".detail")
    await fake.lines(5, prefix="meanwhile")
    await tab.says("#to-end", "5 new lines")
    assert await in_view(tab, ".detail")
    await tab.page.click("#to-end")
    await newest(tab, "meanwhile 4")


@pytest.mark.parametrize("key", ["ArrowUp", "PageUp", "Home"])
async def test_keys_that_scroll_up_leave_the_newest_line(
    fake: Fake, tab: ConsoleTab, key: str
) -> None:
    await tab.open()
    await fake.lines(300)
    await tab.sees("line 299")
    await tab.page.focus("#lines")
    await tab.page.keyboard.press(key)
    await tab.page.wait_for_selector("#follow[aria-pressed=false]")
    await fake.lines(3, prefix="later")
    await tab.says("#to-end", "3 new lines")
    await tab.rests()  # rows that are placed while the browser scrolls end its way there
    await tab.page.keyboard.press("End")
    await newest(tab, "later 2")


async def test_escape_closes_the_line_that_was_opened(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.lines(3)
    await tab.page.click(".line .msg >> nth=1")
    await tab.page.wait_for_selector(".detail")
    await tab.page.keyboard.press("Escape")
    await tab.page.wait_for_selector(".detail", state="detached")
    await tab.page.keyboard.press("j")
    focused = "document.activeElement.querySelector('.msg').textContent"
    assert await tab.script(focused) == "line 2"  # one goes on from the line that was closed


async def test_arrows_scroll_the_lines_before_anything_was_clicked(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.lines(300)
    await tab.sees("line 299")
    await tab.page.keyboard.press("PageUp")
    await tab.page.wait_for_selector("#follow[aria-pressed=false]")
    await tab.page.wait_for_function("() => document.querySelector('#lines').scrollTop < 5700")


async def test_a_pause_shows_the_history_of_a_new_filter_and_holds_what_is_new(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.lines(3)
    await tab.sees("line 2")
    await tab.page.keyboard.press("p")
    await tab.page.select_option("#level", "warn")
    await until(lambda: fake.of("filter"))
    await fake.events(fake.event("was there", ms=START_MS - 5000))
    await fake.events(fake.event("is new", ms=START_MS + 600_000))
    await tab.says("#to-end", "Paused · 1 new")
    assert await tab.messages() == ["was there"]
