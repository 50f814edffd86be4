"""The decision as a pure function: what must never be allowed, over random facts; tables."""

import datetime as dt
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from policies.decisions.decide import DecisionRule, decide
from policies.decisions.facts import (
    ConsentFact,
    EnvironmentRules,
    Facts,
    GrantFact,
    LockFact,
    OpeningFact,
    OpenSessions,
    SessionLimits,
    TokenFact,
)
from tests.policies.decisions.conftest import ME, NOW, facts_of, grant_of

moments = st.integers(-600, 600).map(lambda minutes: NOW + dt.timedelta(minutes=minutes))
installs = st.frozensets(st.sampled_from(["one", "two", "three", "elsewhere"]), max_size=3)
environments = st.sampled_from(["production", "staging", "development", "qa"])

rules = st.builds(
    EnvironmentRules,
    enabled=st.booleans(),
    grant_required=st.booleans(),
    consent_required=st.booleans(),
    max_grant_minutes=st.sampled_from([15, 480]),
    break_glass=st.booleans(),
    break_glass_minutes=st.sampled_from([5, 60]),
)
grants = st.builds(
    GrantFact,
    id=st.integers(1, 9),
    beneficiary=st.sampled_from([ME, ME, ME, 8]),
    tenant=st.sampled_from(["acme", "acme", "globex"]),
    extension=st.sampled_from(["sync", "sync", "other"]),
    environment=st.sampled_from(["production", "production", "staging"]),
    all_installs=st.booleans(),
    installs=installs,
    capabilities=st.sampled_from([frozenset({"cap:debug.logs"}), frozenset()]),
    starts_at=st.none() | moments,
    ends_at=st.none() | moments,
    closed_at=st.none() | moments,
    closed_as=st.sampled_from(["", "ended", "revoked"]),
    closed_reason=st.just(""),
    approvals=st.integers(0, 2),
    approvals_required=st.integers(0, 2),
    break_glass=st.booleans(),
)
openings = st.builds(
    OpeningFact,
    sessions=st.builds(OpenSessions, st.integers(0, 6), st.integers(0, 6), st.integers(0, 6)),
    last_minute=st.integers(0, 3),
    retry_after=st.integers(0, 60),
)
anything = st.builds(
    Facts,
    user_id=st.just(ME),
    tenant=st.just("acme"),
    extension=st.just("sync"),
    environment=environments,
    ui_enabled=st.sampled_from([None, True, True, False]),
    policy=st.none() | rules,
    active=st.sampled_from([True, True, False]),
    operator=st.booleans(),
    token=st.none()
    | st.builds(
        TokenFact,
        revoked=st.booleans(),
        expires_at=moments,
        tenant=st.sampled_from([None, "acme", "globex"]),
        extension=st.sampled_from([None, "sync", "other"]),
    ),
    member=st.booleans(),
    develops=installs,
    develops_all=st.booleans(),
    tenantless=st.sampled_from([False, False, True]),
    tenant_exists=st.booleans(),
    tenant_suspended=st.sampled_from([False, False, True]),
    extension_exists=st.booleans(),
    extension_capable=st.booleans(),
    installs=installs,
    capable_installs=installs,
    consent_required=st.booleans(),
    consents=st.lists(
        st.builds(ConsentFact, given=st.booleans(), expires_at=st.none() | moments), max_size=2
    ).map(tuple),
    mode_off=st.sampled_from([False, False, True]),
    locks=st.lists(
        st.builds(LockFact, on=st.just("You"), reason=st.just("x"), expires_at=st.none() | moments),
        max_size=1,
    ).map(tuple),
    grants=st.lists(grants, max_size=3).map(tuple),
    limits=st.just(
        SessionLimits(sessions_per_user=3, openings_per_minute=2, sessions_per_tenant=5)
    ),
    opening=st.none() | openings,
)


def live(grant: GrantFact, facts: Facts) -> bool:
    """Written apart from the product: does this grant carry authority over the target now?"""
    return (
        (grant.beneficiary, grant.tenant, grant.extension) == (ME, "acme", "sync")
        and grant.environment == facts.environment
        and "cap:debug.logs" in grant.capabilities
        and grant.starts_at is not None
        and grant.ends_at is not None
        and grant.closed_at is None
        and grant.starts_at <= NOW < grant.ends_at
        and NOW - grant.starts_at < dt.timedelta(hours=8)
        and (facts.operator if grant.break_glass else grant.approvals >= 1)
        and (grant.break_glass or grant.approvals >= grant.approvals_required)
    )


FIELDS = sorted(field.name for field in fields(Facts))


