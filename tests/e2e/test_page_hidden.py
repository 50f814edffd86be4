"""What the filter hides: counted, and the newest listed with the condition that hides each."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import ConsoleTab, until
from tests.e2e.protocol_server import Fake
from tests.e2e.real_filter import RealFilter
from tests.e2e.test_page_filters import asked

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

LIST = "#hidden-lines ol"


async def listed(tab: ConsoleTab) -> list[tuple[str, str]]:
    """Message and reason of each hidden line."""
    found = await tab.script(
        """() => [...document.querySelectorAll('#hidden-lines li:not(.more-hidden)')]
        .map(n => [n.querySelector('.msg').textContent.trim(),
                   n.querySelector('.hidden-by code').textContent])"""
    )
    return [(message, term) for message, term in found]


async def test_without_a_match_the_last_hidden_lines_are_shown_each_with_its_condition(
    fake: Fake, tab: ConsoleTab
) -> None:
    real = RealFilter(fake)
    real.lines = [
        *(fake.event(f"order {n} retry") for n in range(25)),
        fake.event("something else", level="error"),
        fake.event("order 99 of\u202ebob", level="info", fields={"ms": 3}),
    ]
    await tab.open("?q=order+-retry+ms>=100")
    await tab.says("#empty", "27 lines did not match")
    await tab.page.click("#empty button:has-text('Show the last 20')")
    await tab.says("#hidden-lines", "The last 20 hidden lines")
    frame = fake.of("fetch")[0]
    assert {key: frame.get(key) for key in ("hidden", "limit", "before", "filter")} == {
        "hidden": True, "limit": 20, "before": None, "filter": None,
    }  # fmt: skip
    rows = await listed(tab)
    assert rows[-2:] == [("something else", "order"), ("order 99 of<RLO>bob ms=3", "ms>=100")]
    assert rows[0] == ("order 7 retry", "-retry")
    assert await tab.script(
        f"(() => {{ const n = document.querySelector('{LIST}');"
        "return n.scrollHeight - n.scrollTop - n.clientHeight })()"
    ) < 2, "the newest is in view"  # fmt: skip
    await tab.page.click("#hidden-lines button:has-text('Show earlier ones')")
    await until(lambda: len(fake.of("fetch")) == 2)
    await tab.page.wait_for_function(
        "() => document.querySelectorAll('#hidden-lines .hidden-by').length === 27"
    )
    assert (await listed(tab))[0] == ("order 0 retry", "-retry")
    assert await tab.page.locator("#hidden-lines .more-hidden").count() == 0
    assert await tab.messages() == [], "they are none of the rows"


async def test_a_hidden_line_is_shown_in_its_context(fake: Fake, tab: ConsoleTab) -> None:
    real = RealFilter(fake)
    real.lines = [fake.event(f"order {n}", level="error" if n == 7 else "info") for n in range(12)]
    await tab.open("?level=error&q=nothing")
    await tab.page.click("#empty button:has-text('Show the last')")
    await tab.page.click("#hidden-lines li:has-text('order 6') button:has-text('Show in context')")
    wanted = real.lines[6]["id"]
    before, after = await until(lambda: len(fetched := fake.of("fetch")) >= 3 and fetched[1:3])
    assert (before["before"], after["after"]) == (wanted, wanted)
    assert "hidden" not in before
    assert before["filter"]["q"] == ""
    await tab.page.wait_for_selector("#context-lines .line:has-text('order 6')")
    await tab.page.keyboard.press("Escape")
    await tab.page.wait_for_selector("#context", state="hidden")
    assert await tab.page.is_visible(LIST)
    focused = "document.activeElement.closest('li').querySelector('.msg').textContent"
    assert await tab.script(focused) == "order 6"


async def test_a_condition_is_taken_away_where_it_hides_a_line(fake: Fake, tab: ConsoleTab) -> None:
    real = RealFilter(fake)
    real.lines = [fake.event("order retry", level="error"), fake.event("order", level="info")]
    await tab.open("?q=order+-retry&level=warn&request=req-1")
    await tab.page.click("#empty button:has-text('Show the last 2')")
    await tab.says("#hidden-lines", "level>=warn")
    assert await listed(tab) == [("order retry", "-retry"), ("order", "level>=warn")]
    await tab.page.click("#hidden-lines .hidden-by:has-text('-retry')")
    assert (await asked(fake))["q"] == "order"
    await tab.sees("order retry")
    await tab.page.wait_for_selector(LIST, state="detached")
    await tab.says("#hidden-lines", "1 line matches; the filter hides 1 other.")
    await tab.page.click("#hidden-lines button:has-text('Show it')")
    await tab.page.click("#hidden-lines .hidden-by:has-text('level>=warn')")
    assert (await asked(fake, 2))["level"] is None
    assert (await asked(fake, 2))["request"] == "req-1"
    await tab.page.wait_for_selector("#hidden-lines", state="hidden")


async def test_nothing_is_said_where_much_matches_or_nothing_is_filtered(
    fake: Fake, tab: ConsoleTab
) -> None:
    real = RealFilter(fake)
    real.lines = [fake.event(f"line {n}") for n in range(9)]
    hidden: dict[str, Any] = {"entries": 50, "shown": 9, "filtered": 41, "lost": {}}
    await tab.open("?q=line")
    await tab.sees("line 8")
    await fake.status(ledger=hidden)
    await tab.says("#hidden-lines", "9 lines match; the filter hides 41 others.")
    await fake.events(fake.event("line 9"))
    await tab.page.wait_for_selector("#hidden-lines", state="hidden")
    await tab.page.fill("#q", "")
    await tab.page.press("#q", "Enter")
    await asked(fake)
    await fake.status(ledger=hidden)
    await tab.sees("line 8")
    assert not await tab.page.is_visible("#hidden-lines")


async def test_what_cannot_be_fetched_is_said_and_an_old_answer_is_not_shown(
    fake: Fake, tab: ConsoleTab
) -> None:
    real = RealFilter(fake)
    real.lines = [fake.event("one"), fake.event("two")]
    held: list[Any] = []
    fake.on_message = lambda frame: held.append(frame) if frame["type"] == "fetch" else None
    await tab.open("?q=zebra")
    ledger = {"entries": 2, "shown": 0, "filtered": 2, "lost": {}}
    await fake.status(ledger=ledger)
    await tab.page.click("#empty button:has-text('Show the last 2')")
    await tab.says("#hidden-lines", "Fetching hidden lines…")
    await until(lambda: held)
    await fake.send({"type": "error", "code": "unavailable", "message": "Redis", "position": None})
    await tab.says("#hidden-lines", "They could not be fetched now.")
    await tab.page.click("#empty button:has-text('Show the last 2')")
    await until(lambda: len(held) == 2)
    await tab.page.fill("#q", "lion")
    await tab.page.press("#q", "Enter")
    await asked(fake)
    real.filter = real.filter.__class__(q="zebra")
    await real.page(held[1])
    await fake.status(ledger=ledger)
    await tab.page.wait_for_selector("#hidden-lines", state="hidden")
    await tab.page.click("#empty button:has-text('Show the last 2')")
    await until(lambda: len(held) == 3)
    await fake.send({"type": "page", "seq": next(fake.seq), "id": held[2]["id"], "cursor": None,
                     "done": True, "events": [], "hiddenBy": []})  # fmt: skip
    await tab.says("#hidden-lines", "The stream keeps no hidden line that you may see")
    await tab.page.click("#hidden-lines [data-does=close]")
    await tab.page.wait_for_selector("#hidden-lines", state="hidden")


async def test_a_question_that_a_lost_connection_took_along_is_not_waited_for(
    fake: Fake, tab: ConsoleTab
) -> None:
    fake.on_message = lambda frame: None
    await tab.open("?q=zebra")
    await fake.status(ledger={"entries": 2, "shown": 0, "filtered": 2, "lost": {}})
    await tab.page.click("#empty button:has-text('Show the last 2')")
    await until(lambda: fake.of("fetch"))
    await fake.closing(4012, final=False, retry=0.1)
    await tab.says("#hidden-lines", "The connection was lost meanwhile.")
    assert len(fake.of("subscribe")) == 2
