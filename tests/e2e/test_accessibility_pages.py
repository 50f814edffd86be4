"""axe-core finds nothing serious on any page of the live console, the admin's included."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable
from typing import Any, Final

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, Permission, User
from django.template.loader import render_to_string
from django.utils import timezone

from extdebug.demo.sample import Cast
from extdebug.models import DebugSession, Process
from policies import consent
from policies.changes import requests
from policies.changes import verbs as changes
from policies.changes.second_person import NeedsSecond
from policies.grants import verbs
from policies.identity import tokens
from policies.models import Grant, Lock, RedactionRule
from tests.e2e.axe import OF_COLOUR, Inspection
from tests.fixtures.console import Console, session_key
from tests.fixtures.redis import RedisServer

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]
PRODUCTION: Final = {
    "EXT_DEBUG_ENVIRONMENT": "production",
    "EXT_DEBUG_UI_ENABLED": "true",
    "HTTPS_ONLY": "false",
}
TARGET: Final[dict[str, Any]] = {"tenant": "acme", "extension": "invoice-sync"}
# select2 draws its boxes some time after the page has loaded.
_DRAWN: Final = """() => [...document.querySelectorAll('select.admin-autocomplete')]
  .every(n => n.name.includes('__prefix__') || n.matches('.select2-hidden-accessible'))"""
LISTS: Final = [
    f"{app}/{model}/"
    for app, models in {
        "policies": (
            "accesstoken", "capability", "changerequest", "consent", "environmentpolicy",
            "extension", "extensiondeveloper", "grant", "install", "limits", "lock", "membership",
            "productionmode", "redactionrule", "tenant",
        ),
        "extdebug": ("debugsession", "process"),
        "auth": ("user", "group"),
        "audit": ("auditrecord", "checkpoint", "outbox"),
    }.items()
    for model in models
]  # fmt: skip


class Visitor:
    """A person's tab, which looks at pages in the light and in the dark."""

    def __init__(self, page: Any, console: Console, inspection: Inspection) -> None:
        self.page = page
        self.console = console
        self.inspection = inspection

    async def sees(self, *paths: str, status: int = 200) -> None:
        for path in paths:
            answer = await self.page.goto(f"{self.console.url}{path}")
            assert answer.status == status, f"{path}: {answer.status}"
            await self.page.wait_for_function(_DRAWN)
            await self.looks(path)

    async def looks(self, what: str) -> None:
        await self._theme("light")
        await self.inspection.look(self.page, f"{what}, light")
        await self._theme("dark")
        await self.inspection.look(self.page, f"{what}, dark", only=OF_COLOUR)

    async def fits_a_phone(self) -> None:
        """The tab is not wider than a phone, and no cell of a table is left out on it."""
        wide = self.page.viewport_size
        await self.page.set_viewport_size({"width": 400, "height": 900})
        assert await self.page.evaluate("document.documentElement.scrollWidth") == 400
        hidden = await self.page.evaluate(
            "() => [...document.querySelectorAll('main td:not(:empty)')]"
            ".filter(cell => !cell.checkVisibility()).map(cell => cell.textContent)"
        )
        assert hidden == []
        await self.page.set_viewport_size(wide)

    async def _theme(self, name: str) -> None:
        """The system's, which our own pages follow, and what the admin's own switch chooses."""
        await self.page.emulate_media(color_scheme=name, reduced_motion="reduce")
        unfold = await self.page.locator("html[x-data]").count()
        if unfold and not await self.page.locator(f"html.{name}").count():
            await self.page.keyboard.press("Control+e")
            await self.page.wait_for_selector(f"html.{name}", state="attached")

    async def presses(self, selector: str, shows: str) -> None:
        """Press what leads to a page, and look at it."""
        await self.page.locator(selector).first.click()
        await self.page.get_by_text(shows).first.wait_for()
        await self.looks(shows)


@pytest.fixture
def visitor(chromium: Any, live_console: Callable[..., Console], settings: Any) -> Any:
    """`await visitor(user)`: a tab of theirs on the one console of this test, which the first
    visit starts."""
    settings.EXT_DEBUG_ENVIRONMENT = "production"
    settings.EXT_DEBUG_UI_ENABLED = True
    inspection = Inspection()
    started: list[Console] = []

    async def visit(user: User | None, *, redis_url: str = "") -> Visitor:
        if not started:
            started.append(await sync_to_async(live_console)(redis_url=redis_url, **PRODUCTION))
        context = await chromium.new_context(viewport={"width": 1360, "height": 900})
        context.set_default_timeout(8000)
        await context.add_init_script("localStorage.setItem('adminTheme', '\"light\"')")
        if user is not None:
            key = await sync_to_async(session_key)(user)
            url = started[0].url
            await context.add_cookies([{"name": "sessionid", "value": key, "url": url}])
        return Visitor(await context.new_page(), started[0], inspection)

    return visit


