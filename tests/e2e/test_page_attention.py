"""What calls the reader: counts of errors, the next error, the tab's title, notifications."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import ConsoleTab
from tests.e2e.protocol_server import START_MS, Fake

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

NOW = START_MS + 3_600_000  # well after the session began: no history


async def title_says(tab: ConsoleTab, text: str) -> None:
    await tab.page.wait_for_function("text => document.title.includes(text)", arg=text)


async def leave(tab: ConsoleTab) -> None:
    """As if another window had the focus."""
    await tab.script("document.hasFocus = () => false; window.dispatchEvent(new Event('blur'))")


async def come_back(tab: ConsoleTab) -> None:
    await tab.script("document.hasFocus = () => true; window.dispatchEvent(new Event('focus'))")


async def test_errors_and_warnings_are_counted_and_a_click_goes_to_the_next(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.events(
        *[
            fake.event(f"line {n}", level={10: "error", 20: "warn", 90: "error"}.get(n, "info"))
            for n in range(100)
        ]
    )
    await tab.says("#count-error", "2 errors")
    await tab.says("#count-warn", "1 warning")
    await tab.page.click("#lines .line >> nth=-1")
    await tab.page.keyboard.press("Shift+E")
    assert await focused(tab) == "line 90"
    await tab.page.keyboard.press("Shift+E")
    assert await focused(tab) == "line 10"
    await tab.page.keyboard.press("e")
    assert await focused(tab) == "line 90"
    await tab.page.keyboard.press("e")
    await tab.says("#toast", "No further error in the loaded lines.")
    await tab.page.click("#clear")
    await tab.page.wait_for_selector("#count-error", state="hidden")


async def test_from_the_newest_line_a_count_leads_to_the_last_error_and_round_again(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    for at in range(0, 400, 100):  # the errors lie far above what is in sight
        lines = [
            fake.event(f"line {at + n}", level="error" if n == 10 else "info") for n in range(100)
        ]
        await fake.events(*lines)
    await tab.says("#count-error", "4 errors")
    await tab.sees("line 399")
    await tab.page.click("#count-error")
    assert await focused(tab) == "line 310"
    for expected in ("line 10", "line 110", "line 210", "line 310"):
        await tab.page.click("#count-error")
        assert await focused(tab) == expected
    await tab.page.keyboard.press("f")
    await tab.script("document.activeElement.blur()")
    await tab.page.keyboard.press("e")
    assert await focused(tab) == "line 310"


async def focused(tab: ConsoleTab) -> str:
    text: str = await tab.script("document.activeElement.querySelector('.msg')?.textContent ?? ''")
    return text


async def test_counts_follow_what_leaves_the_page_folded_rows_and_traces(tab: ConsoleTab) -> None:
    await tab.open()
    counts = await tab.script(
        """async () => {
          const { Buffer } = await import('/static/extdebug/buffer.js');
          const buffer = new Buffer({ keep: 10 });
          const say = (n, message, level) => {
            buffer.event({ id: `1700000000000-${n}`, message, level, stream: 'stderr' });
          };
          for (let n = 0; n < 40; n += 1) say(n, n < 5 ? 'same' : `line ${n}`, n < 20 ? 'error' : 'warn');
          say(50, 'Traceback (most recent call last):', 'info');
          say(51, 'ValueError: x', 'error');
          const before = { ...buffer.levels };
          buffer.trim();
          const after = { ...buffer.levels };
          buffer.recollapse(false);
          return [before, after, { ...buffer.levels }];
        }"""  # noqa: E501
    )
    assert counts[0] == {"error": 21, "warn": 20, "info": 1}
    assert counts[1] == {"error": 1, "warn": 9, "info": 1}
    assert {level: n for level, n in counts[2].items() if n} == counts[1]


async def test_the_title_tells_tabs_apart_and_what_came_meanwhile(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    assert await tab.page.title() == "Invoice Sync · Acme · Debug Console"
    await leave(tab)
    await fake.events(fake.event("one", ms=NOW), fake.event("two", ms=NOW + 1))
    await title_says(tab, "(2) Invoice Sync")
    await fake.events(fake.event("bad", level="error", ms=NOW + 2))
    await title_says(tab, "(1 error) Invoice Sync")
    await come_back(tab)
    assert await tab.page.title() == "Invoice Sync · Acme · Debug Console"
    await tab.page.click("#pause")
    await title_says(tab, "Paused: Invoice Sync")
    await tab.page.click("#pause")
    await tab.page.click("#connect")
    await title_says(tab, "Not connected: Invoice Sync")


async def test_a_notification_of_what_matches_and_only_while_away(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.page.add_init_script(
        """window.told = [];
        window.Notification = class {
          static permission = 'granted';
          constructor(title, { body }) { window.told.push(`${title}: ${body}`); }
        };"""
    )
    await tab.open()
    await tab.page.click("#notify")
    await tab.says("#toast", "each error notifies you")
    await fake.events(fake.event("seen", level="error", ms=NOW))
    await tab.sees("seen")
    await leave(tab)
    await fake.events(
        fake.event("fine", ms=NOW + 1),
        fake.event("failed \u202e evil", level="error", ms=NOW + 2),
        fake.event("failed again", level="error", ms=NOW + 3),
    )
    await tab.sees("failed again")
    told = await tab.script("window.told")
    assert [text.split(" ")[:3] for text in told] == [["Invoice", "Sync:", "error:"]]
    assert "failed" in told[0]
    assert "\u202e" not in told[0]


async def test_without_permission_it_says_so(tab: ConsoleTab) -> None:
    await tab.page.add_init_script("window.Notification = class { static permission = 'denied'; };")
    await tab.open()
    await tab.page.click("#notify")
    await tab.says("#toast", "does not allow notifications")
    assert await tab.page.get_attribute("#notify", "aria-pressed") == "false"
