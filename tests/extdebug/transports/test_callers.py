"""Who calls the HTTP API: strangers, forged and foreign requests are refused at each address."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from extdebug.demo.sample import Cast
from tests.extdebug.transports.http_answers import said

pytestmark = pytest.mark.django_db(transaction=True)

STREAM = "/api/ext-debug/stream"
POSTED = (
    STREAM,
    "/api/ext-debug/ticket",
    "/api/ext-debug/grants",
    "/api/ext-debug/grants/withdraw",
)
GOT = (STREAM, "/api/ext-debug/access")
QUERY = {"extensionId": "invoice-sync", "tenantId": "acme"}


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic ZGFuOng=", "Bearer"])
@pytest.mark.parametrize("path", POSTED)
async def test_nobody_is_told_how_to_sign_in(cast: Cast, path: str, authorization: str | None):
    headers = {} if authorization is None else {"Authorization": authorization}
    response = await AsyncClient().post(path, headers=headers)

    assert (await said(response, 401))["type"] == "closing"
    assert response["WWW-Authenticate"] == "Bearer"


async def test_a_cookie_needs_the_csrf_token(cast: Cast):
    client = AsyncClient(enforce_csrf_checks=True)
    await sync_to_async(client.force_login)(cast.dan)

    for path in POSTED:
        assert (await said(await client.post(path), 403))["code"] == "csrf"


@pytest.mark.parametrize("path", [*POSTED[1:], "/api/ext-debug/saved"])
async def test_only_a_poll_may_stand_on_its_origin(cast: Cast, path: str, settings: Any):
    settings.EXT_DEBUG_ORIGINS = ["http://testserver"]
    ours = {"Origin": "http://testserver"}
    client = AsyncClient(enforce_csrf_checks=True)
    await sync_to_async(client.force_login)(cast.dan)

    assert (await said(await client.post(path, headers=ours), 403))["code"] == "csrf"
    polled = await client.post(STREAM, {**QUERY, "q": "(a"}, "application/json", headers=ours)
    assert "never closed" in (await said(polled, 400))["error"], "it was let in, and read"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_pages_of_other_sites_are_refused(dan: AsyncClient, site: str):
    for path in GOT:
        response = await dan.get(path, QUERY, headers={"Sec-Fetch-Site": site})
        assert (await said(response, 403))["code"] == "cross_site"
