"""The HTTP API's answers: who is refused and how, tickets, and requests for access."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from policies.models import Grant

pytestmark = pytest.mark.django_db(transaction=True)

STREAM = "/api/ext-debug/stream"
TICKET = "/api/ext-debug/ticket"
GRANTS = "/api/ext-debug/grants"
QUERY = {"extensionId": "invoice-sync", "tenantId": "acme"}


@pytest_asyncio.fixture
async def dan(cast: Cast) -> AsyncIterator[AsyncClient]:
    """A signed-in developer, as a script without CSRF checks enforced by the client."""
    client = AsyncClient()
    await sync_to_async(client.force_login)(cast.dan)
    yield client
    assert not await DebugSession.objects.aexists(), "nothing here opens a session"


async def said(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.content
    body: dict[str, Any] = json.loads(response.content)
    return body


async def post(client: AsyncClient, path: str, body: object) -> Any:
    return await client.post(path, json.dumps(body), content_type="application/json")


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic ZGFuOng=", "Bearer"])
@pytest.mark.parametrize("path", [STREAM, TICKET, GRANTS])
async def test_nobody_is_told_how_to_sign_in(cast: Cast, path: str, authorization: str | None):
    headers = {} if authorization is None else {"Authorization": authorization}
    response = await AsyncClient(headers=headers).post(path)

    assert (await said(response, 401))["type"] == "closing"
    assert response["WWW-Authenticate"] == "Bearer"


async def test_a_cookie_needs_the_csrf_token(cast: Cast):
    client = AsyncClient(enforce_csrf_checks=True)
    await sync_to_async(client.force_login)(cast.dan)

    for path in (STREAM, TICKET, GRANTS):
        assert (await said(await client.post(path), 403))["code"] == "csrf"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_pages_of_other_sites_are_refused(dan: AsyncClient, site: str):
    response = await dan.get(STREAM, QUERY, headers={"Sec-Fetch-Site": site})

    assert (await said(response, 403))["code"] == "cross_site"


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({}, "extensionId is missing"),
        ({**QUERY, "wait": "26"}, "wait: expected 0 to 25 seconds"),
        ({**QUERY, "wait": "-1"}, "wait: expected"),
        ({**QUERY, "wait": "nan"}, "wait: expected"),
        ({**QUERY, "wait": "soon"}, ""),
        ({**QUERY, "q": "(a"}, "never closed"),
        ({**QUERY, "nonsense": "1"}, "unknown parameter"),
    ],
)
async def test_a_wrong_parameter_is_named(dan: AsyncClient, params: dict[str, str], says: str):
    for response in (await dan.get(STREAM, params), await post(dan, STREAM, params)):
        body = await said(response, 400)
        assert (body["type"], body["code"], body["final"]) == ("closing", 4400, True)
        assert says in body["message"]


@pytest.mark.parametrize(
    ("wrong", "reason", "position"),
    [
        ({"q": "a (b"}, "bad_query", 2),
        ({"q": "ab /(/"}, "bad_regex", 3),
        ({"level": "loud"}, "bad_filter", None),
        ({"tail": "many"}, "bad_request", None),
    ],
)
async def test_a_wrong_filter_is_told_by_code_and_place(
    dan: AsyncClient, wrong: dict[str, str], reason: str, position: int | None
):
    for response in (await dan.get(STREAM, QUERY | wrong), await post(dan, STREAM, QUERY | wrong)):
        body = await said(response, 400)
        assert (body["reason"], body.get("position")) == (reason, position)


async def test_stream_and_ticket_know_each_others_names(dan: AsyncClient):
    names = {"tenant": "acme", "extension": "invoice-sync"}
    long = {f"{name}Id": value for name, value in names.items()}
    assert (await said(await post(dan, TICKET, long), 200))["tenantId"] == "acme"
    for params in (names, long):
        body = await said(await dan.get(STREAM, {**params, "q": "(a"}), 400)
        assert "never closed" in body["message"]
    for path in (STREAM, TICKET):
        both = await said(await post(dan, path, {**names, "tenantId": "globex"}), 400)
        assert "tenant and tenantId: expected one of them, got both" in both["message"]


@pytest.mark.parametrize("body", ["", "[]", "{", "\x00", "[" * 100_000])
async def test_a_body_that_is_no_object_is_refused(dan: AsyncClient, body: str):
    response = await dan.post(STREAM, body, content_type="application/json")

    await said(response, 400)


async def test_other_methods_are_refused(dan: AsyncClient):
    assert (await dan.put(STREAM)).status_code == 405
    assert (await dan.get(TICKET)).status_code == 405


async def test_a_ticket_names_its_target(dan: AsyncClient):
    body = await said(await post(dan, TICKET, {"tenant": "Acme", "extension": "invoice-sync"}), 200)

    assert body.pop("ticket")
    assert body == {
        "ok": True, "expiresIn": 30, "tenantId": "acme", "extensionId": "invoice-sync",
        "tenant": "acme", "extension": "invoice-sync",
    }  # fmt: skip


@pytest.mark.parametrize("body", [{}, {"tenant": "*", "extension": "x"}, {"tenant": "acme"}])
async def test_no_ticket_for_what_is_no_target(dan: AsyncClient, body: dict[str, str]):
    assert "expected 1-64" in (await said(await post(dan, TICKET, body), 400))["message"]


@pytest.fixture
def production(settings: Any) -> None:
    settings.EXT_DEBUG_ENVIRONMENT = "production"
    settings.EXT_DEBUG_UI_ENABLED = True


ASKED = {"tenant": "acme", "extension": "invoice-sync", "reason": "why", "minutes": 5}


async def test_a_request_for_access_becomes_a_grant_to_decide(dan: AsyncClient, production: None):
    body = await said(await post(dan, GRANTS, ASKED), 200)
    grant = await Grant.objects.aget()

    assert (body["grant"], body["label"]) == (grant.pk, grant.label)
    assert grant.label in body["message"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"minutes": "5"}, 400),
        ({"minutes": None}, 400),
        ({"reason": "a\x00"}, 400),
        ({"installs": ["a"] * 65}, 400),
        ({"surprise": 1}, 400),
        ({"extension": "no-such"}, 403),
        ({"tenant": "no-such"}, 403),
        ({"installs": ["inst-globex"]}, 403),
    ],
)
async def test_a_wrong_request_for_access_is_refused(
    dan: AsyncClient, production: None, changes: dict[str, Any], status: int
):
    body = await said(await post(dan, GRANTS, {**ASKED, **changes}), status)

    assert not body["ok"]
    assert not await Grant.objects.aexists()


async def test_no_grant_is_needed_outside_production(dan: AsyncClient):
    assert (await said(await post(dan, GRANTS, ASKED), 403))["code"] == "refused"


async def test_asking_twice_is_a_conflict(dan: AsyncClient, production: None):
    await said(await post(dan, GRANTS, ASKED), 200)
    assert (await said(await post(dan, GRANTS, ASKED), 409))["code"] == "conflict"
