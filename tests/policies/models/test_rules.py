"""What the tables of rules refuse: doubles of a scope, unknown words, limits beyond reason."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Model
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies.models import (
    Capability,
    Consent,
    EnvironmentPolicy,
    Limits,
    Lock,
    ProductionMode,
    RedactionRule,
)

pytestmark = pytest.mark.django_db


def refused(row: Model) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()


@pytest.mark.parametrize("scope", ["pair", "tenant", "extension", "none"])
def test_a_scope_has_one_row_where_empty_means_any(cast: Cast, scope: str) -> None:
    scopes: dict[str, dict[str, Any]] = {
        "pair": {"tenant": cast.acme, "extension": cast.invoice_sync},
        "tenant": {"tenant": cast.acme},
        "extension": {"extension": cast.invoice_sync},
        "none": {},
    }
    columns = scopes[scope]
    Limits.objects.create(**columns)
    refused(Limits(**columns))
    if scope == "none":
        refused(ProductionMode(mode="off"))
    else:
        ProductionMode.objects.create(**columns, mode="off")
        refused(ProductionMode(**columns, mode="grant"))


def test_a_tenant_has_one_word_for_all_extensions_and_one_for_each(cast: Cast) -> None:
    now = timezone.now()
    for extension in (None, cast.invoice_sync):
        word: dict[str, Any] = {"tenant": cast.acme, "extension": extension, "decided_at": now}
        Consent.objects.create(**word, state="given")
        refused(Consent(**word, state="withdrawn"))
    refused(Consent(tenant=cast.globex, decided_at=now, state="perhaps"))


def test_a_lock_names_exactly_one_and_says_why(cast: Cast) -> None:
    refused(Lock(reason="nobody"))
    refused(Lock(reason="two", user=cast.dan, tenant=cast.acme))
    refused(Lock(user=cast.dan))
    Lock.objects.create(user=cast.dan, reason="left")


@pytest.mark.parametrize(
    "wrong",
    [
        {"environment": "qa"},
        {"grant_required": False},
        {"approvals_required": 0},
        {"max_grant_minutes": 481},
        {"pending_minutes": 0},
        {"break_glass_minutes": 61},
    ],
)
def test_an_environments_policy_stays_within_bounds(wrong: dict[str, Any]) -> None:
    refused(EnvironmentPolicy(**{"environment": "production", **wrong}))


@pytest.mark.parametrize(
    "wrong",
    [{"ttl_seconds": 9}, {"max_ttl_seconds": 28_801}, {"window_bytes": 1}, {"ring_bytes": 1 << 23}],
)
def test_limits_stay_within_bounds(wrong: dict[str, int]) -> None:
    refused(Limits(**wrong))


def test_a_capability_is_a_known_one_and_given_once(cast: Cast) -> None:
    refused(Capability(extension=cast.invoice_sync))
    refused(Capability(extension=cast.invoice_sync, install=cast.inst_acme))
    refused(Capability(extension=cast.report_maker, name="cap:debug.everything"))


def test_a_redaction_rule_has_a_name_of_its_own_and_a_pattern() -> None:
    RedactionRule.objects.create(name="customer", pattern="KD")
    refused(RedactionRule(name="customer", pattern="other"))
    refused(RedactionRule(name="empty", pattern=""))
