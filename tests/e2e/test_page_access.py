"""Access on the page: the form, the request that waits, its answer; as the server tells them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import ConsoleTab, until
from tests.e2e.protocol_server import Fake, page_config, tenant

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]
Json = dict[str, Any]

NO_GRANT = "You have no grant for this target."
CHECKS = [
    {"rule": "flag", "ok": True, "reason": "The console is switched on.", "hint": ""},
    {"rule": "grant", "ok": False, "reason": NO_GRANT, "hint": "Request access."},
]
SHUT: Json = {
    "allowed": False, "reason": NO_GRANT, "hint": "Request access.", "canRequest": True,
    "checks": CHECKS, "environment": "production",
}  # fmt: skip
FORM = "form.request-access"


def asked(state: str = "requested", **more: Any) -> Json:
    """An own request as the server tells it."""
    return {
        "grant": 12, "label": "G-12", "version": 1, "state": state, "changesIn": 3540,
        "startsAt": None, "minutes": 60, "requestedBy": "dan", "canAnswer": ["olivia", "oscar"],
        "canAnswerMore": 0, "approvals": 0, "approvalsRequired": 1, "answeredBy": "", "answer": "",
        "byMail": False, **more,
    }  # fmt: skip


def status(request: Json | None = None, **more: Any) -> Json:
    return {**SHUT, "request": request, "version": 2, **more}


def closed_page(fake: Fake, request: Json | None = None, **more: Any) -> None:
    """The page of a visit that is refused, as the server made it."""
    shut = tenant("acme", "inst-acme", "inst-acme-eu", **SHUT, request=request)
    fake.config = page_config(tenants=[shut], refused="acme", **more)


async def fills_and_sends(tab: ConsoleTab) -> None:
    await tab.page.fill("textarea[name=reason]", "Invoices stuck since noon")
    await tab.page.click(f"{FORM} button[type=submit]")


async def test_a_denial_shows_the_form_the_failed_check_and_folds_the_passed(
    fake: Fake, tab: ConsoleTab
) -> None:
    closed_page(fake)
    fake.grant_answer = (200, {"ok": True, "message": "Requested.", **status(asked())})
    await tab.open(state="denied")
    assert fake.opened == 0
    assert await tab.page.inner_text("#state-text") == "No access"
    await tab.says("#environment", "production")
    await tab.says(".checks .no", NO_GRANT)
    assert await tab.page.is_hidden(".checks .ok")
    await tab.page.click("text=1 access check passed")
    await tab.says(".checks .ok", "The console is switched on.")
    await tab.page.fill("input[name=ticket]", "SUP-7")
    await tab.page.select_option("select[name=minutes]", "30")
    await tab.page.uncheck(".boxes input[value=inst-acme-eu]")
    await fills_and_sends(tab)
    await tab.state("pending")
    path, body = fake.posted[0]
    assert path == "/api/ext-debug/grants"
    assert body == {
        "tenant": "acme",
        "extension": "invoice-sync",
        "installs": ["inst-acme"],
        "reason": "Invoices stuck since noon",
        "ticket": "SUP-7",
        "minutes": 30,
    }


async def test_a_refused_request_says_why_and_can_be_sent_again(
    fake: Fake, tab: ConsoleTab
) -> None:
    fake.grant_answer = (409, {"ok": False, "message": "One is pending already."})
    closed_page(fake)
    await tab.open(state="denied")
    await fills_and_sends(tab)
    await tab.says(".answer.no", "One is pending already.")
    assert await tab.page.input_value("textarea[name=reason]") == "Invoices stuck since noon"
    assert await tab.page.is_enabled(f"{FORM} button")
    tab.errors.clear()  # the browser reports the 409 itself


async def test_a_pending_request_is_shown_with_who_can_answer_and_can_be_withdrawn(
    fake: Fake, tab: ConsoleTab
) -> None:
    closed_page(fake, asked(byMail=True))
    await tab.open(state="pending")
    assert await tab.page.inner_text("#state-text") == "Waiting for approval"
    await tab.says(".own-request", "olivia or oscar can answer it. It expires in 59 min")
    await tab.says(".own-request", "you will hear by e-mail")
    assert await tab.page.locator(FORM).count() == 0
    fake.grant_answer = (200, {"ok": True, **status()})
    await tab.page.click("text=Withdraw")
    await tab.page.wait_for_selector(FORM)
    assert fake.posted == [("/api/ext-debug/grants/withdraw", {"grant": 12, "version": 1})]
    assert await tab.page.inner_text("#state-text") == "No access"


async def test_mail_is_promised_only_where_the_server_promises_it(
    fake: Fake, tab: ConsoleTab
) -> None:
    closed_page(fake, asked(canAnswer=[], canAnswerMore=0))
    await tab.open(state="pending")
    await tab.says(".own-request", "No operator can answer it now")
    assert "e-mail" not in await tab.page.inner_text("#closed-card")


async def test_an_approval_connects_the_page_and_a_denial_says_who_and_why(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.page.clock.install()
    closed_page(fake, asked())
    await tab.open(state="pending")
    fake.access = status(asked("denied", answeredBy="olivia", answer="no <b>ticket</b>"))
    await tab.page.clock.run_for(3_500)
    await tab.says(".own-request.bad", "olivia denied G-12: no <b>ticket</b>")
    await tab.state("denied")
    count = len(fake.access_asked)
    await tab.page.clock.run_for(30_000)
    assert len(fake.access_asked) == count, "nothing is pending, so nothing is asked"

    fake.access = None
    fake.grant_answer = (200, {"ok": True, **status(asked(grant=13, label="G-13"))})
    await fills_and_sends(tab)
    await tab.state("pending")
    fake.access = status(None, allowed=True, reason="", checks=[])
    await tab.page.clock.run_for(3_500)
    await tab.state("live")
    assert await tab.page.is_hidden("#closed-card")


async def test_a_hidden_page_asks_nothing_and_asks_at_once_when_it_is_seen_again(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.page.clock.install()
    closed_page(fake, asked())
    await tab.open(state="pending")
    await tab.script(
        "Object.defineProperty(document, 'hidden', { get: () => window.away, configurable: true });"
        "window.away = true"
    )
    await tab.page.clock.run_for(60_000)
    before = len(fake.access_asked)
    assert before <= 1
    fake.access = status(asked("lapsed"))
    await tab.script("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    await tab.says(".own-request", "G-12 expired without a decision.")
    assert len(fake.access_asked) == before + 1


async def test_after_a_revoke_one_can_ask_again_under_the_last_lines(
    fake: Fake, tab: ConsoleTab
) -> None:
    await tab.open()
    await fake.lines(50)
    await tab.sees("line 49")
    fake.access = status(asked("revoked", answeredBy="olivia", answer="the customer asked"))
    await fake.closing(4409, message="Your grant was revoked.", checks=CHECKS, canRequest=True)
    await tab.says(".own-request.bad", "olivia revoked G-12: the customer asked")
    await tab.says("#closed-card", "Access revoked")
    primary = await tab.page.locator("#closed-card .primary").all_inner_texts()
    assert primary == ["Request access"]
    assert await tab.page.inner_text("#state-text") == "Ended"


async def test_connect_asks_the_server_again(fake: Fake, tab: ConsoleTab) -> None:
    closed_page(fake)
    await tab.open(state="denied")
    await tab.page.click("#connect")
    await tab.state("live")


async def test_a_tenant_chosen_on_the_page_is_asked_of_the_server_which_records_it(
    fake: Fake, tab: ConsoleTab
) -> None:
    shut = tenant("globex", **SHUT)
    waiting = tenant("initech", **SHUT, request=asked())
    fake.config = page_config(tenants=[tenant("acme"), shut, waiting])
    await tab.open("?tenant=acme")
    options = await tab.page.locator("#tenant option").all_inner_texts()
    assert options == [
        "Acme (acme)", "Globex (globex) (no access)", "Initech (initech) (waiting for approval)",
    ]  # fmt: skip
    fake.auto_ready = False
    before = fake.opened
    await tab.page.select_option("#tenant", "globex")
    await until(lambda: fake.opened > before)


async def test_a_link_to_a_tenant_that_is_not_theirs_leads_to_their_own(
    fake: Fake, tab: ConsoleTab
) -> None:
    fake.config = page_config(
        tenants=[tenant("acme", "inst-acme"), tenant("globex", "inst-globex")]
    )
    fake.auto_ready = False
    await tab.page.goto(fake.url("?tenant=initech"))
    await until(lambda: fake.of("subscribe"))
    fake.sockets.append(fake.last)
    await fake.closing(4404, message="There is no such tenant and extension.")
    await tab.says("#closed-card", "There is no such tenant and extension.")
    ways = await tab.page.locator("#closed-card .acts a").all_inner_texts()
    assert ways == ["Open Acme", "Open Globex", "All extensions"]
    assert await tab.page.locator(".primary:visible").all_inner_texts() == ["Open Acme"]
    fake.auto_ready = True
    await tab.page.click("text=Open Globex")
    await tab.state("live")
    assert fake.of("subscribe")[-1]["target"]["tenant"] == "globex"


SIZES = [(1440, 900), (1024, 768), (390, 844), (720, 450)]


@pytest.mark.parametrize("answered", [False, True], ids=["fresh", "denied"])
async def test_the_form_is_in_sight(fake: Fake, tab: ConsoleTab, answered: bool) -> None:
    request = asked("denied", answeredBy="olivia", answer="no ticket") if answered else None
    closed_page(fake, request)
    for width, height in SIZES:
        await tab.page.set_viewport_size({"width": width, "height": height})
        await tab.open(state="denied")
        card = await tab.page.locator("#closed-card").bounding_box()
        for part in ("textarea[name=reason]", "input[name=ticket]", f"{FORM} button[type=submit]"):
            box = await tab.page.locator(part).bounding_box()
            place = (width, height, part, box, card)
            assert box["y"] >= card["y"], place
            assert box["y"] + box["height"] <= min(height, card["y"] + card["height"]), place
            assert box["x"] >= card["x"], place
            assert box["x"] + box["width"] <= min(width, card["x"] + card["width"]), place