def session_of(user: User, grant: Grant | None, **more: Any) -> DebugSession:
    now = timezone.now()
    return DebugSession.objects.create(
        user=user, username=user.username, **TARGET, environment="production", transport="ws",
        opened_at=now, expires_at=now + dt.timedelta(minutes=9), ip="192.0.2.7",
        extendable_until=now + dt.timedelta(hours=1), process="console-1", holder="h",
        grant=grant, filters=[{"q": "error"}], shown=120, lost={"retention": 3}, **more,
    )  # fmt: skip


def ask(by: User, reason: str = "a customer waits") -> Grant:
    return verbs.request(by, **TARGET, minutes=60, reason=reason, ticket="SUP-1")


def busy(cast: Cast) -> dict[str, Any]:
    """One of everything that a desk can show; their ids."""
    now = timezone.now()
    active = verbs.approve(ask(cast.dan).pk, by=cast.oscar, comment="go on")
    glass = verbs.break_glass(cast.oscar, **TARGET, minutes=10, reason="all invoices fail")
    denied = verbs.deny(ask(cast.alice).pk, by=cast.oscar, reason="please name the invoice")
    pending = ask(cast.dora)
    live = session_of(cast.dan, active)
    session_of(cast.oscar, glass)
    past = session_of(
        cast.dan,
        active,
        closed_at=now + dt.timedelta(minutes=1),
        close_code=4409,
        close_reason="grant",
    )
    token = tokens.issue(cast.dan, name="terminal", extension=cast.invoice_sync).token
    consent.give(cast.acme, by=cast.alice, note="yes")
    RedactionRule.objects.create(name="customer-number", pattern=r"KD-\d{6}")
    lock = Lock.objects.create(tenant=cast.globex, reason="an audit", created_by=cast.oscar)
    with pytest.raises(NeedsSecond) as needs:
        changes.delete(lock, by=cast.oscar)
    change = requests.ask(needs.value.plan, by=cast.oscar, reason="the audit is over")
    group = Group.objects.create(name="Operators")
    cast.olivia.user_permissions.add(*Permission.objects.filter(content_type__app_label="auth"))
    stream = {"watchers": 1, "backlog": 4, "lag_ms": 2, "length": 900, "retention_ms": 60_000}
    slow = {**stream, "target": "globex:report-maker", "lag_ms": 90_000, "lost": {"retention": 7}}
    for name, beat, streams in (
        ("console-1", now, [{**stream, "target": "acme:invoice-sync"}, slow]),
        ("console-2", now - dt.timedelta(minutes=9), [{**stream, "target": "acme:report-maker"}]),
    ):
        Process.objects.create(name=name, host="h", pid=1, started_at=beat, beat_at=beat,
                               server="uvicorn", health={"streams": streams})  # fmt: skip
    return {
        "active": active.pk, "glass": glass.pk, "denied": denied.pk, "pending": pending.pk,
        "live": live.pk, "past": past.pk, "token": token.pk, "lock": lock.pk, "change": change.pk,
        "group": group.pk,
    }  # fmt: skip


async def _answer(route: Any, *, body: str) -> None:
    await route.fulfill(body=body, content_type="text/html; charset=utf-8")


