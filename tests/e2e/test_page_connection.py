"""The page's connection: comes back at the same line, never after a final end, notices silence."""

from __future__ import annotations

import pytest

from extdebug.protocol.close_codes import CloseCode
from tests.e2e.conftest import ConsoleTab, until
from tests.e2e.protocol_server import Fake

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

FINAL = [code for code in CloseCode if code.final]


async def test_the_first_frame_is_a_subscribe_with_the_whole_view(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open("?tenant=acme&install=inst-acme&request=r-9&q=slow&level=warn&streams=log")
    subscribe = fake.received[0]
    assert subscribe == {
        "type": "subscribe",
        "target": {"extension": "invoice-sync", "tenant": "acme"},
        "filter": {
            "rev": 1, "installs": ["inst-acme"], "request": "r-9", "streams": ["log"],
            "level": "warn", "q": "slow",
        },
        "from": {"tail": 200},
    }  # fmt: skip


async def test_every_client_frame_is_one_that_the_server_reads(fake: Fake, tab: ConsoleTab) -> None:
    """The product's own strict parser judges what this page really sends."""
    import json

    from extdebug.protocol import client_frames

    await tab.open()
    first, last = fake.event("a"), fake.event("b")
    await fake.events(first)
    await fake.gap("not_consumed", 5, after=first["id"], before=last["id"])
    await fake.events(last)
    await tab.page.click(".gap button")
    await tab.page.click("#extend")
    await tab.page.keyboard.press("p")
    await fake.lines(5100)
    await until(lambda: fake.of("pause"))
    await tab.page.keyboard.press("p")
    await until(lambda: fake.of("resume"))
    await tab.page.click("[data-stream=stdout]")
    await tab.script("document.dispatchEvent(new Event('visibilitychange'))")
    kinds = {type(client_frames.parse(json.dumps(frame))).__name__ for frame in fake.received}
    assert {"Subscribe", "Fetch", "Extend", "SetFilter", "Pause", "Resume", "Ack"} <= kinds


async def test_acks_are_cumulative_and_fewer_than_the_server_allows(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.lines(5000)
    last = 50
    await until(lambda: fake.of("ack") and fake.of("ack")[-1]["seq"] == last)
    seqs = [frame["seq"] for frame in fake.of("ack")]
    assert seqs == sorted(set(seqs))
    assert len(seqs) < last


@pytest.mark.parametrize("code", FINAL, ids=lambda code: code.name)
async def test_a_final_end_is_explained_and_never_reconnects(
    fake: Fake, tab: ConsoleTab, code: CloseCode
) -> None:
    await tab.open()
    await fake.closing(int(code), message="Because of this.", hint="Do that.")
    await tab.state("closed")
    await tab.says("#closed-card", "Because of this.")
    await tab.says("#closed-card", "Do that.")
    # Every timer that could dial again is shorter than this when the attempt is the first one.
    await tab.page.evaluate("new Promise(done => setTimeout(done, 900))")
    assert fake.opened == 1


async def test_a_lost_connection_goes_on_at_the_same_line_of_the_same_session(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.events(fake.event("before"))
    await tab.sees("before")
    cursor = fake.cursor
    for socket in list(fake.sockets):
        await socket.close(1012)
    await until(lambda: len(fake.of("subscribe")) == 2)
    again = fake.of("subscribe")[1]
    assert again["from"] == {"cursor": cursor}
    assert again["resume"] == "s-1"
    await tab.sees("going on at the same line")
    await fake.events(fake.event("after"))
    await tab.sees("after")
    assert (await tab.messages()) == ["before", "after"]


async def test_a_new_session_after_the_end_goes_on_without_doubles(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.events(fake.event("before"))
    await tab.sees("before")
    await fake.closing(4408, message="The session's time is up.")
    await tab.page.click("text=Start a new session")
    await tab.state("live")
    again = fake.of("subscribe")[1]
    assert again["from"] == {"cursor": fake.cursor}
    assert "resume" not in again


async def test_busy_waits_as_long_as_the_server_says(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.closing(4429, final=False, retry=30, message="5 of 5 sessions are open.")
    await tab.state("waiting")
    await tab.says("#banner", "5 of 5 sessions are open.")
    shown = await tab.page.inner_text("#state-text")
    assert shown.startswith("Reconnecting in 0:3")
    assert fake.opened == 1


async def test_too_many_sessions_lead_to_where_one_can_be_ended(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    hint = "End a session under My access, or wait for one to end."
    await fake.closing(4429, final=False, retry=30, message="5 of 5 are open.", hint=hint)
    await tab.says("#banner", f"5 of 5 are open. {hint}")
    assert await tab.page.get_attribute("#banner a >> text=My access", "href") == "/access/"


async def test_a_half_open_connection_is_noticed_by_silence(fake: Fake, tab: ConsoleTab) -> None:
    fake.answer_pings = False
    await tab.page.clock.install()
    await tab.open()
    await tab.page.clock.run_for(5_100)
    await until(lambda: fake.of("ping"), what="the page asks whether anyone is there")
    await tab.page.clock.run_for(2_600)
    await tab.says("#state-text", "Not answering")
    await tab.page.clock.run_for(5_600)
    await until(lambda: fake.opened == 2, what="the page gave the silent connection up")


async def test_a_console_that_froze_for_a_moment_is_said_and_then_live_again(
    fake: Fake, tab: ConsoleTab
) -> None:
    fake.answer_pings = False
    await tab.page.clock.install()
    await tab.open()
    await tab.page.clock.run_for(8_000)
    await tab.says("#state-text", "Not answering")
    await fake.events(fake.event("late"))
    await tab.says("#state-text", "Live")
    await tab.page.clock.run_for(4_000)
    assert fake.opened == 1


async def test_disconnect_stays_disconnected_and_connect_goes_on(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.events(fake.event("one"))
    await tab.sees("one")
    await tab.page.click("#connect")
    await tab.state("idle")
    await until(lambda: not fake.sockets)
    await tab.page.click("#connect")
    await tab.state("live")
    assert fake.of("subscribe")[1]["from"] == {"cursor": fake.cursor}


async def test_leaving_the_page_closes_the_session(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await tab.page.goto("about:blank")
    await until(lambda: not fake.sockets)


async def test_waits_spread_out_and_stay_bounded(tab: ConsoleTab) -> None:
    await tab.open()
    waits = await tab.script(
        """async () => {
          const { backoff } = await import('/static/extdebug/connection.js');
          return {
            first: [backoff(0, 1006, null, 0), backoff(0, 1006, null, 1)],
            tenth: [backoff(10, 1006, null, 0), backoff(10, 1006, null, 1)],
            busy: [backoff(0, 4429, 30, 0), backoff(3, 4429, 30, 1)],
            restart: [backoff(0, 4012, null, 0), backoff(0, 1012, null, 1)],
            away: backoff(0, 4503, 6, 0),
          };
        }"""
    )
    assert waits["first"][0] < waits["first"][1] <= 1000
    assert waits["tenth"][1] <= 21_000
    assert waits["busy"] == [30_000, 37_500]
    assert waits["restart"][1] <= 1000
    assert waits["away"] == 6000


async def test_a_server_that_does_not_answer_at_all_is_tried_again(
    fake: Fake, tab: ConsoleTab
) -> None:
    fake.auto_ready = False
    await tab.page.clock.install()
    await tab.open(state=None)
    await until(lambda: fake.of("subscribe"))
    fake.auto_ready = True
    await tab.page.clock.run_for(16_000)  # gave up waiting, and dialled again within a second
    await until(lambda: fake.opened == 2)
    await tab.state("live")
