"""What the page says of its session: time left, account, trouble, the end."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import ConsoleTab, until
from tests.e2e.protocol_server import START_MS, Fake, iso

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]


async def test_the_time_left_counts_down_warns_a_minute_before_and_extends(
    fake: Fake, tab: ConsoleTab
) -> None:
    fake.ready_more = {"ttl": 62}
    await tab.page.clock.install()
    await tab.open()
    await tab.says("#ttl-text", "1:0")
    assert await tab.page.is_hidden("#expiring")
    await tab.page.clock.run_for(5000)
    await tab.says("#expiring-text", "This session ends in 0:5")
    await tab.page.click("#expiring-extend")
    await until(lambda: fake.of("extend"))
    await fake.status(ttl=600, expiresAt=iso(START_MS + 600_000))
    await tab.page.wait_for_selector("#expiring", state="hidden")
    await tab.says("#ttl-text", "10:00")


async def test_a_session_at_its_longest_offers_no_extension(fake: Fake, tab: ConsoleTab) -> None:
    fake.ready_more = {"ttl": 40, "extendableUntil": iso(START_MS + 600_000)}
    await tab.open()
    await tab.says("#expiring-text", "cannot be extended further")
    assert await tab.page.is_hidden("#expiring-extend")
    assert await tab.page.is_hidden("#extend")


async def test_the_ledger_is_said_in_words_to_the_unit(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    lost = {"producer": 37, "retention": 2, "reset": None}
    await fake.status(ledger={"entries": 12_500, "shown": 12_431, "filtered": 30, "lost": lost})
    await tab.says("#ledger", "12,431 shown")
    words = await tab.page.inner_text("#ledger")
    for part in ("30 filtered out", "37 lost at the runner", "2 expired",
                 "an unknown number lost with the stream"):  # fmt: skip
        assert part in words
    assert "missing without explanation" not in words  # said only of a bug
    await fake.status(ledger={"entries": 5, "shown": 3, "filtered": 1, "lost": {}})
    await tab.says("#ledger", "1 missing without explanation")


async def test_the_ledger_moves_with_what_arrives_between_two_accounts(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.status(ledger={"entries": 10, "shown": 10, "filtered": 0, "lost": {}})
    await fake.lines(5)
    await fake.gap("producer", 4)
    await tab.says("#ledger", "15 shown")
    await tab.says("#ledger", "4 lost at the runner")
    assert "missing without explanation" not in await tab.page.inner_text("#ledger")


async def test_trouble_with_redis_is_said_on_the_page(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.status("degraded", "Redis does not answer.")
    await tab.state("degraded")
    await tab.says("#banner", "Redis does not answer.")
    await fake.status("fallback")
    await tab.says("#banner", "Live stream limited to a single runner pod")
    await fake.status("live")
    await tab.page.wait_for_selector("#banner", state="hidden")


async def test_the_age_of_the_last_line_is_visible(fake: Fake, tab: ConsoleTab) -> None:
    await tab.page.clock.install()
    await tab.open()
    await fake.events(fake.event(ms=START_MS - 300_000))  # of the history, by the server's clock
    await tab.says("#age", "last line 5 min ago")
    # By a clock ahead of ours: it counts from when it came, however long the page took to open.
    await fake.events(fake.event("newer", ms=START_MS + 60_000))
    await tab.sees("newer")
    await tab.says("#age", "last line 0.")
    await tab.page.clock.run_for(5_000)
    await tab.says("#age", "last line 5.")


async def test_an_empty_stream_teaches_and_a_filtered_one_says_what_it_hides(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await tab.says("#empty", "Listening")
    await tab.says("#empty", "logInfo(")
    await tab.page.select_option("#level", "error")
    await until(lambda: fake.of("filter"))
    await fake.status(ledger={"entries": 120, "shown": 0, "filtered": 120, "lost": {}})
    await tab.says("#empty", "120 lines did not match")
    await tab.page.click("#empty button:has-text('Reset the filters')")
    await until(lambda: len(fake.of("filter")) == 2)
    assert fake.of("filter")[1]["filter"]["level"] is None


async def test_gaps_in_sight_do_not_hide_why_no_line_matches(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open("?level=error")
    for _ in range(30):
        await fake.gap("producer", 37)
    await fake.status(ledger={"entries": 42, "shown": 0, "filtered": 42, "lost": {}})
    await tab.says("#empty", "42 lines did not match")
    gaps = await tab.page.locator("#lines").bounding_box()
    help_ = await tab.page.locator("#empty").bounding_box()
    assert gaps["height"] > 200
    assert help_["y"] >= gaps["y"] + gaps["height"]
    await fake.events(fake.event("an error", level="error"))
    await tab.page.wait_for_selector("#empty", state="hidden")


@pytest.mark.parametrize("size", [(1400, 900), (390, 600)])
async def test_the_notice_of_the_end_leaves_the_last_lines_in_sight_and_can_be_closed(
    fake: Fake, tab: ConsoleTab, size: tuple[int, int]
) -> None:
    await tab.page.set_viewport_size({"width": size[0], "height": size[1]})
    await tab.open()
    await fake.lines(200)
    await tab.sees("line 199")
    await fake.closing(4409, message="The grant was revoked.", checks=[
        {"rule": str(n), "ok": n > 0, "reason": f"Rule {n}", "hint": ""} for n in range(9)
    ])  # fmt: skip
    await tab.says("#closed-card", "The grant was revoked.")
    await tab.page.wait_for_function(
        """() => { const card = document.querySelector('#closed-card').getBoundingClientRect();
        const last = [...document.querySelectorAll('.line')].at(-1);
        return last.textContent.includes('line 199') && card.bottom <= innerHeight
          && last.getBoundingClientRect().bottom <= card.top }"""
    )
    await tab.page.keyboard.press("Escape")
    await tab.page.wait_for_selector("#closed-card", state="hidden")
    assert await tab.page.inner_text("#state-text") == "Ended"


async def test_a_closed_notice_can_be_read_again(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.closing(4410, message="olivia ended it.")
    await tab.page.click("#closed-card .close")
    await tab.page.click("#empty >> text=Show why")
    await tab.says("#closed-card", "olivia ended it.")


async def test_a_paused_page_does_not_say_that_it_is_live(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await tab.page.keyboard.press("p")
    assert await tab.page.inner_text("#state-text") == "Paused"
    await fake.status()
    await tab.page.keyboard.press("p")
    assert await tab.page.inner_text("#state-text") == "Live"


async def test_signing_out_elsewhere_leads_to_the_sign_in_page(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open("?q=slow")
    await fake.closing(4401, message="You signed out.")
    href = await tab.page.get_attribute("#closed-card a.primary", "href")
    assert href is not None
    assert href.startswith("/login/?next=%2Fextensions%2Finvoice-sync%2Fdebug")
    assert "q%3Dslow" in href