@st.composite
def nearly_fine(draw: st.DrawFn) -> Facts:
    """Facts under which all is well in production, but for at most three that are random."""
    alive = grants.map(
        lambda grant: replace(
            grant_of(environment="production"),
            id=grant.id,
            all_installs=grant.all_installs,
            installs=grant.installs,
            break_glass=grant.break_glass,
            approvals=grant.approvals,
            approvals_required=max(grant.approvals_required, 1),
            ends_at=NOW + dt.timedelta(minutes=30 * grant.id),
        )
    )
    fine = facts_of(
        environment="production",
        ui_enabled=True,
        policy=EnvironmentRules(),
        operator=draw(st.booleans()),
        grants=tuple(draw(st.lists(alive, min_size=1, max_size=3))),
    )
    random = draw(anything)
    names = draw(st.lists(st.sampled_from(FIELDS), max_size=3, unique=True))
    return replace(fine, **{name: getattr(random, name) for name in names})


@settings(max_examples=300, deadline=None)
@given(facts=anything)
def test_random_facts_never_open_what_is_closed(facts: Facts) -> None:
    check(facts)


@settings(max_examples=700, deadline=None)
@given(facts=nearly_fine())
def test_nearly_fine_facts_never_open_what_is_closed(facts: Facts) -> None:
    check(facts)


def check(facts: Facts) -> None:
    decision = decide(facts, now=NOW)
    assert decision.allowed == all(asked.ok for asked in decision.checks)
    assert decision.allowed == (decision.code == "")
    if not decision.allowed:
        assert decision.installs == frozenset()
        assert (decision.until, decision.grant_id) == (None, None)
        assert decision.reason
        if decision.code == "not_found":
            assert not decision.shown
            assert not decision.can_request
        return
    assert facts.active
    assert facts.policy is not None
    assert facts.policy.enabled
    assert facts.ui_enabled or (facts.ui_enabled is None and facts.environment != "production")
    assert not facts.tenant_suspended
    assert not any(lock.expires_at is None or lock.expires_at > NOW for lock in facts.locks)
    if facts.token is not None:
        assert not facts.token.revoked
        assert facts.token.expires_at > NOW
        assert facts.token.tenant in (None, "acme")
        assert facts.token.extension in (None, "sync")
    scope = facts.installs if decision.installs is None else decision.installs
    if not facts.operator:
        assert not facts.tenantless
        assert facts.tenant_exists
        assert facts.extension_exists
        assert facts.extension_capable
        assert scope
        assert scope <= facts.installs & facts.capable_installs
        if not (facts.member or facts.develops_all):
            assert decision.installs is not None  # so no event without an install
            assert scope <= facts.develops
    if not (facts.member or facts.tenantless):
        assert all(consent.given for consent in facts.consents)
        if facts.consent_required or facts.policy.consent_required:
            assert facts.consents
    if facts.environment == "production" or facts.policy.grant_required:
        assert not facts.mode_off
        alive = [grant for grant in facts.grants if live(grant, facts)]
        assert any(grant.id == decision.grant_id for grant in alive)
        assert decision.until is not None
        if decision.installs is None:
            assert any(grant.all_installs for grant in alive)
        for install in scope:
            assert any(grant.all_installs or install in grant.installs for grant in alive)
    if facts.opening is not None:
        assert facts.opening.sessions.user < facts.limits.sessions_per_user
        assert facts.opening.sessions.tenant < facts.limits.sessions_per_tenant
        assert facts.opening.last_minute < facts.limits.openings_per_minute


@given(facts=nearly_fine(), share=st.floats(0, 0.999))
def test_until_then_time_alone_takes_nothing_away(facts: Facts, share: float) -> None:
    decision = decide(facts, now=NOW)
    assume(decision.allowed)
    if decision.until is None:
        return
    later = decide(facts, now=NOW + (decision.until - NOW) * share)
    assert later.allowed
    if later.installs is not None:
        assert decision.installs is not None
        assert decision.installs <= later.installs


def test_staging_is_open_to_the_right_people() -> None:
    decision = decide(facts_of(), now=NOW)
    assert decision.allowed
    assert (decision.installs, decision.until) == (None, None)


