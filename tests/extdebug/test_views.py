"""The pages: what I may debug, one console for those with a relation, signing out."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import msgspec
import pytest
from django.test import Client
from django.utils import timezone

from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from extdebug.sessions import heartbeats
from policies.grants import verbs
from tests.policies.at_the_desk import watch
from tests.policies.conftest import granted, request

CONSOLE = "/extensions/invoice-sync/debug"


def signed_in(user: object) -> Client:
    client = Client()
    client.force_login(user)  # type: ignore[arg-type]
    return client


def config_of(page: str) -> dict[str, object]:
    found = re.search(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return msgspec.json.decode(unescape(found[1]), type=dict[str, object])


@pytest.mark.parametrize("path", ["/extensions/", CONSOLE])
def test_a_page_needs_a_sign_in(db: None, client: Client, path: str):
    assert client.get(path).headers["Location"] == f"/login/?next={path}"


def test_the_first_page_is_the_list(client: Client):
    assert client.get("/").headers["Location"] == "/extensions/"


def test_the_list_leads_to_each_console_one_may_open(cast: Cast):
    page = signed_in(cast.dan).get("/extensions/").text

    assert f"{CONSOLE}?tenant=acme" in page


def test_the_outsider_finds_no_console(cast: Cast):
    client = signed_in(cast.mallory)

    assert "/debug?tenant=" not in client.get("/extensions/").text
    for path in (CONSOLE, "/extensions/no-such/debug", "/extensions/a%20b/debug"):
        assert client.get(path).status_code == 404


def test_a_console_knows_its_target_and_what_was_asked_for(cast: Cast):
    asked = {
        "tenantId": "acme", "install": "inst-acme", "requestId": "r1", "q": "</script>",
        "from": "x",
    }  # fmt: skip
    page = signed_in(cast.dan).get(CONSOLE.replace("invoice", "Invoice"), asked)
    config = config_of(page.text)

    assert config["extension"] == "invoice-sync"
    assert config["user"] == "dan"
    assert config["isOperator"] is False
    assert config["selected"] == {
        "tenant": "acme", "install": "inst-acme", "request": "r1", "q": "</script>", "level": None,
        "streams": None, "from": "x",
    }  # fmt: skip


@pytest.mark.parametrize("prefix", ["/msp", "/ee"])
def test_the_old_addresses_lead_to_the_new_one(client: Client, prefix: str):
    answer = client.get(f"{prefix}{CONSOLE}?tenantId=a%26b&requestId=r&unknown=1")
    assert answer.headers["Location"] == f"{CONSOLE}?tenant=a%26b&request=r"
    assert client.get(f"{prefix}{CONSOLE}").headers["Location"] == CONSOLE


def test_signing_out_is_a_post_and_ends_the_sign_in(cast: Cast):
    client = signed_in(cast.dan)

    assert client.get("/logout/").status_code == 405
    assert client.get("/extensions/").status_code == 200
    assert client.post("/logout/").headers["Location"] == "/login/"
    assert client.get("/extensions/").status_code == 302


def test_the_stream_of_nobody_needs_no_janitor_to_be_found(cast: Cast):
    operator = signed_in(cast.olivia)
    assert "/extensions/unknown/debug?tenant=-" in operator.get("/extensions/").text
    config = config_of(operator.get("/extensions/unknown/debug").text)
    assert [row["tenant"] for row in config["tenants"]] == ["-"]  # type: ignore[attr-defined]


def test_operators_find_the_streams_of_no_tenant_and_their_consoles(cast: Cast):
    seen_by_janitor = [["unknown", "invoice-sync"], ["-", "report-maker"], ["unknown", "stray"]]
    heartbeats.beat(
        heartbeats.JANITOR, host="h", pid=1, started_at=timezone.now(),
        health={"failed": [], heartbeats.TENANTLESS: seen_by_janitor},
    )  # fmt: skip
    operator = signed_in(cast.olivia)
    page = operator.get("/extensions/").text
    assert "Streams without a tenant" in page
    for tenant, extension in seen_by_janitor:
        assert f"/extensions/{extension}/debug?tenant={tenant}" in page
    config = config_of(operator.get("/extensions/stray/debug?tenant=unknown").text)
    assert [row["tenant"] for row in config["tenants"]] == ["unknown"]  # type: ignore[attr-defined]
    assert operator.get("/extensions/never-seen/debug?tenant=unknown").status_code == 200
    config = config_of(operator.get("/extensions/unknown/debug?tenant=unknown").text)
    assert [row["tenant"] for row in config["tenants"]] == ["-", "unknown"]  # type: ignore[attr-defined]
    for outsider in (cast.dan, cast.alice, cast.mallory):
        assert signed_in(outsider).get("/extensions/unknown/debug").status_code == 404
        assert "Streams without a tenant" not in signed_in(outsider).get("/extensions/").text
        assert signed_in(outsider).get("/extensions/stray/debug?tenant=unknown").status_code == 404


@pytest.fixture
def production(settings: Any) -> None:
    settings.EXT_DEBUG_ENVIRONMENT = "production"
    settings.EXT_DEBUG_UI_ENABLED = True


def denials() -> list[tuple[str, str, str]]:
    rows = AuditRecord.objects.filter(action="session.denied").order_by("seq")
    return [(row.actor_name, row.tenant, row.reason) for row in rows]


@pytest.mark.usefixtures("production")
def test_a_visit_that_is_refused_is_one_denial_on_record(cast: Cast):
    client = signed_in(cast.dan)

    config = config_of(client.get(CONSOLE, {"tenant": "acme"}).text)
    assert config["refused"] == "acme"
    assert denials() == [("dan", "acme", "dan has no grant for this target.")]
    client.get(CONSOLE, {"tenant": "acme"})
    assert len(denials()) == 1  # counted: the minute's summary has the number
    client.get(CONSOLE, {"tenant": "globex"})
    assert [tenant for _, tenant, _ in denials()] == ["acme", "globex"]


@pytest.mark.usefixtures("production")
def test_a_visit_that_asks_for_no_tenant_or_may_watch_is_no_denial(cast: Cast):
    granted(cast, cast.dan)
    client = signed_in(cast.dan)
    for asked in ({}, {"tenant": "acme"}, {"tenant": "nowhere"}):
        assert config_of(client.get(CONSOLE, asked).text)["refused"] is None
    assert denials() == []
    # The only tenant is the one that is shown.
    assert config_of(signed_in(cast.dora).get(CONSOLE).text)["refused"] == "acme"
    assert denials()[0][0] == "dora"


@pytest.mark.usefixtures("production")
def test_list_and_console_tell_the_state_of_ones_own_request(cast: Cast):
    client = signed_in(cast.dan)
    assert "View access checks" not in client.get("/extensions/").text
    grant = request(cast.dan)
    page = client.get("/extensions/").text
    assert f"{grant.label} is waiting for approval." in page
    assert "View request" in page
    tenants: Any = config_of(client.get(CONSOLE, {"tenant": "acme"}).text)["tenants"]
    assert tenants[0]["request"]["canAnswer"] == ["olivia", "oscar"]
    verbs.deny(grant.pk, by=cast.olivia, reason="no <ticket>")
    assert f"olivia denied {grant.label}: no &lt;ticket&gt;" in client.get("/extensions/").text
    assert grant.label not in signed_in(cast.alice).get("/extensions/").text


def test_ones_own_live_session_is_on_the_access_page_and_ends_there(cast: Cast):
    row, foreign = watch(cast.dan), watch(cast.dora)
    client = signed_in(cast.dan)
    page = client.get("/access/").text
    end = f"/access/sessions/{row.pk}/end/"
    assert end in page
    assert f"/access/sessions/{foreign.pk}/end/" not in page

    assert client.get(end).status_code == 405
    assert "is being ended" in client.post(end, follow=True).text
    assert "had ended already" in client.post(end, follow=True).text
    row.refresh_from_db()
    assert row.end_requested_by == "dan"
    assert "No live sessions." in client.get("/access/").text
    told = AuditRecord.objects.get(action="session.end_requested")
    assert (told.actor_name, told.subject_id) == ("dan", str(row.pk))


def test_ones_own_ended_sessions_say_who_ended_them(cast: Cast):
    ended = {"close_code": 4410, "close_reason": "ended"}
    for watcher, by in ((cast.dan, "olivia"), (cast.dan, "dan"), (cast.dora, "oscar")):
        row = watch(watcher)
        DebugSession.objects.filter(pk=row.pk).update(
            closed_at=timezone.now(), end_requested_by=by, **ended
        )
    page = signed_in(cast.dan).get("/access/").text
    assert "Ended by olivia" in page
    assert "Ended by you" in page
    assert "oscar" not in page
    assert "Ended sessions" not in signed_in(cast.mallory).get("/access/").text


def test_nobody_ends_anothers_session_from_the_access_page(cast: Cast):
    row = watch(cast.dan)
    for other in (cast.mallory, cast.dora, cast.olivia):
        assert signed_in(other).post(f"/access/sessions/{row.pk}/end/").status_code == 404
    row.refresh_from_db()
    assert row.end_requested_at is None
