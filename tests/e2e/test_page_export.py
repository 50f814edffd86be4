"""What is taken from the page is what is seen: rows as lines, no escape bytes, the whole view."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import shlex
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import pytest
import pytest_asyncio

from extdebug.filters.batch import Batch
from extdebug.filters.filter import Filter, FilterParts, compile_filter
from extdebug.management.commands.replay_stream import Command
from extdebug.transports.stream_query import read_query
from extdebug.wire.events import Event, Level, Output
from tests.e2e.conftest import ConsoleTab, until
from tests.e2e.protocol_server import START_MS, Fake, iso

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

COLOURED = "\x1b[31mERROR\x1b[0m: connection to \x1b[1merp\x1b[0m refused"


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def clipboard(tab: ConsoleTab) -> None:
    await tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])


async def pasted(tab: ConsoleTab) -> str:
    text: str = await tab.script("navigator.clipboard.readText()")
    return text


async def saved_csv(tab: ConsoleTab) -> list[dict[str, str]]:
    """The rows of the CSV file that the page saves."""
    await tab.page.click("#export summary")
    async with tab.page.expect_download() as caught:
        await tab.page.click("[data-export=save-csv]")
    path = Path(await (await caught.value).path())
    saved = (await asyncio.to_thread(path.read_bytes)).decode()
    return list(csv.DictReader(io.StringIO(saved, newline="")))


async def drag(tab: ConsoleTab, start: str, end: str) -> None:
    """Select with the mouse from the head of one element to the end of another."""
    first = await tab.page.locator(start).bounding_box()
    last = await tab.page.locator(end).bounding_box()
    await tab.page.mouse.move(first["x"] + 1, first["y"] + 8)
    await tab.page.mouse.down()
    await tab.page.mouse.move(last["x"] + last["width"] - 1, last["y"] + 8, steps=5)
    await tab.page.mouse.up()


async def test_selected_rows_are_pasted_a_line_a_row(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.events(
        *[fake.event(f"posting {n}", fields={"ms": n}, requestId=f"req-{n}") for n in range(4)],
        *[fake.event(COLOURED, requestId="req-9") for _ in range(3)],
    )
    await fake.gap("producer", 37)
    await fake.events(fake.event("not selected"))
    await tab.sees("not selected")
    await tab.page.wait_for_selector("#empty", state="hidden")
    await drag(tab, ".line time >> nth=0", ".gap .body")
    await tab.page.keyboard.press("Control+c")
    lines = (await pasted(tab)).split("\n")
    assert len(lines) == 6
    assert lines[2].endswith('info   [req-2 inst-acme] posting 2 {"ms":2}')
    assert lines[4].endswith("ERROR: connection to erp refused (× 3)")
    assert lines[5].startswith("--- 37 lines lost at the runner")
    assert "\x1b" not in "".join(lines)


async def test_rows_chosen_by_keys_are_copied_a_line_a_row(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.events(*[fake.event(f"posting {n}", requestId=f"req-{n}") for n in range(6)])
    await tab.sees("posting 5")
    await tab.page.click(".line .msg >> nth=1")
    await tab.page.keyboard.press("Escape")
    for key in ("Shift+J", "Shift+J", "Shift+J", "Shift+K"):
        await tab.page.keyboard.press(key)
    await tab.page.wait_for_function("() => document.querySelectorAll('.line.chosen').length === 3")
    chosen = await tab.page.locator(".line.chosen .msg").all_inner_texts()
    assert chosen == ["posting 1", "posting 2", "posting 3"]
    await tab.page.keyboard.press("y")
    await tab.says("#toast", "3 rows copied.")
    lines = (await pasted(tab)).split("\n")
    assert [line.rsplit("] ", 1)[1] for line in lines] == chosen
    await tab.script("navigator.clipboard.writeText('')")
    await tab.page.keyboard.press("Control+c")
    assert (await pasted(tab)).split("\n") == lines
    await tab.page.keyboard.press("Escape")
    await tab.page.wait_for_selector(".line.chosen", state="detached")
    await tab.page.keyboard.press("Control+c")
    assert (await pasted(tab)).split("\n") == lines  # nothing is chosen: nothing is taken


async def test_a_message_that_begins_with_empty_lines_is_copied_as_its_row_reads(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.events(*[fake.event(f"\n \nposting {n}\n  of it", requestId="r") for n in range(2)])
    await tab.sees("posting 1")
    await tab.page.click("#export summary")
    await tab.page.click("[data-export=copy-text]")
    await tab.page.wait_for_selector("#toast:not([hidden])")
    said = [line.partition("] ")[2] or line for line in (await pasted(tab)).splitlines()]
    assert said == ["posting 0", "      of it", "posting 1", "      of it"]


async def test_csv_says_what_is_missing_and_starts_no_formula(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.events(
        fake.event('=HYPERLINK("http://x")', requestId="+1"),
        fake.event("@sum, with\nlines", fields={"a": "b"}),
        fake.event(COLOURED),
        fake.event("\n=1+1"),
        fake.event("＝1+1"),
    )
    await fake.gap("producer", 37)
    await tab.page.wait_for_selector(".gap")
    rows = await saved_csv(tab)
    assert [row["message"] for row in rows[:5]] == [
        "'=HYPERLINK(\"http://x\")", "'@sum, with\nlines", "ERROR: connection to erp refused",
        "'\n=1+1", "'＝1+1",
    ]  # fmt: skip
    assert rows[0]["request"] == "'+1"
    assert json.loads(rows[1]["fields"]) == {"a": "b"}
    assert rows[5]["level"] == "gap"
    assert "37 lines lost at the runner" in rows[5]["message"]


async def test_the_replay_command_asks_for_the_same_lines(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open(
        "?tenant=acme&install=inst-acme&streams=stderr,log&level=warn&q=it%27s+OR+late&request=r-7"
    )
    await tab.page.click("#export summary")
    await tab.page.click("[data-export=replay]")
    await tab.page.wait_for_selector("#toast:not([hidden])")
    words = shlex.split(await pasted(tab))
    given = vars(Command().create_parser("manage.py", words[1]).parse_args(words[2:]))
    assert (given["tenant"], given["extension"], given["last"]) == ("acme", "invoice-sync", "200")
    assert (given["request"], given["follow"]) == ("r-7", True)
    of_page = Filter.parse(fake.of("subscribe")[0]["filter"])
    of_command = Filter.parse({"q": given["filter"], "request": given["request"]})
    for event in (
        an_event(level=level, stream=stream, install_id=install, message=message)
        for level in (Level.INFO, Level.WARN, Level.ERROR)
        for stream in Output
        for install in ("inst-acme", "other")
        for message in ("it's here", "late", "fine")
    ):
        chosen = [list(compile_filter(one).select(Batch([event]))) for one in (of_page, of_command)]
        assert chosen[0] == chosen[1], event


def an_event(**more: Any) -> Event:
    return Event(
        ts="2026-01-01T00:00:00.000Z", tenant_id="acme", extension_id="invoice-sync",
        request_id="r-7", **more,
    )  # fmt: skip


async def test_a_piece_of_one_message_is_pasted_as_it_is(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.events(fake.event("one two three"))
    await tab.page.dblclick(".line .msg", position={"x": 40, "y": 8})
    await tab.page.keyboard.press("Control+c")
    assert (await pasted(tab)).strip() == "two"


@pytest.mark.parametrize("how", ["y", "button", "menu"])
async def test_a_coloured_message_is_copied_without_escape_bytes(
    fake: Fake, tab: ConsoleTab, how: str
) -> None:
    await tab.open()
    await fake.events(fake.event(COLOURED))
    await tab.page.click(".line .msg")
    await tab.page.wait_for_selector(".detail")
    if how == "y":
        await tab.page.focus(".line")
        await tab.page.keyboard.press("y")
    elif how == "button":
        await tab.page.click("[data-act=copy]")
    else:
        await tab.page.click("#export summary")
        await tab.page.click("[data-export=copy-text]")
    await tab.page.wait_for_selector("#toast:not([hidden])")
    assert (await pasted(tab)).rstrip().endswith("ERROR: connection to erp refused")


async def copy_all(tab: ConsoleTab) -> None:
    """Choose "copy as text", and wait until the page says how it went."""
    await tab.script("() => { document.querySelector('#toast').hidden = true; }")
    await tab.page.click("#export summary")
    await tab.page.click("[data-export=copy-text]")
    await tab.page.wait_for_function(
        "() => { const box = document.querySelector('#toast'); "
        "return !box.hidden && !box.textContent.startsWith('Preparing') }"
    )


async def test_many_rows_are_copied_whole_in_tasks_of_some_hundred(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.lines(1234, "posting", requestId="req-1")
    await fake.gap("producer", 37)
    await fake.events(fake.event("zażółć 請求 done"))
    await tab.sees("請求 done")
    await tab.script(
        """() => {
        window.turns = 0;
        globalThis.scheduler = { yield: () => new Promise((done) => {
          turns += 1;
          setTimeout(done);
        }) };
      }"""
    )
    await copy_all(tab)
    assert await tab.page.inner_text("#toast") == "Copied as text."
    lines = (await pasted(tab)).split("\n")
    assert [line.rsplit(" ", 1)[1] for line in lines[:1234]] == [str(n) for n in range(1234)]
    assert lines[1234].startswith("--- 37 lines lost at the runner")
    assert lines[1235].endswith("zażółć 請求 done")
    assert lines[1236:] == [""]
    assert await tab.script("turns") == 3  # of 500 rows each


async def test_the_clipboard_is_asked_for_at_the_click_and_gets_nothing_that_is_not_on_record(
    fake: Fake, tab: ConsoleTab
) -> None:
    fake.config |= {"savedUrl": "/api/ext-debug/saved"}
    await tab.open()
    await fake.events(fake.event("posted"))
    await tab.sees("posted")
    await tab.script(
        """async () => {
        await navigator.clipboard.writeText('before');
        const { clipboard } = navigator;
        window.asked = [];
        const write = clipboard.write.bind(clipboard);
        clipboard.write = (items) => {
          asked.push(['clipboard', navigator.userActivation.isActive]);
          return write(items);
        };
        const { fetch } = window;
        window.fetch = (...given) => { asked.push(['record']); return fetch(...given); };
      }"""
    )
    fake.grant_answer = (503, {"ok": False})
    await copy_all(tab)
    assert "could not record it" in await tab.page.inner_text("#toast")
    tab.errors.clear()  # the browser's word on the 503
    assert await pasted(tab) == "before"
    fake.grant_answer = (200, {"ok": True})
    await copy_all(tab)
    assert (await pasted(tab)).rstrip().endswith("posted")
    assert fake.posted[-1] == (
        "/api/ext-debug/saved", {"session": "s-1", "what": "copy-text", "lines": 1},
    )  # fmt: skip
    # Within the click, before the answer to the recording: later the browser may refuse.
    assert await tab.script("asked") == [["record"], ["clipboard", True]] * 2


def starts(view: str) -> dict[str, Any]:
    return {"?from=now": {"tail": 0}, "": {"tail": 200}, "?from=tail:2000": {"tail": 2000},
            f"?from={iso(START_MS)}": {"since_ms": START_MS}}[view]  # fmt: skip


@pytest.mark.parametrize("view", ["", "?from=now", "?from=tail:2000", f"?from={iso(START_MS)}"])
async def test_the_curl_command_carries_where_the_view_starts(
    fake: Fake, tab: ConsoleTab, view: str
) -> None:
    await tab.open(view)
    asked = read_query(await curl(tab), last_id=None)
    for name, value in starts(view).items():
        assert getattr(asked.start, name) == value


async def curl(tab: ConsoleTab) -> dict[str, str]:
    """The parameters of the command that was copied, read as a shell and the server read them."""
    await tab.page.click("#export summary")
    await tab.page.click("[data-export=curl]")
    await tab.page.wait_for_selector("#toast:not([hidden])")
    words = shlex.split(await pasted(tab))
    assert words[:2] == ["curl", "-N"]
    return dict(parse_qsl(urlsplit(words[-1]).query))


async def test_the_curl_command_carries_the_whole_filter(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open(
        "?tenant=acme&install=inst-acme&install=inst-acme-eu&request=r-7&streams=stderr,log"
        "&level=warn&q=it%27s+%22late%22#1795000005000-0"
    )
    asked = read_query(await curl(tab), last_id=None)
    page = fake.of("subscribe")[0]
    assert Filter.parse(cast(FilterParts, asked.wanted)) == Filter.parse(page["filter"])
    assert (asked.tenant, asked.extension) == ("acme", "invoice-sync")
    assert str(asked.start.cursor).startswith(page["from"]["cursor"])


@pytest.mark.parametrize(
    ("first", "later", "other"),
    [
        (
            "2026-11-26T10:00:01.120Z INFO cache lookup took 12 ms",
            "2026-11-26T10:02:07.001Z INFO cache lookup took 9 ms",
            "cache miss",
        ),
        (
            "10:00:01 \x1b[32mcache\x1b[0m lookup for cust:7",
            "10:09:55 \x1b[32mcache\x1b[0m lookup for cust:9",
            "cache full",
        ),
        (
            '{"t":1700000001,"msg":"cache lookup","ms":12}',
            '{"t":1700000077,"msg":"cache lookup","ms":3}',
            '{"t":1700000001,"msg":"posted","ms":12}',
        ),
        ("\n   [12] worker is idle", "[7] worker is idle", "[12] worker is busy"),
    ],
)
async def test_hide_lines_like_this_hides_the_next_one_too(
    fake: Fake, tab: ConsoleTab, first: str, later: str, other: str
) -> None:
    await tab.open()
    await fake.events(fake.event(first))
    await tab.page.click(".line .msg")
    await tab.page.click("[data-act=without]")
    q = (await until(lambda: fake.of("filter")))[0]["filter"]["q"]
    batch = Batch([
        Event(ts=iso(START_MS), level=Level.INFO, stream=Output.STDOUT, message=message)
        for message in (first, later, other)
    ])  # fmt: skip
    assert list(compile_filter(Filter.parse({"q": q})).select(batch)) == [2]
