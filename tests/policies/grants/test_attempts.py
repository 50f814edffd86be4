"""Attempts to ask for access: bounded before the question, the same work for all, on record."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from policies.grants import attempts, verbs
from policies.grants.claims import GrantRefused
from policies.models import Tenant
from tests.policies.conftest import granted, request

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


def refused(cast: Cast, **target: Any) -> list[str]:
    """The statements of one refused request of dora, without their values."""
    with (
        CaptureQueriesContext(
            connection,
        ) as seen,
        pytest.raises(GrantRefused) as why,
    ):
        request(cast.dora, **target)
    assert str(why.value) == "You cannot request that: there is no such target."
    return [
        re.split(r" WHERE | VALUES |(?<=SELECT policies_facts)", each["sql"])[0]
        for each in seen.captured_queries
        if "SAVEPOINT" not in each["sql"]
    ]


def test_a_foreign_and_a_missing_tenant_cost_the_same_questions(cast: Cast) -> None:
    Tenant.objects.create(key="initech", name="Initech")
    refused(cast, tenant="no-such")  # the first of a minute writes its summary's row
    foreign = refused(cast, tenant="initech")
    missing = refused(cast, tenant="missing")
    assert foreign == missing


@pytest.mark.django_db(transaction=True)
def test_a_refused_request_has_a_row_and_its_repeats_are_counted(cast: Cast) -> None:
    for _ in range(3):
        with pytest.raises(GrantRefused):
            request(cast.dora, tenant="no-such")
    row = AuditRecord.objects.get(action="grant.request_refused")
    assert (row.actor_name, row.tenant, row.data["code"]) == ("dora", "no-such", "not_found")


def test_the_rate_comes_before_the_question(cast: Cast) -> None:
    for _ in range(attempts.REQUESTS_PER_MINUTE):
        with pytest.raises(GrantRefused):
            request(cast.dora, tenant="no-such")
    for tenant in ("no-such", "acme"):
        with pytest.raises(GrantRefused) as why, CaptureQueriesContext(connection) as seen:
            request(cast.dora, tenant=tenant)
        assert why.value.code == "rate"
        assert not [each for each in seen.captured_queries if "policies_tenant" in each["sql"]]
    assert request(cast.dan).state == "requested"  # another person's rate is their own


@pytest.mark.django_db(transaction=True)
def test_who_asks_too_often_is_on_record_too(cast: Cast) -> None:
    for _ in range(attempts.REQUESTS_PER_MINUTE + 2):
        with pytest.raises(GrantRefused):
            request(cast.dora, tenant="no-such")
    rows = AuditRecord.objects.filter(action="grant.request_refused").order_by("seq")
    assert [row.data["code"] for row in rows] == ["not_found", "rate"]  # repeats are counted


def test_break_glass_counts_as_asking(cast: Cast) -> None:
    for _ in range(attempts.REQUESTS_PER_MINUTE):
        with pytest.raises(GrantRefused):
            verbs.break_glass(cast.dan, tenant="acme", extension="invoice-sync", minutes=1,
                              reason="x")  # fmt: skip
    with pytest.raises(GrantRefused, match="times in a minute"):
        verbs.break_glass(cast.dan, tenant="acme", extension="invoice-sync", minutes=1, reason="x")


@pytest.mark.django_db(transaction=True)
def test_asking_for_more_time_counts_as_asking(cast: Cast) -> None:
    active = granted(cast, cast.dan)
    for _ in range(attempts.REQUESTS_PER_MINUTE - 1):
        with pytest.raises(GrantRefused, match="Say why"):
            verbs.extend(active.pk, by=cast.dan, minutes=5, reason="")
    with pytest.raises(GrantRefused, match="times in a minute"):
        verbs.extend(active.pk, by=cast.dan, minutes=5, reason="x")
    assert AuditRecord.objects.filter(data__code="extend: rate", actor_name="dan").count() == 1
