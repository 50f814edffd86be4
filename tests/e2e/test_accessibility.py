"""axe-core finds nothing serious on the console's states in either theme."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.axe import OF_COLOUR, Inspection
from tests.e2e.conftest import ConsoleTab
from tests.e2e.protocol_server import START_MS, Fake, iso, page_config, tenant
from tests.e2e.real_filter import RealFilter
from tests.e2e.request_flows import Flows
from tests.e2e.test_page_access import CHECKS, asked, closed_page, status
from tests.e2e.test_page_context import errors_only
from tests.e2e.test_page_requests import three_flows
from tests.e2e.test_page_time_line import END, SINCE, opened, overview

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]


async def look(tab: ConsoleTab, inspection: Inspection, state: str) -> None:
    """At what the tab shows: everything in the light, what colours can spoil in the dark."""
    await tab.page.emulate_media(color_scheme="light", reduced_motion="reduce")
    await inspection.look(tab.page, f"{state}, light")
    await tab.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    await inspection.look(tab.page, f"{state}, dark", only=OF_COLOUR)


async def everything(fake: Fake, tab: ConsoleTab) -> None:
    """Lines of every kind in production on a break-glass grant, with what stands around them."""
    grant = {
        "id": 17, "label": "G-17", "until": iso(START_MS + 3_600_000),
        "reason": "invoices stuck since noon", "breakGlass": True,
    }  # fmt: skip
    many = [tenant("acme", "inst-acme", "inst-eu", environment="production"), tenant("globex")]
    fake.config = page_config(tenants=many)
    fake.ready_more = {"grant": grant, "environment": "production"}
    fake.overview = overview
    await tab.open("?tenant=acme&q=-nothing&request=req-1")
    made = [
        fake.event(f"{level} to {output}", level=level, stream=output, installId=install)
        for level in ("trace", "debug", "info", "warn", "error")
        for output in ("stdout", "stderr", "log")
        for install in ("inst-acme", "inst-eu")
    ]
    made += [
        fake.event("".join(f"\x1b[{n}m colour {n} \x1b[0m" for n in (*range(30, 38), 90, 97, 41))),
        fake.event("token=\u00abbearer\u00bb", redacted=["bearer"], truncated=True),
        fake.event("see https://docs.test/ \u202e \x07", fields={"ms": 812, "of": {"a": [1, 2]}}),
    ]
    await fake.events(*made)
    await fake.gap("producer", 37, detail="the runner's queue was full")
    await fake.gap("not_consumed", 3, after="1-0", before="2-0")
    await fake.status("degraded", "Redis does not answer.")
    await tab.sees("lines skipped")


async def time_line(fake: Fake, tab: ConsoleTab) -> None:
    await opened(fake, tab, f"?from={iso(SINCE)}&until={iso(END)}")


async def opened_line(fake: Fake, tab: ConsoleTab) -> None:
    await everything(fake, tab)
    await tab.page.click(".line:has-text('docs.test') .msg", position={"x": 2, "y": 4})
    await tab.page.wait_for_selector(".detail")


async def trace(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    lines = "Traceback (most recent call last):\n  File 'a.py', line 1\nValueError: no such invoice"
    await fake.events(fake.event(lines, stream="stderr", level="error"))
    await tab.page.click(".line")
    await tab.page.wait_for_selector(".detail")


async def bars(fake: Fake, tab: ConsoleTab) -> None:
    await everything(fake, tab)
    await tab.page.click("#highlight")
    await tab.page.fill("#highlight-bar input", "error")
    await tab.page.keyboard.press("Enter")
    await tab.page.click("#find")
    await tab.page.fill("#find-bar input", "stderr")
    await tab.page.wait_for_selector("#lines mark")


async def menus(fake: Fake, tab: ConsoleTab) -> None:
    """All but those that would lie over another: a reader has one menu of the toolbar open."""
    await everything(fake, tab)
    await tab.page.evaluate(
        "document.querySelectorAll('details').forEach(n => {"
        " n.open = !['view-menu', 'from-menu'].includes(n.id) })"
    )


async def view_menu(fake: Fake, tab: ConsoleTab) -> None:
    await everything(fake, tab)
    await tab.page.click("#view-menu summary")


async def proposals(fake: Fake, tab: ConsoleTab) -> None:
    await everything(fake, tab)
    await tab.page.fill("#q", "level")
    await tab.page.wait_for_selector("#q-list [role=option]")


async def context(fake: Fake, tab: ConsoleTab) -> None:
    await errors_only(fake, tab)
    await tab.page.click("#lines .line >> nth=0")
    await tab.page.click("[data-act=context]")
    await tab.page.wait_for_selector("#context-lines .line.linked")


async def hidden_lines(fake: Fake, tab: ConsoleTab) -> None:
    RealFilter(fake).lines = [fake.event(f"order {n}", level="warn") for n in range(25)]
    await tab.open("?q=invoice&level=error")
    await tab.page.click("#empty button:has-text('Show the last 20')")
    await tab.page.wait_for_selector("#hidden-lines .hidden-by")


async def refused_filter(fake: Fake, tab: ConsoleTab) -> None:
    fake.refuse = {"code": "filter", "message": "A quote is open.", "position": 3}
    await tab.open()
    await tab.page.fill("#q", 'a "b')
    await tab.page.keyboard.press("Enter")
    await tab.says("#q-error", "quote")


async def requests(fake: Fake, tab: ConsoleTab) -> None:
    flows: Flows = await three_flows(fake, tab)
    await fake.events(flows.end("r-open", "trap", 3.5))
    await tab.page.click(".request-row:has-text('r-bad')")
    await tab.page.wait_for_selector(".request-row:has-text('trap')")


async def no_requests(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open("?view=requests")
    await fake.events(fake.event("outside of any request", requestId=None))
    await tab.page.wait_for_selector("#requests-none")


async def denied(fake: Fake, tab: ConsoleTab) -> None:
    closed_page(fake)
    await tab.open(state="denied")
    await tab.page.click("#closed-card summary >> nth=0")


async def pending(fake: Fake, tab: ConsoleTab) -> None:
    closed_page(fake, asked(byMail=True))
    await tab.open(state="pending")


async def revoked(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.lines(50)
    await tab.sees("line 49")
    fake.access = status(asked("revoked", answeredBy="olivia", answer="the customer asked"))
    await fake.closing(4409, message="Your grant was revoked.", checks=CHECKS, canRequest=True)
    await tab.says(".own-request.bad", "olivia revoked G-12")


async def expiring(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await fake.lines(3)
    await fake.send({"type": "expiring", "expiresAt": iso(START_MS + 60_000), "ttl": 55})
    await tab.page.wait_for_selector("#expiring:not([hidden])")


async def empty(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await tab.page.wait_for_selector("#empty:not([hidden])")


async def choose(fake: Fake, tab: ConsoleTab) -> None:
    shut = tenant("globex", allowed=False, reason="You have no grant.", canRequest=True)
    fake.config = page_config(tenants=[tenant("acme"), shut])
    await tab.open(state=None)
    await tab.says("body", "Choose a tenant")


async def help_dialog(fake: Fake, tab: ConsoleTab) -> None:
    await tab.open()
    await tab.page.keyboard.press("?")
    await tab.page.wait_for_selector("#help-dialog[open]")


async def telephone(fake: Fake, tab: ConsoleTab) -> None:
    await tab.page.set_viewport_size({"width": 390, "height": 844})
    await everything(fake, tab)
    await tab.page.click("#filters-fold")
    await tab.page.click("#time-fold")
    await tab.page.wait_for_selector("#time-bars")


STATES = [
    everything, time_line, opened_line, trace, bars, menus, view_menu, proposals, context,
    hidden_lines, refused_filter, requests, no_requests, denied, pending, revoked, expiring, empty,
    choose, help_dialog, telephone,
]  # fmt: skip


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
async def test_the_console_in_this_state(fake: Fake, tab: ConsoleTab, state: Any) -> None:
    await state(fake, tab)
    inspection = Inspection()
    await look(tab, inspection, state.__name__)
    inspection.verdict()


async def test_what_is_planted_is_found(tab: ConsoleTab) -> None:
    """A grave fault, one of the rules that are off in axe, and a colour of one theme."""
    await tab.open()
    await tab.page.evaluate(
        """() => {
          const bad = document.querySelector('.foot').appendChild(document.createElement('div'));
          bad.append(document.createElement('input'), ' ');
          for (const word of 'ab') {
            const tiny = bad.appendChild(document.createElement('button'));
            Object.assign(tiny.style, { width: '9px', height: '9px', padding: 0, border: 0 });
            tiny.textContent = word;
          }
          const pale = bad.appendChild(document.createElement('p'));
          pale.textContent = 'pale in the dark only';
          pale.style.color = 'light-dark(#000, #333)';
          pale.style.background = 'light-dark(#fff, #222)';
        }"""
    )
    inspection = Inspection()
    await look(tab, inspection, "planted")
    with pytest.raises(AssertionError) as failed:
        inspection.verdict()
    for found in ("light: label", "light: target-size", "dark: color-contrast"):
        assert f"planted, {found}" in str(failed.value)