async def test_the_pages_of_authors_tenants_and_strangers(visitor: Any, cast: Cast) -> None:
    await sync_to_async(busy)(cast)
    nobody = await visitor(None)
    await nobody.sees("/login/")
    await nobody.page.goto(f"{nobody.console.url}/login/")
    await nobody.page.fill("[name=username]", "nobody")
    await nobody.page.fill("[name=password]", "nothing")
    await nobody.presses("main button", "Sign in")

    dan = await visitor(cast.dan)
    await dan.sees("/extensions/", "/access/", "/extensions/invoice-sync/debug?tenant=globex")
    await dan.sees("/nowhere/", "/tenant/acme/", status=404)
    await dan.page.goto(f"{dan.console.url}/access/")
    await dan.fits_a_phone()
    await dan.page.fill("form[action$='/tokens/'] [name=name]", "laptop")
    await dan.page.locator("form[action$='/tokens/'] [name=extension]").select_option(index=1)
    await dan.presses("form[action$='/tokens/'] button", "laptop")

    alice = await visitor(cast.alice)
    await alice.sees("/access/", "/tenant/acme/")
    await alice.fits_a_phone()
    await alice.presses("#consent [value=withdraw]", "Nothing has been changed yet.")

    mallory = await visitor(cast.mallory)
    await mallory.sees("/extensions/", "/access/")
    refused = {"title": "Too many attempts", "message": "Try again in a minute."}
    for name in ("403.html", "404.html", "500.html", "refused.html"):
        body = render_to_string(name, {**refused, "request": None})
        await mallory.page.unroute_all()
        await mallory.page.route("**/made/", functools.partial(_answer, body=body))
        await mallory.sees("/made/")
    mallory.inspection.verdict()


@pytest.mark.parametrize("half", [0, 1])
async def test_the_lists_of_the_desk(visitor: Any, cast: Cast, half: int) -> None:
    await sync_to_async(busy)(cast)
    olivia = await visitor(cast.olivia)
    await olivia.sees(*[f"/admin/{path}" for path in ("", *LISTS)[half::2]])
    olivia.inspection.verdict()


async def test_the_pages_of_grants(visitor: Any, cast: Cast) -> None:
    made = await sync_to_async(busy)(cast)
    olivia = await visitor(cast.olivia)
    of_grant = [
        (made["active"], ("change", "revoke")), (made["glass"], ("change", "revoke")),
        (made["denied"], ("change",)), (made["pending"], ("change", "approve", "deny", "history")),
    ]  # fmt: skip
    await olivia.sees(
        *[f"/admin/policies/grant/{pk}/{verb}/" for pk, verbs in of_grant for verb in verbs],
        "/admin/policies/grant/request/", "/admin/policies/grant/break-glass/",
        "/admin/policies/grant/why/",
        "/admin/policies/grant/why/?person=dora&tenant=acme&extension=invoice-sync",
    )  # fmt: skip
    olivia.inspection.verdict()


async def test_the_other_pages_of_the_desk(visitor: Any, cast: Cast) -> None:
    made = await sync_to_async(busy)(cast)
    olivia = await visitor(cast.olivia)
    await olivia.sees(
        f"/admin/policies/changerequest/{made['change']}/change/",
        f"/admin/policies/tenant/{cast.acme.pk}/change/",
        f"/admin/policies/extension/{cast.invoice_sync.pk}/change/",
        f"/admin/policies/lock/{made['lock']}/change/",
        f"/admin/policies/lock/{made['lock']}/delete/",
        f"/admin/policies/lock/{made['lock']}/history/",
        "/admin/policies/lock/add/", "/admin/policies/redactionrule/add/",
        "/admin/policies/accesstoken/add/",
        f"/admin/policies/accesstoken/{made['token']}/revoke/",
        f"/admin/extdebug/debugsession/{made['live']}/change/",
        f"/admin/extdebug/debugsession/{made['live']}/end/",
        f"/admin/extdebug/debugsession/{made['past']}/change/",
        "/admin/extdebug/process/console-1/change/",
        "/admin/audit/auditrecord/1/change/",
        f"/admin/auth/user/{cast.dan.pk}/change/", "/admin/password_change/",
        f"/admin/auth/group/{made['group']}/change/",
    )  # fmt: skip
    olivia.inspection.verdict()


async def test_what_the_desk_asks_before_it_acts(visitor: Any, cast: Cast) -> None:
    """Pages that answer a POST: a cut to confirm, a second person to ask, rows chosen in a list."""
    made = await sync_to_async(busy)(cast)
    olivia = await visitor(cast.olivia)
    admin = f"{olivia.console.url}/admin/"
    await olivia.page.goto(f"{admin}policies/lock/{made['lock']}/delete/")
    await olivia.presses("#main [type=submit]", "Ask a second operator?")
    await olivia.page.goto(f"{admin}policies/tenant/{cast.acme.pk}/change/")
    await olivia.page.locator("[name=suspended]").check(force=True)
    await olivia.presses("[name=_save]", "Go on and cut")
    for path, act, asks in (
        ("policies/grant/", "revoke_selected", "Left as they are:"),
        ("policies/accesstoken/", "revoke_selected", "Revoke 1 access token?"),
        ("extdebug/debugsession/", "end_selected", "Over already:"),
    ):
        await olivia.page.goto(f"{admin}{path}")
        for row in await olivia.page.locator("#result_list input.action-select").all():
            await row.check()
        await olivia.page.locator("[name=action]").select_option(act)
        await olivia.presses("#changelist-actions button[name=index], button[name=index]", asks)
    olivia.inspection.verdict()