@pytest.mark.parametrize(
    ("changes", "rule", "code"),
    [
        ({"active": False}, DecisionRule.SIGNED_IN, "denied"),
        ({"develops_all": False}, DecisionRule.RELATION, "not_found"),
        ({"tenant_exists": False}, DecisionRule.RELATION, "not_found"),
        ({"installs": frozenset()}, DecisionRule.RELATION, "not_found"),
        ({"ui_enabled": False}, DecisionRule.FEATURE, "denied"),
        ({"policy": None}, DecisionRule.FEATURE, "denied"),
        ({"policy": EnvironmentRules(enabled=False)}, DecisionRule.ENVIRONMENT, "denied"),
        ({"tenant_suspended": True}, DecisionRule.TENANT, "denied"),
        ({"locks": (LockFact("You", "x", None),)}, DecisionRule.LOCK, "denied"),
        ({"extension_capable": False}, DecisionRule.CAPABILITY, "denied"),
        ({"capable_installs": frozenset()}, DecisionRule.CAPABILITY, "denied"),
        ({"consent_required": True}, DecisionRule.CONSENT, "denied"),
        ({"consents": (ConsentFact(False, None),)}, DecisionRule.CONSENT, "denied"),
        ({"policy": EnvironmentRules(), "mode_off": True}, DecisionRule.MODE, "denied"),
        ({"policy": EnvironmentRules()}, DecisionRule.GRANT, "denied"),
        ({"opening": OpeningFact(OpenSessions(), 20, 9)}, DecisionRule.RATE, "busy"),
        ({"opening": OpeningFact(OpenSessions(user=5), 0, 0)}, DecisionRule.SESSIONS, "busy"),
        ({"opening": OpeningFact(OpenSessions(tenant=200), 0, 0)}, DecisionRule.SESSIONS, "busy"),
        (
            {"opening": OpeningFact(OpenSessions(extension=200), 0, 0)},
            DecisionRule.SESSIONS,
            "busy",
        ),
    ],
)
def test_the_first_failure_decides(changes: dict[str, Any], rule: DecisionRule, code: str) -> None:
    decision = decide(facts_of(**changes), now=NOW)
    assert decision.failed is not None
    assert (decision.failed.rule, decision.code) == (rule, code)
    assert decision.reason == decision.failed.reason
    assert decision.hint


def test_every_rule_is_asked_even_after_a_failure() -> None:
    facts = facts_of(active=False, opening=OpeningFact(OpenSessions(), 0, 0))
    token = TokenFact(revoked=False, expires_at=NOW, tenant=None, extension=None)
    decision = decide(replace(facts, token=token), now=NOW)
    assert [asked.rule for asked in decision.checks] == list(DecisionRule)


def test_only_a_missing_grant_can_be_requested() -> None:
    assert decide(facts_of(policy=EnvironmentRules()), now=NOW).can_request
    blocked = {"policy": EnvironmentRules(), "mode_off": True}
    assert not decide(facts_of(**blocked), now=NOW).can_request
    assert not decide(facts_of(), now=NOW).can_request


def test_a_refusal_for_the_rate_says_when_to_come_back() -> None:
    rate = decide(facts_of(opening=OpeningFact(OpenSessions(), 20, 9)), now=NOW)
    assert rate.retry_after == 9
    sessions = decide(facts_of(opening=OpeningFact(OpenSessions(user=5), 0, 0)), now=NOW)
    assert sessions.retry_after > 0


def test_installs_without_the_capability_leave_the_scope() -> None:
    decision = decide(facts_of(capable_installs=frozenset({"one"})), now=NOW)
    assert decision.installs == {"one"}
    operator = facts_of(capable_installs=frozenset(), extension_capable=False, operator=True)
    assert decide(operator, now=NOW).installs is None


def test_production_needs_a_grant_whatever_its_policy_says() -> None:
    lax = EnvironmentRules(grant_required=False)
    facts = facts_of(environment="production", ui_enabled=True, policy=lax)
    assert decide(facts, now=NOW).failed is not None


def test_tenantless_streams_are_for_operators() -> None:
    alone = facts_of(tenantless=True, tenant_exists=False, tenant="-", installs=frozenset())
    assert decide(alone, now=NOW).code == "not_found"
    operators = replace(alone, operator=True)
    assert decide(replace(operators, environment="development"), now=NOW).allowed
    refused = decide(operators, now=NOW)
    assert (refused.code, refused.can_request) == ("denied", True)
    assert refused.failed is not None
    assert refused.failed.rule == DecisionRule.GRANT
    for related in ({"member": True}, {"develops_all": True}, {"develops": frozenset({"i"})}):
        assert decide(replace(alone, **related), now=NOW).code == "not_found"


def test_a_token_cuts_its_owner_down() -> None:
    token = TokenFact(
        revoked=False, expires_at=NOW + dt.timedelta(1), tenant="acme", extension=None
    )
    assert decide(facts_of(token=token), now=NOW).until == token.expires_at
    elsewhere = replace(token, tenant="globex")
    assert decide(facts_of(token=elsewhere, operator=True), now=NOW).code == "not_found"
    over = replace(token, expires_at=NOW)
    assert decide(facts_of(token=over), now=NOW).code == "denied"
