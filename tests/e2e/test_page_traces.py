"""Stack traces that arrive line by line stand on one row; what the runner joined is shown alike."""

from __future__ import annotations

import random
from typing import Any

import pytest

from extdebug.runner.output import stack_traces
from tests.e2e.conftest import ConsoleTab
from tests.e2e.protocol_server import START_MS, Fake
from tests.extdebug.runner.output.test_stack_traces import TRACES, coloured, joined

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

ROWS = """async (all) => {
  const { Buffer } = await import('/static/extdebug/buffer.js');
  return all.map((lines) => {
    const buffer = new Buffer({ collapse: false });
    lines.forEach((message, n) => {
      buffer.event({ id: `1700000000000-${n}`, message, stream: 'stderr' });
    });
    return buffer.items.map((item) => item.ev.message);
  });
}"""


async def rows_of(tab: ConsoleTab, *texts: str) -> list[list[str]]:
    if not tab.page.url.startswith("http"):
        await tab.open()
    rows: list[list[str]] = await tab.script(ROWS, [text.split("\n") for text in texts])
    return rows


def crash(fake: Fake, *requests: str) -> list[dict[str, Any]]:
    """The lines of a crash of each request, in turn."""
    return [
        fake.event(line, stream="stderr", level="error", requestId=request)
        for line in TRACES["py"].split("\n")
        for request in requests
    ]


async def test_each_languages_trace_is_one_row_between_the_lines_around_it(tab: ConsoleTab) -> None:
    rows = await rows_of(tab, *[f"before\n{text}\nafter 1\nafter 2" for text in TRACES.values()])
    for name, row in zip(TRACES, rows, strict=True):
        assert row == ["before", TRACES[name], "after 1", "after 2"], name


async def test_a_coloured_trace_is_one_row_too(tab: ConsoleTab) -> None:
    texts = [f"before\n{coloured(text)}\nafter 1" for text in TRACES.values()]
    for name, row in zip(TRACES, await rows_of(tab, *texts), strict=True):
        assert row == ["before", coloured(TRACES[name]), "after 1"], name


async def test_the_page_joins_what_the_runner_joins(
    tab: ConsoleTab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines of all traces in any order: the same rules on both sides, no line lost.

    But for an error's further lines, which the runner holds back until a frame follows.
    """
    monkeypatch.setattr(stack_traces, "MOST_MESSAGE", 0)
    chance = random.Random(7)
    lines = [line for text in TRACES.values() for line in text.split("\n")]
    lines += ["fetched 3 orders", "2026-01-01 12:00:00 INFO app: next", "  indented", "done"]
    texts = ["\n".join(chance.choices(lines, k=40)) for _ in range(300)]
    for text, row in zip(texts, await rows_of(tab, *texts), strict=True):
        assert "\n".join(row) == text
        # Blank lines at a trace's end: the runner's are their own, a page cannot hold them back.
        of_runner = [line for line in joined(text) if line.strip()]
        assert [line.rstrip("\n") for line in row if line.strip()] == of_runner


async def test_a_crash_is_one_row_that_says_what_happened(fake: Fake, tab: ConsoleTab) -> None:
    await tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await tab.open()
    await fake.events(fake.event("calling"))
    made = crash(fake, "req-1")
    for event in [*made, fake.event("next")]:
        await fake.events(event)  # each in a frame of its own, as it happens live
    await tab.sees("next")
    assert await tab.messages() == ["calling", "app.errors.Boom: y", "next"]
    assert await tab.page.inner_text(".line .more") == f"+{len(made) - 1} lines"
    await tab.page.click(".line .more")
    await tab.page.wait_for_selector(".line.open")
    assert await tab.page.inner_text(".line.open .msg") == TRACES["py"]
    assert f"{len(made)} lines of output on one row" in await tab.page.inner_text(".facts")
    await tab.page.click("[data-act=copy]")
    await tab.says("#toast", "copied")
    assert await tab.script("navigator.clipboard.readText()") == TRACES["py"]
    await tab.says("#kept", f"{len(made) + 2} lines")


async def test_two_requests_that_crash_together_are_two_rows(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.events(*crash(fake, "req-1", "req-2"))
    await fake.events(fake.event("next", requestId="req-1"))
    await tab.sees("next")
    assert await tab.messages() == ["app.errors.Boom: y", "app.errors.Boom: y", "next"]
    flows = await tab.page.locator("button.flow").all_inner_texts()
    assert flows == ["req-1", "req-2", "req-1"]


async def test_a_log_call_between_keeps_its_row(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    made = crash(fake, "req-1", "req-2")
    made[10] = fake.event("log call", id=made[10]["id"])
    await fake.events(*[event for event in made if event["requestId"] == "req-1"])
    await tab.sees("log call")
    assert await tab.messages() == ["app.errors.Boom: y", "log call"]
    assert (
        await tab.page.inner_text(".line .more") == f"+{len(TRACES['py'].splitlines()) - 2} lines"
    )


async def test_nothing_moves_to_before_a_gap(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    made = crash(fake, "req-1")
    await fake.events(*made[:3])
    await fake.gap(missed=3, after=made[2]["id"], before=made[6]["id"])
    await fake.events(*made[6:])
    await tab.sees("app.errors.Boom: y")
    kinds = await tab.script(
        "[...document.querySelectorAll('.row')].map((row) => row.classList[1])"
    )
    assert kinds.index("gap") == 1
    assert kinds.count("line") > 1


async def test_a_trace_of_a_second_ago_does_not_take_what_comes_later(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    made = crash(fake, "req-1")
    late = fake.event(
        "  File", stream="stderr", level="error", requestId="req-1", ms=START_MS + 2000
    )
    await fake.events(*made[:3], late)
    await tab.sees("File")
    assert len(await tab.messages()) == 2
