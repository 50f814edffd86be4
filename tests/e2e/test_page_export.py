"""What is taken from the page is what is seen: rows as lines, no escape bytes, the whole view."""

from __future__ import annotations

import shlex
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import pytest
import pytest_asyncio

from extdebug.filters.batch import Batch
from extdebug.filters.filter import Filter, FilterParts, compile_filter
from extdebug.transports.stream_query import read_query
from extdebug.wire.events import Event, Level, Output
from tests.e2e.conftest import ConsoleTab, until
from tests.e2e.protocol_server import START_MS, Fake, iso

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]

COLOURED = "\x1b[31mERROR\x1b[0m: connection to \x1b[1merp\x1b[0m refused"


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def clipboard(tab: ConsoleTab) -> None:
    await tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])


async def pasted(tab: ConsoleTab) -> str:
    text: str = await tab.script("navigator.clipboard.readText()")
    return text


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
