"""Signing in by a provider and confirming with a passkey, in a real browser with real servers.

The passkey is Chromium's own virtual authenticator; the provider is the package oidc-provider.
Each page of it is looked at by axe-core, light and dark, wide and narrow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from pytest_django import Settings

from extdebug.demo.sample import Cast
from policies.models import Grant, Membership
from policies.second_factor import factors
from tests.e2e.axe import Inspection
from tests.fixtures.cast import PASSWORD
from tests.fixtures.console import Console
from tests.fixtures.oidc import SECRET, Provider
from tests.policies.conftest import request
from tests.policies.second_factor_by_hand import app_of, code

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]
PRODUCTION: Final = {
    "EXT_DEBUG_ENVIRONMENT": "production",
    "EXT_DEBUG_UI_ENABLED": "true",
    "HTTPS_ONLY": "false",
    "EXT_DEBUG_STREAM_MODE": "redis",
}
SIZES: Final = ((1440, 900), (390, 844))


@pytest.fixture
def production(settings: Settings) -> None:
    """The rules of production for what this process asks and decides itself."""
    settings.EXT_DEBUG_ENVIRONMENT = "production"
    settings.EXT_DEBUG_UI_ENABLED = True


class Tab:
    """A tab that fails the test with whatever the browser complains of."""

    def __init__(self, page: Any, console: Console) -> None:
        self.page = page
        # A passkey needs a host name: an address of numbers has none.
        self.origin = f"http://localhost:{console.port}"
        self.inspection = Inspection()
        self.complaints: list[str] = []
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))

    async def open(self, address: str) -> None:
        await self.page.goto(f"{self.origin}{address}")

    async def sign_in(self, name: str, at: str) -> None:
        await self.open(f"/login/?next={at}")
        await self.page.get_by_label("Name").fill(name)
        await self.page.get_by_label("Password").fill(PASSWORD)
        await self.page.get_by_role("button", name="Sign in", exact=True).click()
        await self.page.wait_for_url(f"**{at}")

    async def look(self, name: str) -> None:
        for theme in ("light", "dark"):
            await self.page.emulate_media(color_scheme=theme)
            for width, height in SIZES:
                await self.page.set_viewport_size({"width": width, "height": height})
                await self.inspection.look(self.page, f"{name} ({theme}, {width})")
                wide = await self.page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{name} scrolls sideways at {width}"

    def close(self) -> None:
        assert not self.complaints
        self.inspection.verdict()


async def passkey_in(page: Any) -> None:
    """A virtual authenticator in this tab, which answers at once."""
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


async def test_a_person_of_the_provider_comes_in_with_their_groups(
    live_console: Callable[..., Console], provider: Provider, cast: Cast, browser: Any
) -> None:
    console = await sync_to_async(live_console)(
        OIDC_ISSUER=provider.issuer, OIDC_CLIENT_ID="console", OIDC_CLIENT_SECRET=SECRET,
        OIDC_NAME="Acme ID", OIDC_SCOPES="openid,profile,email,groups",
        OIDC_ROLES="leads=admin:acme;leads=developer:invoice-sync/inst-acme",
    )  # fmt: skip
    tab = Tab(await browser.new_page(), console)
    back = f"{tab.origin}/login/provider/callback/"
    await sync_to_async(provider.control)(redirects=[back])
    await sync_to_async(provider.knows)("s-1", preferred_username="lena", groups=["leads"])

    await tab.open("/extensions/")
    await tab.page.get_by_text("or with a password").wait_for()
    await tab.look("sign-in")
    await tab.page.get_by_role("link", name="Sign in with Acme ID").click()
    await tab.page.wait_for_url("**/extensions/")
    await tab.page.get_by_text("Invoice Sync").first.wait_for()
    assert await sync_to_async(Membership.objects.filter(user__username="lena").exists)()

    await tab.page.get_by_role("button", name="Sign out").click()
    await sync_to_async(provider.control)(forge="stranger")
    await tab.page.get_by_role("link", name="Sign in with Acme ID").click()
    await tab.page.get_by_text("its signature is not valid").wait_for()
    await tab.look("refused")
    tab.complaints = [each for each in tab.complaints if "403" not in each]  # the answer itself
    await sync_to_async(provider.control)(redirects=[], forge="")
    tab.close()


async def test_an_approval_by_a_passkey(
    live_console: Callable[..., Console], cast: Cast, browser: Any, production: None
) -> None:
    grant = await sync_to_async(request)(cast.dan)
    console = await sync_to_async(live_console)(
        **PRODUCTION, REQUIRE_SECOND_FACTOR="on", SECOND_FACTOR_SECONDS="600"
    )
    tab = Tab(await browser.new_page(), console)
    await passkey_in(tab.page)
    await tab.sign_in("olivia", "/access/second-factor/")
    await tab.look("adding a factor")
    await tab.page.get_by_label("Name", exact=True).fill("Blue key")
    await tab.page.get_by_role("button", name="Add passkey").click()
    await tab.page.get_by_text("The passkey Blue key was added.").wait_for()
    await tab.look("codes shown once")
    assert await sync_to_async(factors.codes_left)(cast.olivia) == 10

    # In a sign-in of its own, where nothing is proved yet; the key is the browser's.
    await tab.page.get_by_role("button", name="Sign out").click()
    approve = f"/admin/policies/grant/{grant.pk}/approve/"
    await tab.sign_in("olivia", "/access/")
    await tab.open(approve)
    await tab.page.get_by_role("heading", name="Confirm it is you").wait_for()
    await tab.look("confirming")
    await tab.page.get_by_role("button", name="Use a passkey").click()
    await tab.page.wait_for_url(f"**{approve}")
    await tab.page.get_by_role("button", name="Approve").click()
    await tab.page.get_by_text("was approved.").wait_for()
    await sync_to_async(grant.refresh_from_db)()
    assert grant.state == Grant.State.ACTIVE
    tab.close()


async def test_another_persons_passkey_is_none(
    live_console: Callable[..., Console], cast: Cast, browser: Any, production: None
) -> None:
    console = await sync_to_async(live_console)(**PRODUCTION, REQUIRE_SECOND_FACTOR="on")
    tab = Tab(await browser.new_page(), console)
    await passkey_in(tab.page)
    await tab.sign_in("olivia", "/access/second-factor/")
    await tab.page.get_by_role("button", name="Add passkey").click()
    await tab.page.get_by_text("was added.").wait_for()
    key = await sync_to_async(lambda: factors.of(cast.olivia).get(type="webauthn"))()
    await tab.page.get_by_role("button", name="Sign out").click()

    await sync_to_async(app_of)(cast.oscar)  # his own factor is another
    await tab.sign_in("oscar", "/access/")
    await tab.open("/access/second-factor/confirm/")
    assert await tab.page.get_by_role("button", name="Use a passkey").count() == 0
    await tab.page.get_by_label("Code of the authenticator app").fill(code())
    await tab.page.get_by_role("button", name="Confirm").click()
    await tab.page.wait_for_url("**/access/second-factor/")
    owner = await sync_to_async(lambda: User.objects.get(pk=key.user_id))()
    assert owner == cast.olivia
    tab.close()
