"""The Requests view: one row for each request, failing first, opened in place, gaps said."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import ConsoleTab, until
from tests.e2e.protocol_server import Fake
from tests.e2e.request_flows import Flows
from tests.e2e.test_page_layout import OUT_OF_REACH

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

ROWS = """() => [...document.querySelectorAll('.request-row')].map(row => {
  const text = (name) => row.querySelector(name).textContent;
  const counts = [...row.querySelectorAll('.level-counts > [class^=t-]')].map(n => n.textContent);
  return [text('.flow'), text('.outcome'), counts.join(' '), text('.first-error')];
})"""


async def rows(tab: ConsoleTab) -> list[list[str]]:
    """Request, outcome, counts and first error of each row drawn."""
    found: list[list[str]] = await tab.script(ROWS)
    return found


async def until_rows(tab: ConsoleTab, wanted: list[list[str]]) -> None:
    """Wait until the rows are these; of each as much as is `wanted`, from its first column on."""

    async def shown() -> list[list[str]]:
        found = await rows(tab)
        return [row[: len(wanted[0])] for row in found] if wanted else found

    for _ in range(200):
        if await shown() == wanted:
            return
        await tab.page.wait_for_timeout(50)
    assert await shown() == wanted


async def three_flows(fake: Fake, tab: ConsoleTab, query: str = "?view=requests") -> Flows:
    """One request that answers 200, one that fails, one that goes on; their lines mixed."""
    flows = Flows(fake)
    await tab.open(query)
    await fake.events(
        flows.start("r-ok", "/sync"),
        flows.start("r-bad", "/fail"),
        flows.line("r-ok", "one"),
        flows.start("r-open", "/slow"),
        flows.line("r-bad", "ledger said 502", level="error"),
        flows.line("r-open", "waiting", stream="stdout"),
        flows.line("r-ok", "two", level="warn"),
        flows.line("r-bad", "giving up", level="error"),
        flows.line(None, "outside of any request"),
        flows.end("r-bad", "500", 812.4),
        flows.line("r-open", "waiting", stream="stdout"),
        flows.end("r-ok", "200", 41.5),
    )
    return flows


BAD = ["r-bad", "500", "2 err 1 warn 1 dbg", "ledger said 502"]
OPEN = ["r-open", "running", "2 info 1 dbg", ""]
OK = ["r-ok", "200", "1 warn 2 info 1 dbg", ""]


async def test_three_mixed_flows_are_three_rows_the_failing_one_first(
    fake: Fake, tab: ConsoleTab
) -> None:
    flows = await three_flows(fake, tab)
    await until_rows(tab, [BAD, OPEN, OK])
    assert await tab.page.inner_text("#requests-summary") == "3 requests · 1 failing · 1 running"
    assert [part.split(",")[0] for part in await labels(tab)][::2] == [
        "500 in 812 ms",
        "200 in 42 ms",
    ]
    await fake.events(flows.line("r-open", "done"), flows.end("r-open", "200", 1284.0))
    await until_rows(tab, [BAD, ["r-open", "200", "4 info 1 dbg", ""], OK])
    assert (await labels(tab))[1].startswith("200 in 1.28 s, request r-open, POST /slow, 5 lines")


async def labels(tab: ConsoleTab) -> list[str]:
    heads = tab.page.locator(".request-head")
    said: list[str] = await heads.evaluate_all("all => all.map(n => n.getAttribute('aria-label'))")
    return said


async def test_a_filter_keeps_the_rows_and_what_is_known_of_their_ends(
    fake: Fake, tab: ConsoleTab
) -> None:
    flows = await three_flows(fake, tab)
    await until_rows(tab, [BAD, OPEN, OK])
    matching = [
        flows.line("r-bad", "ledger said 502", level="error"),
        flows.line("r-open", "ledger is slow", level="error"),
        flows.line("r-new", "ledger", level="error"),
    ]
    await tab.page.fill("#q", "ledger")
    await until(lambda: fake.of("filter"))
    await fake.events(*matching)
    await until_rows(
        tab,
        [
            ["r-bad", "500", "1 err", "ledger said 502"],
            ["r-new", "not shown", "1 err", "ledger"],
            ["r-open", "not shown", "1 err", "ledger is slow"],
        ],
    )
    await tab.says("#requests-summary", "lines that match the filter")
    # What the filter hides of their ends is fetched by itself, and counts for nothing else.
    await until(lambda: fake.of("fetch"))
    ends = [flows.start("r-new"), flows.start("r-open"), flows.end("r-new", "trap", 9.0)]
    page = {"type": "page", "seq": 9, "events": ends, "done": True, "cursor": ends[-1]["id"]}
    for asked in fake.of("fetch"):  # one may have been asked before the filter took hold
        assert asked["filter"]["q"] == "execution:*"
        await fake.send({**page, "id": asked["id"]})
    await until_rows(
        tab,
        [
            ["r-new", "trap", "1 err", "ledger"],
            ["r-bad", "500", "1 err", "ledger said 502"],
            ["r-open", "running", "1 err", "ledger is slow"],
        ],
    )
    # What came since is asked for, as long as one has no end.
    await until(lambda: [f for f in fake.of("fetch") if f["after"] == ends[-1]["id"]])


async def test_an_opened_request_stays_open_under_another_filter_and_back_leaves_the_view(
    fake: Fake, tab: ConsoleTab
) -> None:
    flows = await three_flows(fake, tab, "")
    await tab.sees("giving up")
    await tab.page.click(".line:has-text('ledger said') .flow")
    await tab.says(".request-row.open .request-lines", "giving up")
    await tab.page.fill("#q", "ledger")
    await until(lambda: fake.of("filter"))
    await fake.events(flows.line("r-bad", "ledger said 502", level="error"))
    await tab.page.wait_for_function(
        "() => document.querySelectorAll('.request-row.open .request-line').length === 1"
    )
    await tab.page.go_back()
    await tab.page.wait_for_selector("#requests", state="hidden")
    assert "view=requests" not in tab.page.url


async def test_silence_is_never_taken_for_success(fake: Fake, tab: ConsoleTab) -> None:
    flows = Flows(fake)
    await tab.open("?view=requests")
    long_ago = flows.now - 65_000  # and the newest line is a minute ahead
    await fake.events(
        flows.line("r-foreign", "a line", ms=long_ago),
        flows.start("r-hung", ms=long_ago + 1),
        flows.line("r-forged", "done", ms=flows.now + 60_000, fields={"execution": "end 200 1"}),
    )
    await until_rows(
        tab,
        [
            ["r-forged", "active", "1+ info", ""],
            ["r-hung", "running", "1 dbg", ""],
            ["r-foreign", "unknown", "1+ info", ""],
        ],
    )
    await tab.says(".request-row:nth-child(3) .took-text", "quiet for 2 min")
    assert "1+ lines" in (await labels(tab))[2]


async def test_a_request_opens_in_place_with_offsets_and_leads_to_its_lines(
    fake: Fake, tab: ConsoleTab
) -> None:
    flows = Flows(fake)
    await tab.open("?view=requests")
    started = flows.now - 2000
    retry = [
        flows.line("r-1", "retry", stream="stderr", level="warn", ms=started + 250)
        for _ in range(3)
    ]
    await fake.events(
        flows.start("r-1", ms=started), *retry, flows.line("r-2", "other", ms=started + 260),
        flows.line("r-1", "posted", ms=started + 1500),
    )  # fmt: skip
    await until(lambda: fake.of("ack"))
    await tab.page.locator(".request-head", has_text="r-1").click()
    line = tab.page.locator(".request-line")
    assert [text.split() for text in await line.all_inner_texts()] == [
        ["+0.000", "s", "debug", "POST", "/sync", "started"],
        ["+0.250", "s", "err", "retry", "×", "3"],
        ["+1.500", "s", "info", "posted"],
    ]
    await fake.events(flows.line("r-1", "still here"), flows.end("r-1", "500"))
    await tab.says(".request-lines", "still here")  # it stays open and goes on
    await line.filter(has_text="posted").click()
    await tab.page.wait_for_selector("#requests", state="hidden")
    focused = "document.activeElement.querySelector('.msg')?.textContent"
    assert await tab.script(focused) == "posted"


async def test_an_id_anywhere_leads_to_its_request(fake: Fake, tab: ConsoleTab) -> None:
    await three_flows(fake, tab, "")
    await tab.sees("giving up")
    await tab.page.click(".line:has-text('ledger said') .flow")
    await tab.page.wait_for_selector(".request-row.open:has-text('r-bad')")
    assert "view=requests" in tab.page.url
    await tab.page.keyboard.press("Escape")
    await tab.page.wait_for_selector(".request-row.open", state="detached")
    await tab.page.keyboard.press("Escape")
    await tab.page.click(".line:has-text('waiting') .msg")
    await tab.page.click(".detail [data-act=open-request]")
    await tab.page.wait_for_selector(".request-row.open:has-text('r-open')")
    await tab.page.click(".request-open button:has-text('Only this request')")
    assert (await until(lambda: fake.of("filter")))[0]["filter"]["request"] == "r-open"
    await tab.page.wait_for_selector("#requests", state="hidden")


async def test_the_keyboard_does_it_all(fake: Fake, tab: ConsoleTab) -> None:
    await three_flows(fake, tab, "")
    await tab.sees("giving up")
    await tab.page.keyboard.press("v")
    await until_rows(tab, [BAD, OPEN, OK])
    await tab.page.keyboard.press("G")
    await tab.page.keyboard.press("k")
    await tab.page.keyboard.press("E")  # the failing request before
    await tab.page.keyboard.press("Enter")
    await tab.page.wait_for_selector(".request-row.open:has-text('r-bad')")
    expanded = "document.activeElement.getAttribute('aria-expanded')"
    assert await tab.script(expanded) == "true"
    await tab.page.keyboard.press("Tab")
    await tab.page.keyboard.press("Tab")
    await tab.page.keyboard.press("Escape")
    assert await tab.script(expanded) == "false"  # closed, and the focus is on its row again
    await tab.page.keyboard.press("r")
    assert (await until(lambda: fake.of("filter")))[0]["filter"]["request"] == "r-bad"


async def test_a_gap_within_its_time_is_said_in_the_request(fake: Fake, tab: ConsoleTab) -> None:
    flows = Flows(fake)
    await tab.open("?view=requests")
    before = [flows.start("r-before"), flows.end("r-before"), flows.start("r-within")]
    after = [flows.line("r-within", "on"), flows.start("r-after"), flows.end("r-within")]
    await fake.events(*before)
    await fake.gap("not_consumed", 4, after=before[-1]["id"], before=after[0]["id"])
    await fake.events(*after)
    await tab.page.wait_for_selector(".request-row:has-text('r-after')")
    short = tab.page.locator(".request-row", has=tab.page.locator(".gap-badge"))
    assert await short.locator(".flow").all_inner_texts() == ["r-within"]
    await tab.page.locator(".request-head", has_text="r-within").click()
    pieces = await tab.page.locator(".request-lines > li").all_inner_texts()
    assert "4 lines skipped" in pieces[1]
    # Once they are fetched nothing is missing any more, and they count.
    await tab.page.keyboard.press("Escape")
    await tab.page.keyboard.press("v")
    await tab.page.click(".gap button")
    asked = (await until(lambda: fake.of("fetch")))[0]
    lost = [flows.line("r-within", "lost", level="error", ms=flows.now - 1) for _ in range(4)]
    page = {"type": "page", "seq": 99, "id": asked["id"], "events": lost, "done": True}
    await fake.send({**page, "cursor": lost[-1]["id"]})
    await tab.page.keyboard.press("v")
    await until_rows(
        tab,
        [
            ["r-within", "200", "4 err 2 info 1 dbg", "lost"],
            ["r-after", "running", "1 dbg", ""],
            ["r-before", "200", "1 info 1 dbg", ""],
        ],
    )
    assert await tab.page.locator(".gap-badge").count() == 0


async def test_rows_keep_their_places_while_one_is_read(fake: Fake, tab: ConsoleTab) -> None:
    flows = await three_flows(fake, tab)
    await until_rows(tab, [BAD, OPEN, OK])
    await tab.page.locator(".request-head", has_text="r-ok").click()
    await fake.events(flows.start("r-4"), flows.end("r-4", "trap"), flows.end("r-open", "timeout"))
    await tab.says("#requests-update", "1 new request")
    await until_rows(tab, [["r-bad", "500"], ["r-open", "timeout"], ["r-ok", "200"]])
    await tab.page.click("#requests-update")
    await until_rows(tab, [["r-4"], ["r-open"], ["r-bad"], ["r-ok"]])


async def test_only_what_can_be_seen_is_in_the_document_and_requests_are_bounded(
    fake: Fake, tab: ConsoleTab
) -> None:
    flows = Flows(fake)
    await tab.open("?view=requests")
    await fake.events(flows.start("r-bad"), flows.end("r-bad", "500"))
    for first in range(0, 1400, 100):
        made = [[flows.start(f"r{n}"), flows.end(f"r{n}")] for n in range(first, first + 100)]
        await fake.events(*[event for both in made for event in both])
    await tab.says(".request-row:nth-child(2)", "r1399")
    assert await tab.page.locator(".request-row").count() < 80
    summary = await tab.page.inner_text("#requests-summary")
    kept, left = (int(summary.split(" · ")[place].split()[0].replace(",", "")) for place in (0, -1))
    assert kept <= 1000
    assert kept + left == 1401
    assert (await rows(tab))[0][:2] == ["r-bad", "500"]  # the failing one is not let go


async def test_clear_and_pause_hold_here_too(fake: Fake, tab: ConsoleTab) -> None:
    flows = await three_flows(fake, tab)
    await until_rows(tab, [BAD, OPEN, OK])
    await tab.page.keyboard.press("p")
    await fake.events(flows.end("r-open", "200"))
    await until(lambda: len(fake.of("ack")) >= 2)
    assert await rows(tab) == [BAD, OPEN, OK]
    await tab.page.keyboard.press("p")
    await until_rows(tab, [BAD, ["r-open", "200", "3 info 1 dbg", ""], OK])
    await tab.page.keyboard.press("c")
    await until_rows(tab, [])
    await fake.events(flows.line("r-bad", "late"))
    await until_rows(tab, [["r-bad", "500", "1+ info", ""]])
    assert "1+ lines" in (await labels(tab))[0]


async def test_a_stack_trace_is_one_row_and_says_what_happened(fake: Fake, tab: ConsoleTab) -> None:
    flows = Flows(fake)
    await tab.open("?view=requests")
    trace = ["Traceback (most recent call last):", '  File "a.py", line 3, in handler',
             "    total()", "ValueError: no such invoice"]  # fmt: skip
    err: Any = {"stream": "stderr", "level": "error"}
    await fake.events(
        flows.start("r-1"),
        *[flows.line("r-1", text, **err) for text in trace],
        flows.line("r-1", "after it"),
        flows.end("r-1", "500"),
    )
    await until_rows(tab, [["r-1", "500", "4 err 1 warn 1 info 1 dbg", trace[-1]]])
    await tab.page.click(".request-head")
    line = tab.page.locator(".request-line .msg")
    assert await line.all_inner_texts() == [
        "POST /sync started", trace[-1], "after it", "finished: 500 in 41.5 ms",
    ]  # fmt: skip


async def test_hostile_ids_and_messages_are_text(fake: Fake, tab: ConsoleTab) -> None:
    flows = Flows(fake)
    evil = "<img src=x onerror='window.hacked=1'>\u202e"
    await tab.open("?view=requests")
    await fake.events(
        flows.start(evil, evil),
        flows.line(evil, evil + " https://example.com/x", level="error"),
        flows.end(evil, "500"),
    )
    await tab.page.locator(".request-head").click()
    await tab.page.wait_for_selector(".request-line >> nth=2")
    assert await tab.page.locator("#requests img, .request-head a, .request-line a").count() == 0
    assert await tab.script("window.hacked") is None
    assert "\u202e" not in await tab.page.inner_text("#requests")


async def at_width(tab: ConsoleTab, width: int) -> Any:
    await tab.page.set_viewport_size({"width": width, "height": 800})
    return await tab.script(
        """() => ({ wide: document.documentElement.scrollWidth > innerWidth,
          rows: [...document.querySelectorAll('.request-row')].filter(n => {
            const box = n.getBoundingClientRect();
            const port = document.querySelector('#requests-list').getBoundingClientRect();
            return box.top >= port.top && box.bottom <= port.bottom + 1; }).length,
          cut: [...document.querySelectorAll('.request-head .outcome, .request-head .flow')]
            .filter(n => n.getBoundingClientRect().right > innerWidth
              || n.getBoundingClientRect().width < 20).length })"""
    )


async def test_it_fits_any_width(fake: Fake, tab: ConsoleTab) -> None:
    flows = Flows(fake)
    await tab.open("?view=requests")
    for n in range(30):
        await fake.events(flows.start(f"request-{n}"), flows.end(f"request-{n}", "out_of_memory"))
    await tab.says("#requests-summary", "30 requests")
    for width in (320, 390, 640, 768, 900, 1024, 1240, 1600):
        seen = await at_width(tab, width)
        assert (seen["wide"], seen["cut"]) == (False, 0), width
        assert seen["rows"] >= 6, width
        within = "#requests-view, .requests-bar button, .requests-bar select"
        assert await tab.script(OUT_OF_REACH, within) == [], width
