"""Access over HTTP: what one may watch, asking, being answered, taking back; oneself alone."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import AsyncClient

from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from extdebug.sessions.rate_limit import RateLimit
from extdebug.transports import access_requests
from policies.grants import verbs
from policies.identity import tokens
from policies.models import Grant
from tests.extdebug.transports.http_answers import post, said

pytestmark = pytest.mark.django_db(transaction=True)

ACCESS = "/api/ext-debug/access"
GRANTS = "/api/ext-debug/grants"
WITHDRAW = "/api/ext-debug/grants/withdraw"
TARGET = {"tenant": "acme", "extension": "invoice-sync"}


async def client_of(user: User) -> AsyncClient:
    client = AsyncClient()
    await sync_to_async(client.force_login)(user)
    return client


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


async def test_the_page_learns_who_can_answer_and_that_nobody_writes_to_it(
    dan: AsyncClient, production: None, settings: Any
):
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    before = await said(await dan.get(ACCESS, TARGET), 200)
    assert (before["allowed"], before["canRequest"], before["request"]) == (False, True, None)

    asked = await said(await post(dan, GRANTS, ASKED), 200)
    now = await said(await dan.get(ACCESS, TARGET), 200)

    assert now["request"]["canAnswer"] == ["olivia", "oscar"]
    assert (now["request"]["state"], now["request"]["byMail"]) == ("requested", False)
    assert asked["request"] == {**now["request"], "changesIn": asked["request"]["changesIn"]}


async def test_a_question_after_nothing_changed_is_one_cheap_query(
    dan: AsyncClient, production: None, django_assert_num_queries: Any
):
    seen = (await said(await dan.get(ACCESS, TARGET), 200))["version"]
    unchanged = await said(await dan.get(ACCESS, {**TARGET, "seen": seen}), 200)
    assert unchanged == {"ok": True, "unchanged": True, "version": seen}

    def ask() -> None:
        with django_assert_num_queries(1):
            access_requests._status(User.objects.model(pk=1), "acme", "invoice-sync", seen)

    await sync_to_async(ask)()
    await said(await post(dan, GRANTS, ASKED), 200)
    assert "unchanged" not in await said(await dan.get(ACCESS, {**TARGET, "seen": seen}), 200)


async def test_an_approval_and_a_denial_arrive_with_who_and_why(
    dan: AsyncClient, cast: Cast, production: None
):
    first = (await said(await post(dan, GRANTS, ASKED), 200))["grant"]
    await sync_to_async(verbs.deny)(first, by=cast.olivia, reason="no ticket")
    denied = (await said(await dan.get(ACCESS, TARGET), 200))["request"]
    assert (denied["state"], denied["answeredBy"]) == ("denied", "olivia")
    assert denied["answer"] == "no ticket"

    second = (await said(await post(dan, GRANTS, ASKED), 200))["grant"]
    await sync_to_async(verbs.approve)(second, by=cast.oscar)
    assert (await said(await dan.get(ACCESS, TARGET), 200))["allowed"]


async def test_a_request_is_taken_back_once_and_by_its_person_alone(
    dan: AsyncClient, cast: Cast, production: None
):
    asked = (await said(await post(dan, GRANTS, ASKED), 200))["request"]
    back = {"grant": asked["grant"], "version": asked["version"]}
    for other in (cast.mallory, cast.alice, cast.olivia):
        answer = await said(await post(await client_of(other), WITHDRAW, back), 404)
        assert answer["message"] == f"There is no grant {asked['label']}."

    stale = await said(await post(dan, WITHDRAW, {**back, "version": 9}), 409)
    assert "was changed" in stale["message"]
    assert (await said(await post(dan, WITHDRAW, back), 200))["request"] is None
    assert (await Grant.objects.aget()).state == "withdrawn"
    assert (await said(await post(dan, WITHDRAW, back), 409))["code"] == "conflict"


@pytest.mark.parametrize("body", [{}, {"grant": 0, "version": 1}, {"grant": 2**63, "version": 1}])
async def test_a_withdrawal_names_a_grant(dan: AsyncClient, body: dict[str, int]):
    await said(await post(dan, WITHDRAW, body), 400)


async def test_nobody_learns_of_anothers_request(dan: AsyncClient, cast: Cast, production: None):
    await said(await post(dan, GRANTS, ASKED), 200)
    for other in (cast.dora, cast.alice, cast.olivia):
        told = await said(await (await client_of(other)).get(ACCESS, TARGET), 200)
        assert told["request"] is None
    mallory = await client_of(cast.mallory)
    missing = await said(await mallory.get(ACCESS, {**TARGET, "tenant": "nowhere"}), 404)
    assert await said(await mallory.get(ACCESS, TARGET), 404) == missing


@pytest.mark.parametrize("asked", [{}, {"tenant": "acme"}, {**TARGET, "tenant": "a b"}])
async def test_a_target_is_named_in_full(dan: AsyncClient, asked: dict[str, str]):
    assert "expected 1-64" in (await said(await dan.get(ACCESS, asked), 400))["message"]


async def test_a_token_asks_for_nothing(cast: Cast, production: None):
    issued = await sync_to_async(tokens.issue)(cast.dan, name="curl", tenant=cast.acme)
    client = AsyncClient(Authorization=f"Bearer {issued.raw}")
    for answer in (
        await client.get(ACCESS, TARGET),
        await post(client, GRANTS, ASKED),
        await post(client, WITHDRAW, {"grant": 1, "version": 1}),
    ):
        assert (await said(answer, 403))["code"] == "denied"


async def test_whoever_asks_too_often_waits(
    dan: AsyncClient, production: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(access_requests, "asks", RateLimit(1))
    await said(await dan.get(ACCESS, TARGET), 200)
    answer = await dan.get(ACCESS, TARGET)
    assert (await said(answer, 429))["code"] == "busy"
    assert answer["Retry-After"] == str(access_requests.RETRY_AFTER)


async def test_asking_what_one_may_watch_writes_nothing(dan: AsyncClient, production: None):
    await said(await dan.get(ACCESS, TARGET), 200)
    assert not await AuditRecord.objects.filter(actor_name="dan").aexists()
