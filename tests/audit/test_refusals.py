"""What pages refuse is on record, once a minute for each; a stuck trail is a sentence."""

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import resolve
from django.utils.functional import SimpleLazyObject

from audit import queries, trail
from audit.models import AuditRecord
from audit.refusals import RecordRefusals
from extdebug.demo.sample import Cast
from policies import consent
from policies.grants import verbs
from policies.models import AccessToken, Grant, Lock, Membership
from tests.fixtures.trail import refusing
from tests.policies.conftest import granted, request

pytestmark = pytest.mark.django_db(transaction=True)  # the API answers from other threads


@pytest.fixture
def production(settings: Any) -> None:
    settings.EXT_DEBUG_ENVIRONMENT = "production"
    settings.EXT_DEBUG_UI_ENABLED = True


@pytest.fixture
def mallory(cast: Cast) -> Client:
    """The outsider, signed in."""
    client = Client()
    client.force_login(cast.mallory)
    return client


def refusals() -> list[AuditRecord]:
    return list(AuditRecord.objects.filter(action="page.refused").order_by("seq"))


@pytest.mark.parametrize(
    ("place", "status"),
    [
        ("/tenant/acme/", 404),
        ("/tenant/nobody/", 404),
        ("/extensions/invoice-sync/debug", 404),
        ("/extensions/no-such/debug", 404),
        ("/admin/policies/grant/", 302),  # to sign in, as somebody else
    ],
)
def test_a_refused_page_is_on_record(mallory: Client, place: str, status: int) -> None:
    assert mallory.get(place).status_code == status
    (row,) = refusals()
    assert (row.actor_name, row.reason) == ("mallory", f"GET {place}")
    assert row.data["status"] == status
    for _ in range(5):
        mallory.get(place)
    assert len(refusals()) == 1  # counted


def test_a_tenants_admins_see_who_tried_and_a_missing_one_leaves_the_same(mallory: Client) -> None:
    mallory.get("/tenant/acme/")
    mallory.post("/tenant/acme/consent/", {"act": "give"})
    mallory.get("/tenant/nobody/")
    assert [row.tenant for row in refusals()] == ["acme", "acme", ""]


def test_another_persons_grant_and_token(mallory: Client, cast: Cast, production: None) -> None:
    grant = granted(cast, cast.dan)
    assert mallory.post(f"/access/grants/{grant.pk}/release/").status_code == 404
    assert mallory.post("/access/tokens/1/revoke/").status_code == 404
    assert {row.subject_id for row in refusals()} == {"own-grant", "own-token-revoke"}


def test_a_refusal_in_a_sentence_is_on_record_though_the_page_goes_on(
    cast: Cast, production: None
) -> None:
    Membership.objects.create(user=cast.olivia, tenant=cast.acme)
    consent.require(cast.acme, by=cast.alice, required=True)
    operator = Client()
    operator.force_login(cast.olivia)
    assert operator.post("/tenant/acme/consent/", {"act": "give"}).status_code == 302
    (row,) = refusals()
    assert (row.actor_name, row.tenant) == ("olivia", "acme")
    assert row.reason.startswith("POST /tenant/acme/consent/: ")
    Lock.objects.create(user=cast.olivia, reason="x")
    form = {"name": "ci", "tenant": "acme", "extension": "", "days": "7"}
    assert operator.post("/admin/policies/accesstoken/add/", form).status_code == 200
    assert refusals()[-1].reason.endswith("no token is issued to it.")
    assert not AccessToken.objects.exists()


def test_another_method_is_no_repeat(mallory: Client) -> None:
    mallory.get("/tenant/acme/consent/")  # 405 is no refusal of a right
    for _ in range(2):
        mallory.get("/tenant/acme/")
        mallory.post("/tenant/acme/")
        mallory.head("/tenant/acme/")
    assert [row.reason for row in refusals()] == ["GET /tenant/acme/", "HEAD /tenant/acme/"]


def test_one_refusal_has_one_row(mallory: Client, cast: Cast, production: None) -> None:
    """Where a verb or an opening has recorded it, the page that shows it does not once more."""
    asked = {"tenant": "acme", "extension": "invoice-sync"}
    stream = mallory.get(
        "/api/ext-debug/stream", {"tenantId": "acme", "extensionId": "invoice-sync"}
    )
    assert stream.status_code == 404, stream.content
    body = {**asked, "reason": "x", "minutes": 5}
    mallory.post("/api/ext-debug/grants", body, content_type="application/json")
    operator = Client()
    operator.force_login(cast.olivia)
    pending = request(cast.dan, beneficiary=cast.olivia)
    form = {"version": pending.version, "comment": "", "minutes": "5"}
    where = f"/admin/policies/grant/{pending.pk}/approve/"
    assert operator.post(where, form).status_code == 403
    told = [row.action for row in queries.refusals()]
    assert told == ["grant.refused", "grant.request_refused", "session.denied"]


def test_a_refusal_stays_one_when_it_cannot_be_asked_whose_it_is() -> None:
    def away() -> None:
        raise OperationalError("the database is away")

    asked = RequestFactory().get("/tenant/acme/")
    asked.resolver_match = resolve("/tenant/acme/")
    asked.user = SimpleLazyObject(away)  # type: ignore[assignment]
    answer = RecordRefusals(lambda _: HttpResponse(status=404))(asked)
    assert isinstance(answer, HttpResponse)
    assert answer.status_code == 404


def test_strangers_and_addresses_that_are_no_page_leave_nothing(mallory: Client) -> None:
    assert mallory.get("/no/such/page").status_code == 404
    Client().get("/tenant/acme/")
    assert refusals() == []


def test_a_refused_request_for_a_grant_says_which_rule(
    mallory: Client, cast: Cast, production: None
) -> None:
    for tenant in ("acme", "nobody"):
        answer = mallory.post(
            "/api/ext-debug/grants",
            {"tenant": tenant, "extension": "invoice-sync", "reason": "x", "minutes": 5},
            content_type="application/json",
        )
        assert answer.status_code in (403, 404)
    told = AuditRecord.objects.filter(action="grant.request_refused").order_by("seq")
    assert [(row.actor_name, row.tenant, row.data["code"]) for row in told] == [
        ("mallory", "acme", "not_found"), ("mallory", "nobody", "not_found"),
    ]  # fmt: skip


def test_a_trail_that_takes_nothing_is_a_sentence_and_a_revoke_works(
    cast: Cast, production: None
) -> None:
    active = granted(cast, cast.dan)
    client = Client()
    client.force_login(cast.dan)
    with refusing(connection):
        form = {"name": "ci", "tenant": "acme", "extension": "invoice-sync", "days": "7"}
        page = client.post("/access/tokens/", form)
        assert page.status_code == 503
        assert "nothing was changed" in page.content.decode()
        api = client.post(
            "/api/ext-debug/grants",
            {"tenant": "acme", "extension": "invoice-sync", "reason": "y", "minutes": 5},
            content_type="application/json",
        )
        assert (api.status_code, api.json()["code"]) == (503, "audit_unavailable")
        assert not AccessToken.objects.exists()
        assert set(Grant.objects.values_list("pk", "state")) == {(active.pk, "active")}
        verbs.revoke(active.pk, by=cast.olivia, reason="x")
    assert Grant.objects.get(pk=active.pk).state == "revoked"
    trail.retry_waiting()
    assert AuditRecord.objects.filter(action="grant.revoked", actor_name="olivia").count() == 1
