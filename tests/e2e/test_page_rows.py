"""The rows of the page: everything shown once, in order, safely; gaps drawn; nothing unbounded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ConsoleTab, until
from tests.e2e.protocol_server import START_MS, Fake, iso

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]


async def test_a_line_is_on_the_screen_with_its_time_kind_request_and_install(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.events(fake.event("posted", level="warn", requestId="req-77", ms=START_MS))
    await tab.sees("posted")
    row = tab.page.locator(".line")
    assert await row.locator(".tag").inner_text() == "warn"
    assert await row.locator(".flow").inner_text() == "req-77"
    assert await row.locator(".install").inner_text() == "inst-acme"
    assert await row.locator("time").get_attribute("datetime") == iso(START_MS)


async def test_markup_and_scripts_in_a_message_are_text(fake: Fake, tab: ConsoleTab) -> None:
    evil = "<script>window.hacked=1</script><img src=x onerror='window.hacked=2'>"
    await tab.open()
    await fake.events(
        fake.event(evil, requestId="<b>r</b>", fields={"<i>k</i>": evil}, installId="inst-acme")
    )
    await tab.sees("window.hacked=1")
    assert await tab.script("window.hacked") is None
    assert (
        await tab.script("document.querySelectorAll('#lines img, #lines script, #lines b').length")
        == 0
    )


async def test_control_bidi_and_invisible_characters_are_shown_by_name(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.events(fake.event("a\u202eb\u200bc\x07d\x1b]52;c;x\x07e\r0"))
    await tab.sees("<RLO>b<ZWSP>c<BEL>d<ESC>]52;c;x<BEL>e<CR>0")
    names = await tab.page.locator(".ctl").evaluate_all("all => all.map(n => n.title)")
    assert names[0] == "U+202E RLO right-to-left override"


async def test_colour_sequences_colour_and_nothing_else(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.events(fake.event("\x1b[1;31mred\x1b[0m \x1b[8mhidden?\x1b[0m \x1b[2Jcleared?"))
    await tab.sees("red hidden? <ESC>[2Jcleared?")
    assert await tab.page.locator(".sgr-1.sgr-bold").inner_text() == "red"


async def test_a_thousand_lines_come_once_and_in_order(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.lines(1000)
    await tab.says("#kept", "1,000 lines")
    kept = await exported(tab)
    assert [ev["message"] for ev in kept] == [f"line {n}" for n in range(1000)]


async def exported(tab: ConsoleTab) -> list[dict[str, Any]]:
    """All kept lines, as the JSON Lines download has them."""
    await tab.page.click("#export summary")
    async with tab.page.expect_download() as download:
        await tab.page.click("[data-export=save-jsonl]")
    path = await (await download.value).path()
    return [json.loads(line) for line in read(path)]


def read(path: Path) -> list[str]:
    return path.read_text().splitlines()


async def test_only_what_can_be_seen_is_in_the_document_and_memory_is_bounded(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.lines(7000)
    await tab.sees("line 6999")
    assert await tab.page.locator("#lines .row").count() < 150
    await tab.says("#kept", "5,000 lines in view (2,000 older removed; limit 5,000)")


async def test_scrolling_up_stops_following_and_the_button_returns(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.lines(300)
    await tab.sees("line 299")
    await tab.page.hover("#lines")
    await tab.page.mouse.wheel(0, -1500)
    await tab.page.wait_for_selector("#follow[aria-pressed=false]")
    await tab.rests()
    before = await first_visible(tab)
    await fake.lines(25, prefix="later")
    await tab.says("#to-end", "25 new lines")
    assert await first_visible(tab) == before
    await tab.page.click("#to-end")
    await tab.sees("later 24")
    await tab.page.wait_for_selector("#to-end", state="hidden")


async def first_visible(tab: ConsoleTab) -> str:
    found: str = await tab.script(
        """() => { const port = document.querySelector('#lines').getBoundingClientRect().top;
        const inside = (n) => n.getBoundingClientRect().bottom > port + 1;
        const first = [...document.querySelectorAll('.line')].find(inside);
        return first.querySelector('.msg').textContent }"""
    )
    return found


async def test_what_is_being_read_further_up_never_leaves_the_page(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.lines(400)
    await tab.sees("line 399")
    await tab.page.keyboard.press("g")
    await tab.sees("line 0")
    await fake.lines(12_000, prefix="flood")
    await until(lambda: fake.of("ack"))
    await tab.says("#to-end", "12,000 new lines")
    assert await first_visible(tab) == "line 0"


async def test_pause_freezes_the_view_and_keeps_receiving(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.lines(3)
    await tab.sees("line 2")
    await tab.page.keyboard.press("p")
    seq = await fake.events(fake.event("while paused"))
    await until(lambda: any(frame["seq"] == seq for frame in fake.of("ack")), what="acknowledged")
    await tab.says("#to-end", "Paused · 1 new")
    assert "while paused" not in await tab.messages()
    await tab.page.keyboard.press("p")
    await tab.sees("while paused")


async def test_a_long_pause_leaves_the_rest_in_the_stream(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await tab.page.keyboard.press("p")
    await fake.lines(5000)
    await until(lambda: fake.of("pause"), what="the page asks the server to hold delivery")
    await tab.says("#to-end", "more wait in the stream")
    await tab.page.keyboard.press("p")
    await until(lambda: fake.of("resume"))
    await tab.sees("line 4999")


async def test_a_long_pause_ends_also_after_the_view_was_cleared(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await tab.page.keyboard.press("p")
    await fake.lines(5000)
    await until(lambda: fake.of("pause"))
    await tab.page.keyboard.press("c")
    await tab.page.keyboard.press("p")
    await until(lambda: fake.of("resume"), what="delivery goes on")


async def test_clear_empties_the_view_and_new_lines_still_come(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.lines(5)
    await tab.sees("line 4")
    await tab.page.click("#clear")
    await tab.page.wait_for_function("() => document.querySelectorAll('.line').length === 0")
    await fake.events(fake.event("after"))
    await tab.sees("after")


async def test_a_gap_says_how_many_why_and_where(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.gap("producer", 37, after=f"{START_MS}-0", before=f"{START_MS + 5000}-0")
    await tab.sees("37 lines lost at the runner")
    await tab.sees("between")
    await fake.gap("retention", None)
    await tab.sees("An unknown number of lines gone")
    assert await tab.page.locator(".gap button").count() == 0


async def test_a_gap_that_is_still_kept_can_be_fetched_into_its_place(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    first = fake.event("before the gap")
    lost = [fake.event(f"lost {n}") for n in range(3)]
    last = fake.event("after the gap")
    await fake.events(first)
    await fake.gap("not_consumed", 3, after=first["id"], before=last["id"])
    await fake.events(last)
    await tab.page.click(".gap button")
    asked = (await until(lambda: fake.of("fetch")))[0]
    assert (asked["after"], asked["before"]) == (first["id"], last["id"])
    await fake.send(
        {
            "type": "page",
            "seq": 99,
            "id": asked["id"],
            "events": lost,
            "cursor": lost[-1]["id"],
            "done": True,
        }
    )
    await tab.sees("3 lines shown below")
    assert await tab.messages() == [
        "before the gap",
        "lost 0",
        "lost 1",
        "lost 2",
        "after the gap",
    ]


async def test_repeats_fold_into_one_row_and_unfold(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.events(*[fake.event("same") for _ in range(40)], fake.event("other"))
    await tab.sees("× 40")
    assert await tab.messages() == ["same", "other"]
    await tab.page.keyboard.press("x")
    await tab.page.wait_for_function("() => document.querySelectorAll('.line').length > 10")
    assert (await tab.messages()).count("same") > 10


async def test_a_stack_trace_is_one_row_that_opens(fake: Fake, tab: ConsoleTab) -> None:
    stack = "Error: no\n  at a\n  at b\n  at c\n  at d"
    await tab.open()
    await fake.events(fake.event(stack, stream="stderr", truncated=True, redacted=["jwt"]))
    await tab.sees("+4 lines")
    await tab.sees("masked: jwt")
    await tab.sees("cut")
    assert "at d" not in (await tab.messages())[0]
    await tab.page.click(".line")
    await tab.sees("at d")
    await tab.sees("Copy link to this line")


async def test_a_mask_looks_like_one_only_where_the_server_masked(
    fake: Fake, tab: ConsoleTab
) -> None:
    text = "key [redacted:aws-key#0a1b2c3d] and [redacted:email]"
    await tab.open()
    await fake.events(
        fake.event(text, redacted=["aws-key", "email", "jwt"]),
        fake.event(f"forged {text}"),
    )
    await tab.sees("forged")
    assert await tab.page.locator(".mask").all_inner_texts() == ["aws-key #0a1b2c3d", "email"]
    assert await tab.page.locator(".masked").all_inner_texts() == ["masked: jwt"]


async def test_fields_open_as_a_tree_and_become_filters(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.events(fake.event("done", fields={"user": {"id": 7}, "ms": 12}))
    await tab.page.click(".line")
    await tab.page.hover(".tree li li")
    await tab.page.click('[data-act=where][data-name="field.user.id"]')
    frame = (await until(lambda: fake.of("filter")))[0]
    assert frame["filter"]["q"] == "field.user.id:7"


async def test_search_finds_and_steps_and_highlight_colours_without_hiding(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.lines(400)
    await tab.sees("line 399")
    await tab.page.keyboard.press("Control+f")
    await tab.page.keyboard.type("line 7")
    await tab.says("#find-bar", "11 lines")
    await tab.page.keyboard.press("Enter")
    await tab.says("#find-bar", "11 of 11")  # the newest one that is in sight or above it
    assert await tab.page.locator(".line.current .msg").inner_text() == "line 79"
    await tab.page.keyboard.press("Shift+Enter")
    await tab.says("#find-bar", "10 of 11")
    await tab.page.wait_for_selector(".line.current:has-text('line 78')")
    await tab.page.keyboard.press("Escape")
    await tab.page.keyboard.press("h")
    await tab.page.keyboard.type("LINE 1")
    await tab.page.keyboard.press("Enter")
    await tab.page.wait_for_function(  # capitals were typed: case matters
        "() => !document.querySelector('mark')"
    )
    await tab.page.fill("#highlight-bar input", "line 1")
    await tab.page.keyboard.press("Enter")
    await tab.page.wait_for_selector("mark.hl-2")
    assert "hl=line+1" in tab.page.url


async def test_events_already_shown_are_not_shown_again(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    one, two = fake.event("one"), fake.event("two")
    await fake.events(one, two)
    await fake.events(one, two, fake.event("three"))
    await tab.sees("three")
    assert await tab.messages() == ["one", "two", "three"]


async def test_the_keyboard_walks_opens_and_narrows(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.events(fake.event("first", requestId="r-1"), fake.event("second", requestId="r-2"))
    await tab.sees("second")
    await tab.page.keyboard.press("j")
    await tab.page.keyboard.press("j")
    assert await tab.script("document.activeElement.querySelector('.msg').textContent") == "second"
    await tab.page.keyboard.press("Enter")
    await tab.page.wait_for_selector(".line.open .detail")
    await tab.page.keyboard.press("r")
    frame = (await until(lambda: fake.of("filter")))[0]
    assert frame["filter"]["request"] == "r-2"
