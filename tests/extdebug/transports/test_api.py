"""The HTTP API's answers: wrong parameters and filters, and tickets."""

from __future__ import annotations

import pytest
from django.test import AsyncClient

from tests.extdebug.transports.http_answers import post, said

pytestmark = pytest.mark.django_db(transaction=True)

STREAM = "/api/ext-debug/stream"
TICKET = "/api/ext-debug/ticket"
QUERY = {"extensionId": "invoice-sync", "tenantId": "acme"}


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
        assert body["error"] == body["message"]
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
