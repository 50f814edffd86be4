"""A search over many lines goes on in slices of time, and finds what a search in one go finds."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import ConsoleTab
from tests.e2e.protocol_server import Fake

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

# Each look at the clock is later than any slice may last: the search pauses as often as it can.
SLOW = "performance.now = (() => { let at = 0; return () => (at += 20) })()"
SEEN = """() => {
  const counter = document.querySelector('#find-bar [role=status]');
  window.seen = [];
  new MutationObserver(() => window.seen.push(counter.textContent)).observe(
    counter, { childList: true, characterData: true, subtree: true });
}"""


async def test_a_long_search_lets_lines_in_and_counts_them_all(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.lines(1000)
    await tab.says("#kept", "1,000 lines")
    await tab.script(SLOW)
    await tab.page.keyboard.press("Control+f")
    await tab.script(SEEN)
    await tab.page.fill("#find-bar input", "line 99")
    await tab.page.keyboard.press("Enter")  # long before the search is through
    await tab.says("#find-bar", "11 of 11")
    assert "Searching…" in await tab.script("window.seen")
    await tab.page.wait_for_selector(".line.current:has-text('line 999')")
    await fake.lines(1000, "further line")
    await tab.says("#find-bar", "11 of 22")
    await tab.page.keyboard.press("Enter")
    await tab.says("#find-bar", "12 of 22")


async def test_another_word_begins_another_search(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.lines(1000)
    await tab.says("#kept", "1,000 lines")
    await tab.script(SLOW)
    await tab.page.keyboard.press("Control+f")
    await tab.page.fill("#find-bar input", "line")
    await tab.page.fill("#find-bar input", "line 12")
    await tab.says("#find-bar", "11 lines")
    await tab.page.fill("#find-bar input", "nowhere")
    await tab.says("#find-bar", "No matches in the loaded lines")
