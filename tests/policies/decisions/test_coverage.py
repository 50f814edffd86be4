"""What live grants cover together, and until when."""

import datetime as dt

from policies.decisions.decide import decide
from policies.decisions.facts import (
    EnvironmentRules,
)
from tests.policies.decisions.conftest import NOW, facts_of, grant_of


def test_grants_for_named_installs_add_up_and_shrink_one_by_one() -> None:
    one = grant_of(id=1, all_installs=False, installs=frozenset({"one"}))
    two = grant_of(
        id=2,
        all_installs=False,
        installs=frozenset({"two"}),
        ends_at=NOW + dt.timedelta(minutes=9),
    )
    facts = facts_of(policy=EnvironmentRules(), grants=(one, two))
    decision = decide(facts, now=NOW)
    assert (decision.installs, decision.until) == ({"one", "two"}, two.ends_at)
    assert two.ends_at is not None
    later = decide(facts, now=two.ends_at)
    assert (later.installs, later.until, later.grant_id) == ({"one"}, one.ends_at, 1)


def test_a_policy_tightened_since_shortens_a_grant() -> None:
    rules = EnvironmentRules(max_grant_minutes=5)
    decision = decide(facts_of(policy=rules, grants=(grant_of(),)), now=NOW)
    assert decision.until == NOW + dt.timedelta(minutes=4)
