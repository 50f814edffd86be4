"""Who is told of whom: those whose authority covers theirs, and tenants' admins of operators."""

from __future__ import annotations

import itertools
from typing import Final

import pytest

from policies.decisions.audience import Standing, may_follow, may_know, standing_of
from policies.decisions.decide import decide
from policies.decisions.facts import DEFAULT_RULES
from tests.policies.decisions.conftest import NOW, facts_of, grant_of

ALL: Final = None
ONE: Final = frozenset({"one"})
BOTH: Final = frozenset({"one", "two"})


def developer(installs: frozenset[str] | None) -> Standing:
    return Standing(installs, operator=False)


def operator(installs: frozenset[str] | None = None) -> Standing:
    return Standing(installs, operator=True)


def admin(installs: frozenset[str] | None = None) -> Standing:
    return Standing(installs, operator=False, tenant_admin=True)


@pytest.mark.parametrize(
    ("viewer", "other", "known", "followed"),
    [
        (developer(ALL), developer(ALL), True, True),
        (developer(ALL), developer(ONE), True, True),
        (developer(ONE), developer(ALL), False, False),
        (developer(ONE), developer(BOTH), False, False),
        (developer(BOTH), developer(ONE), True, True),
        (developer(ONE), developer(frozenset({"two"})), False, False),
        (developer(ALL), operator(), False, False),  # an inquiry does not announce itself
        (developer(ALL), operator(ONE), False, False),
        (admin(), operator(), True, True),
        (admin(ONE), operator(), True, False),  # who it is, not what they look at
        (admin(ONE), developer(ALL), False, False),
        (operator(), operator(), True, True),
        (operator(ONE), operator(), False, False),
        (operator(), developer(ALL), True, True),
        (operator(ONE), developer(BOTH), False, False),
    ],
)
def test_who_is_told(viewer: Standing, other: Standing, known: bool, followed: bool) -> None:
    assert may_know(viewer, other) is known
    assert may_follow(viewer, other) is followed


def test_nobody_follows_what_they_may_not_see_themselves() -> None:
    """Whatever the roles: a view is told to those alone who may see all that it may show."""
    scopes = [ALL, ONE, BOTH, frozenset({"two"})]
    flags = list(itertools.product(scopes, [True, False], [True, False]))
    told = 0
    for mine, theirs in itertools.product(flags, flags):
        if may_follow(Standing(*mine), Standing(*theirs)):
            told += 1
            assert mine[0] is None or (theirs[0] is not None and theirs[0] <= mine[0])
    assert told


def test_a_decision_gives_the_standing() -> None:
    decision = decide(facts_of(member=True), now=NOW)
    assert decision.allowed
    assert standing_of(decision) == Standing(decision.installs, False, tenant_admin=True)
    assert not standing_of(decide(facts_of(member=False, operator=True), now=NOW)).tenant_admin


@pytest.mark.parametrize("standing", [developer(ALL), developer(BOTH), operator(ONE)])
def test_a_standing_goes_through_a_row(standing: Standing) -> None:
    assert Standing.of_json(standing.to_json()) == standing


def test_break_glass_is_told_to_the_tenant_and_not_to_who_wrote_the_extension() -> None:
    production = {"environment": "production", "policy": DEFAULT_RULES["production"]}
    grant = grant_of(environment="production", break_glass=True, approvals=0)
    facts = facts_of(
        operator=True, develops_all=False, ui_enabled=True, grants=(grant,), **production
    )
    decision = decide(facts, now=NOW)
    assert decision.allowed
    assert decision.break_glass
    olivia = standing_of(decision)
    assert may_know(admin(ONE), olivia)
    assert may_know(operator(), olivia)
    assert not may_know(developer(ALL), olivia)
