"""What the tables of grants refuse by their constraints; what moves is in test_grant_triggers."""

import datetime as dt
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies.models import Approval, BreakGlassReview, Grant
from policies.models.grants import GRANTED, NEVER_GRANTED, OPEN, WholeSeconds
from tests.policies.conftest import TARGET, granted, request

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]
NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def grant_of(cast: Cast, **more: Any) -> Grant:
    return Grant(
        **{
            "requester": cast.dan, "beneficiary": cast.dan, "tenant": cast.acme,
            "tenant_key": "acme", "extension": cast.invoice_sync, "extension_key": "invoice-sync",
            "environment": "production", "reason": "x", "minutes": 5, "requested_at": NOW,
            "lapses_at": NOW, **more,
        }
    )  # fmt: skip


def test_every_state_is_either_granted_or_never_granted() -> None:
    assert {*GRANTED, *NEVER_GRANTED} == set(Grant.State.values)
    assert not set(GRANTED) & set(NEVER_GRANTED)
    assert set(OPEN) <= set(Grant.State.values)


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "invented"},
        {"minutes": 0},
        {"minutes": 481},
        {"reason": ""},
        {"approvals_required": 0},
        {"tenant": None},
        {"state": "active"},
        {"starts_at": NOW},
        {"starts_at": NOW, "ends_at": NOW - dt.timedelta(1)},
        {"closed_at": NOW},
        {"state": "denied"},
        {"state": "active", "starts_at": NOW, "ends_at": NOW + dt.timedelta(hours=8, seconds=1)},
        {"break_glass": True, "approvals_required": 0, "minutes": 61},
    ],
)
def test_a_row_that_contradicts_itself_is_refused(cast: Cast, wrong: dict[str, Any]) -> None:
    with transaction.atomic():
        grant_of(cast).save()
        transaction.set_rollback(True)
    with pytest.raises(IntegrityError), transaction.atomic():
        grant_of(cast, **wrong).save()


def test_a_tenantless_grant_names_one_of_the_reserved_streams(cast: Cast) -> None:
    grant_of(cast, tenant=None, tenant_key="unknown", extension=None, extension_key="x").save()
    with pytest.raises(IntegrityError), transaction.atomic():
        grant_of(cast, tenant=None, tenant_key="other", extension=None, extension_key="y").save()


def test_a_span_is_counted_in_whole_seconds_on_both_databases(cast: Cast) -> None:
    grant = granted(cast, cast.dan, minutes=17)
    spans = Grant.objects.annotate(span=WholeSeconds(F("ends_at"), F("starts_at")))
    assert spans.get(pk=grant.pk).span == 17 * 60


def test_an_approver_decides_once_and_is_no_party(cast: Cast) -> None:
    grant = request(cast.dan)
    common: dict[str, Any] = {
        "grant": grant, "requester": cast.dan, "beneficiary": cast.dan, "verdict": "approve",
        "created_at": timezone.now(),
    }  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        Approval.objects.create(approver=cast.dan, **common)
    Approval.objects.create(approver=cast.olivia, **common)
    with pytest.raises(IntegrityError), transaction.atomic():
        Approval.objects.create(approver=cast.olivia, **{**common, "verdict": "deny"})


def test_nobody_reviews_their_own_broken_glass(cast: Cast) -> None:
    from policies.grants import verbs

    glass = verbs.break_glass(cast.olivia, **TARGET, minutes=5, reason="fire")
    with pytest.raises(IntegrityError), transaction.atomic():
        BreakGlassReview.objects.create(
            grant=glass, reviewer=cast.olivia, requester=cast.olivia, beneficiary=cast.olivia,
            verdict="justified", created_at=timezone.now(),
        )  # fmt: skip
