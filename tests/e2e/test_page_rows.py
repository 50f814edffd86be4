"""The rows of the page: everything shown once, in order, safely; gaps drawn; nothing unbounded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Desk, until
from tests.e2e.protocol_server import START_MS, Fake, iso

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]


async def test_a_line_is_on_the_screen_with_its_time_kind_request_and_install(
    fake: Fake, desk: Desk
) -> None:
    await desk.open()
    await fake.events(fake.event("posted", level="warn", requestId="req-77", ms=START_MS))
    await desk.sees("posted")
    row = desk.page.locator(".line")
    assert await row.locator(".tag").inner_text() == "warn"
    assert await row.locator(".flow").inner_text() == "req-77"
    assert await row.locator(".install").inner_text() == "inst-acme"
    assert await row.locator("time").get_attribute("datetime") == iso(START_MS)


async def test_markup_and_scripts_in_a_message_are_text(fake: Fake, desk: Desk) -> None:
    evil = "<script>window.hacked=1</script><img src=x onerror='window.hacked=2'>"
    await desk.open()
    await fake.events(
        fake.event(evil, requestId="<b>r</b>", fields={"<i>k</i>": evil}, installId="inst-acme")
    )
    await desk.sees("window.hacked=1")
    assert await desk.script("window.hacked") is None
    assert (
        await desk.script("document.querySelectorAll('#lines img, #lines script, #lines b').length")
        == 0
    )


async def test_control_bidi_and_invisible_characters_are_shown_by_name(
    fake: Fake, desk: Desk
) -> None:
    await desk.open()
    await fake.events(fake.event("a\u202eb\u200bc\x07d\x1b]52;c;x\x07e\r0"))
    await desk.sees("<RLO>b<ZWSP>c<BEL>d<ESC>]52;c;x<BEL>e<CR>0")
    names = await desk.page.locator(".ctl").evaluate_all("all => all.map(n => n.title)")
    assert names[0] == "U+202E RLO right-to-left override"


async def test_colour_sequences_colour_and_nothing_else(fake: Fake, desk: Desk) -> None:
    await desk.open()
    await fake.events(fake.event("\x1b[1;31mred\x1b[0m \x1b[8mhidden?\x1b[0m \x1b[2Jcleared?"))
    await desk.sees("red hidden? <ESC>[2Jcleared?")
    assert await desk.page.locator(".sgr-1.sgr-bold").inner_text() == "red"


async def test_a_thousand_lines_come_once_and_in_order(fake: Fake, desk: Desk) -> None:
    await desk.open()
    await fake.lines(1000)
    await desk.says("#kept", "1,000 lines")
    kept = await exported(desk)
    assert [ev["message"] for ev in kept] == [f"line {n}" for n in range(1000)]


async def exported(desk: Desk) -> list[dict[str, Any]]:
    """All kept lines, as the JSON Lines download has them."""
    await desk.page.click("#export summary")
    async with desk.page.expect_download() as download:
        await desk.page.click("[data-export=save-jsonl]")
    path = await (await download.value).path()
    return [json.loads(line) for line in read(path)]


def read(path: Path) -> list[str]:
    return path.read_text().splitlines()


async def test_only_what_can_be_seen_is_in_the_document_and_memory_is_bounded(
    fake: Fake, desk: Desk
) -> None:
    await desk.open()
    await fake.lines(7000)
    await desk.sees("line 6999")
    assert await desk.page.locator("#lines .row").count() < 150
    await desk.says("#kept", "5,000 lines on this page, 2,000 older ones left it")


async def test_scrolling_up_stops_following_and_the_button_returns(fake: Fake, desk: Desk) -> None:
    await desk.open()
    await fake.lines(300)
    await desk.sees("line 299")
    await desk.page.hover("#lines")
    await desk.page.mouse.wheel(0, -1500)
    await desk.page.wait_for_selector("#follow[aria-pressed=false]")
    before = await first_visible(desk)
    await fake.lines(25, prefix="later")
    await desk.says("#to-end", "25 new lines")
    assert await first_visible(desk) == before
    await desk.page.click("#to-end")
    await desk.sees("later 24")
    await desk.page.wait_for_selector("#to-end", state="hidden")


async def first_visible(desk: Desk) -> str:
    found: str = await desk.script(
        """() => { const port = document.querySelector('#lines').getBoundingClientRect().top;
        const inside = (n) => n.getBoundingClientRect().bottom > port + 1;
        const first = [...document.querySelectorAll('.line')].find(inside);
        return first.querySelector('.msg').textContent }"""
    )
    return found


async def test_what_is_being_read_further_up_never_leaves_the_page(fake: Fake, desk: Desk) -> None:
    await desk.open()
    await fake.lines(400)
    await desk.sees("line 399")
    await desk.page.keyboard.press("g")
    await desk.sees("line 0")
    await fake.lines(12_000, prefix="flood")
    await until(lambda: fake.of("ack"))
    await desk.says("#to-end", "12,000 new lines")
    assert await first_visible(desk) == "line 0"


async def test_pause_freezes_the_view_and_keeps_receiving(fake: Fake, desk: Desk) -> None:
    await desk.open()
    await fake.lines(3)
    await desk.sees("line 2")
    await desk.page.keyboard.press("p")
    seq = await fake.events(fake.event("while paused"))
    await until(lambda: any(frame["seq"] == seq for frame in fake.of("ack")), what="acknowledged")
    await desk.says("#to-end", "Paused · 1 new")
    assert "while paused" not in await desk.messages()
    await desk.page.keyboard.press("p")
    await desk.sees("while paused")


async def test_a_long_pause_leaves_the_rest_in_the_stream(fake: Fake, desk: Desk) -> None:
    await desk.open()
    await desk.page.keyboard.press("p")
    await fake.lines(5000)
    await until(lambda: fake.of("pause"), what="the page asks the server to hold delivery")
    await desk.says("#to-end", "more wait in the stream")
    await desk.page.keyboard.press("p")
    await until(lambda: fake.of("resume"))
    await desk.sees("line 4999")


async def test_a_long_pause_ends_also_after_the_view_was_cleared(fake: Fake, desk: Desk) -> None:
    await desk.open()
    await desk.page.keyboard.press("p")
    await fake.lines(5000)
    await until(lambda: fake.of("pause"))
    await desk.page.keyboard.press("c")
    await desk.page.keyboard.press("p")
    await until(lambda: fake.of("resume"), what="delivery goes on")


async def test_clear_empties_the_view_and_new_lines_still_come(fake: Fake, desk: Desk) -> None:
    await desk.open()
    await fake.lines(5)
    await desk.sees("line 4")
    await desk.page.click("#clear")
    await desk.page.wait_for_function("() => document.querySelectorAll('.line').length === 0")
    await fake.events(fake.event("after"))
    await desk.sees("after")


async def test_a_gap_says_how_many_why_and_where(fake: Fake, desk: Desk) -> None:
    await desk.open()
    await fake.gap("producer", 37, after=f"{START_MS}-0", before=f"{START_MS + 5000}-0")
    await desk.sees("37 lines lost at the runner")
    await desk.sees("between")
    await fake.gap("retention", None)
    await desk.sees("An unknown number of lines gone")
    assert await desk.page.locator(".gap button").count() == 0


async def test_a_gap_that_is_still_kept_can_be_fetched_into_its_place(
    fake: Fake, desk: Desk
) -> None:
    await desk.open()
    first = fake.event("before the gap")
    lost = [fake.event(f"lost {n}") for n in range(3)]
    last = fake.event("after the gap")
    await fake.events(first)
    await fake.gap("not_consumed", 3, after=first["id"], before=last["id"])
    await fake.events(last)
    await desk.page.click(".gap button")
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
    await desk.sees("3 lines shown below")
    assert await desk.messages() == [
        "before the gap",
        "lost 0",
        "lost 1",
        "lost 2",
        "after the gap",
    ]


async def test_repeats_fold_into_one_row_and_unfold(fake: Fake, desk: Desk) -> None:
    await desk.open()
    await fake.events(*[fake.event("same") for _ in range(40)], fake.event("other"))
    await desk.sees("× 40")
    assert await desk.messages() == ["same", "other"]
    await desk.page.keyboard.press("x")
    await desk.page.wait_for_function("() => document.querySelectorAll('.line').length > 10")
    assert (await desk.messages()).count("same") > 10


async def test_a_stack_trace_is_one_row_that_opens(fake: Fake, desk: Desk) -> None:
    stack = "Error: no\n  at a\n  at b\n  at c\n  at d"
    await desk.open()
    await fake.events(fake.event(stack, stream="stderr", truncated=True, redacted=["jwt"]))
    await desk.sees("+4 lines")
    await desk.sees("masked: jwt")
    await desk.sees("cut")
    assert "at d" not in (await desk.messages())[0]
    await desk.page.click(".line")
    await desk.sees("at d")
    await desk.sees("Copy link to this line")


async def test_a_mask_looks_like_one_only_where_the_server_masked(fake: Fake, desk: Desk) -> None:
    text = "key [redacted:aws-key#0a1b2c3d] and [redacted:email]"
    await desk.open()
    await fake.events(
        fake.event(text, redacted=["aws-key", "email", "jwt"]),
        fake.event(f"forged {text}"),
    )
    await desk.sees("forged")
    assert await desk.page.locator(".mask").all_inner_texts() == ["aws-key #0a1b2c3d", "email"]
    assert await desk.page.locator(".masked").all_inner_texts() == ["masked: jwt"]


async def test_fields_open_as_a_tree_and_become_filters(fake: Fake, desk: Desk) -> None:
    await desk.open()
    await fake.events(fake.event("done", fields={"user": {"id": 7}, "ms": 12}))
    await desk.page.click(".line")
    await desk.page.hover(".tree li li")
    await desk.page.click('[data-path="user.id"]')
    frame = (await until(lambda: fake.of("filter")))[0]
    assert frame["filter"]["q"] == "field.user.id:7"


async def test_search_finds_and_steps_and_highlight_colours_without_hiding(
    fake: Fake, desk: Desk
) -> None:
    await desk.open()
    await fake.lines(400)
    await desk.sees("line 399")
    await desk.page.keyboard.press("Control+f")
    await desk.page.keyboard.type("line 7")
    await desk.says("#find-bar", "11 lines")
    await desk.page.keyboard.press("Enter")
    await desk.says("#find-bar", "1 of 11")
    assert await desk.page.locator(".line.current .msg").inner_text() == "line 7"
    await desk.page.keyboard.press("Escape")
    await desk.page.keyboard.press("h")
    await desk.page.keyboard.type("LINE 1")
    await desk.page.keyboard.press("Enter")
    assert await desk.page.locator("mark").count() == 0  # capitals were typed: case matters
    await desk.page.fill("#highlight-bar input", "line 1")
    await desk.page.keyboard.press("Enter")
    await desk.page.wait_for_selector("mark.hl-2")
    assert "hl=line+1" in desk.page.url


async def test_events_already_shown_are_not_shown_again(fake: Fake, desk: Desk) -> None:
    await desk.open()
    one, two = fake.event("one"), fake.event("two")
    await fake.events(one, two)
    await fake.events(one, two, fake.event("three"))
    await desk.sees("three")
    assert await desk.messages() == ["one", "two", "three"]


async def test_the_keyboard_walks_opens_and_narrows(fake: Fake, desk: Desk) -> None:
    await desk.open()
    await fake.events(fake.event("first", requestId="r-1"), fake.event("second", requestId="r-2"))
    await desk.sees("second")
    await desk.page.keyboard.press("j")
    await desk.page.keyboard.press("j")
    assert await desk.script("document.activeElement.querySelector('.msg').textContent") == "second"
    await desk.page.keyboard.press("Enter")
    await desk.page.wait_for_selector(".line.open .detail")
    await desk.page.keyboard.press("r")
    frame = (await until(lambda: fake.of("filter")))[0]
    assert frame["filter"]["request"] == "r-2"
