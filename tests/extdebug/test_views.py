"""The pages: what I may debug, one console for those with a relation, signing out."""

from __future__ import annotations

import re
from html import unescape

import msgspec
import pytest
from django.test import Client
from django.utils import timezone

from extdebug.demo.sample import Cast
from extdebug.sessions import heartbeats

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
    for outsider in (cast.dan, cast.alice, cast.mallory):
        assert "Streams without a tenant" not in signed_in(outsider).get("/extensions/").text
        assert signed_in(outsider).get("/extensions/stray/debug?tenant=unknown").status_code == 404