async def test_what_the_desk_answers_to_what_is_refused_or_another_by_now(
    visitor: Any, cast: Cast
) -> None:
    made = await sync_to_async(busy)(cast)
    olivia = await visitor(cast.olivia)
    admin = f"{olivia.console.url}/admin/"
    await olivia.page.goto(f"{admin}policies/grant/{made['pending']}/approve/")
    await sync_to_async(verbs.withdraw)(made["pending"], by=cast.dora)
    await olivia.presses("form.ask button.main", "Not done.")
    await olivia.page.goto(f"{admin}policies/changerequest/{made['change']}/change/")
    await sync_to_async(requests.withdraw)(made["change"], by=cast.oscar)
    await olivia.presses("form.ask button.main", "Not done.")
    await olivia.page.goto(f"{admin}policies/extension/{cast.invoice_sync.pk}/change/")
    await sync_to_async(type(cast.invoice_sync).objects.update)(name="Changed meanwhile")
    await olivia.presses("[name=_save]", "Somebody changed it since you opened the form")
    await olivia.page.goto(f"{admin}policies/grant/break-glass/")
    for name, value in {**TARGET, "reason": "all invoices fail"}.items():
        await olivia.page.fill(f"form.ask [name={name}]", value)
    await olivia.presses("form.ask button.danger", "Break-glass access would alert nobody")
    olivia.inspection.verdict()


async def test_purging_a_stream_and_asking_who_was_shown_it(
    visitor: Any, cast: Cast, redis_server: RedisServer
) -> None:
    await sync_to_async(busy)(cast)
    with redis_server.client() as redis:
        redis.xadd("ext-debug:acme:invoice-sync", {"message": "token=secret"})
    olivia = await visitor(cast.olivia, redis_url=redis_server.url)
    await olivia.sees(
        "/admin/extdebug/process/shown/?tenant=acme&extension=invoice-sync",
        "/admin/extdebug/process/purge/?tenant=acme&extension=invoice-sync",
    )
    await olivia.page.fill("form.ask [name=reason]", "a secret was printed")
    await olivia.presses("form.ask button.main", "Purge 1 line of acme:invoice-sync?")
    await olivia.presses("form.ask button.danger", "are gone for good")
    olivia.inspection.verdict()


async def test_what_opens_on_the_pages_of_the_desk(visitor: Any, cast: Cast) -> None:
    await sync_to_async(busy)(cast)
    olivia = await visitor(cast.olivia)
    await olivia.page.goto(f"{olivia.console.url}/admin/audit/auditrecord/")
    await olivia.presses("form[action$='/verify/'] button", "Last verified")
    await olivia.page.locator("#nav-sidebar-inner [role=button]", has_text="olivia").focus()
    await olivia.page.keyboard.press("Enter")
    await olivia.page.get_by_text("Log out").wait_for()
    await olivia.looks("the menu of the person")
    await olivia.page.goto(f"{olivia.console.url}/admin/policies/grant/")
    await olivia.presses("a[x-on\\:click*='filterOpen = true']", "Apply Filters")
    await olivia.page.goto(f"{olivia.console.url}/admin/policies/grant/")
    await olivia.page.locator("#result_list input.action-select").first.check()
    await olivia.looks("a chosen row")
    olivia.inspection.verdict()


async def test_what_only_heard_clicks_has_a_name_and_hears_the_keyboard(
    visitor: Any, cast: Cast
) -> None:
    olivia = await visitor(cast.olivia)
    page = olivia.page
    await page.goto(f"{olivia.console.url}/admin/policies/lock/add/")
    for label in ("User", "Tenant", "Extension"):
        await page.get_by_role("combobox", name=label).wait_for()
    await page.get_by_role("link", name="Go back", exact=True).wait_for()
    sidebar = page.locator("#nav-sidebar-inner")
    toggle = page.get_by_role("button", name="Show or hide the sidebar")
    await toggle.focus()
    for key, state in (("Enter", "hidden"), (" ", "visible")):
        await page.keyboard.press(key)
        await sidebar.wait_for(state=state)
    assert await page.get_by_role("main").count() == 1
