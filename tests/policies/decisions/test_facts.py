"""The facts of a decision refuse by default, and say whether a grant or a token bears on them."""

import datetime as dt

import pytest

from policies.decisions.decide import decide
from policies.decisions.facts import (
    DEFAULT_RULES,
    EnvironmentRules,
    Facts,
    TokenFact,
    grant_needed,
)
from tests.policies.decisions.conftest import ME, NOW, facts_of

LAX = EnvironmentRules(grant_required=False)


def test_facts_that_nobody_filled_in_refuse() -> None:
    empty = Facts(user_id=ME, tenant="acme", extension="sync", environment="development")
    assert not decide(empty, now=NOW).allowed


@pytest.mark.parametrize(
    ("environment", "policy", "needed"),
    [
        ("production", LAX, True),
        ("staging", LAX, False),
        ("staging", EnvironmentRules(), True),
        ("qa", None, True),
    ],
)
def test_production_and_an_unknown_environment_always_need_a_grant(
    environment: str, policy: EnvironmentRules | None, needed: bool
) -> None:
    assert facts_of(environment=environment, policy=policy).needs_grant is needed


@pytest.mark.parametrize(
    ("environment", "policy", "needed"),
    [
        ("production", LAX, True),
        ("staging", LAX, True),
        ("staging", EnvironmentRules(), True),
        ("development", LAX, False),
        ("development", EnvironmentRules(), True),
        ("qa", None, True),
        ("qa", LAX, True),
    ],
)
def test_a_stream_of_no_tenant_needs_a_grant_everywhere_but_in_development(
    environment: str, policy: EnvironmentRules | None, needed: bool
) -> None:
    assert grant_needed(policy, environment, tenantless=True) is needed
    assert facts_of(environment=environment, policy=policy, tenantless=True).needs_grant is needed


@pytest.mark.parametrize(
    ("tenant", "extension", "covers"),
    [
        ("acme", "sync", True),
        ("acme", None, True),
        (None, "sync", True),
        ("globex", "sync", False),
        ("acme", "other", False),
    ],
)
def test_a_token_covers_its_scope_only(
    tenant: str | None, extension: str | None, covers: bool
) -> None:
    end = NOW + dt.timedelta(days=1)
    token = TokenFact(revoked=False, expires_at=end, tenant=tenant, extension=extension)
    assert facts_of(token=token).token_covers is covers
    assert facts_of(token=None).token_covers


def test_production_alone_needs_a_grant_by_default() -> None:
    needing = {name for name, rules in DEFAULT_RULES.items() if rules.grant_required}
    assert needing == {"production"}
