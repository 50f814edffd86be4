"""A rule's answer is said to the person, and about them to others, by name."""

import datetime as dt
import re
from typing import Any

import pytest

from policies.decisions.check import Check, answered
from policies.decisions.decide import decide
from policies.decisions.facts import EnvironmentRules, OpeningFact, OpenSessions
from policies.decisions.wording import FAILURES
from tests.policies.decisions.conftest import NOW, facts_of, grant_of

LOCKED = EnvironmentRules(grant_required=True)


@pytest.mark.parametrize("ok", [True, False])
def test_an_answer_speaks_to_the_person_or_about_them(ok: bool) -> None:
    check = answered("signed_in", ok=ok, failure=FAILURES["signed_in"])
    assert re.match("You", check.reason)
    said = check.about("dan")
    assert "dan" in said.reason
    assert (said.rule, said.ok) == (check.rule, check.ok)


def test_decisions_share_the_answers_of_rules_that_are_met() -> None:
    met = [answered(rule, ok=True, failure=FAILURES[rule]) for rule in (*FAILURES, *FAILURES)]
    assert len({id(check) for check in met}) == len(FAILURES)
    assert [check.rule for check in met] == [*FAILURES, *FAILURES]
    particular = FAILURES["lock"].about("acme is locked: audit")
    assert answered("lock", ok=True, failure=particular) is answered(
        "lock", ok=True, failure=FAILURES["lock"]
    )
    assert answered("lock", ok=False, failure=particular).reason == "acme is locked: audit"


def test_words_that_name_nobody_stay_as_they_are() -> None:
    plain = Check("lock", ok=False, reason="acme is locked: you {} \\ %s", hint="Wait.")
    assert plain.about("dan") == plain


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"policy": LOCKED}, "dan has no grant for this target."),
        (
            {"policy": LOCKED, "grants": (grant_of(closed_at=NOW, closed_as="revoked",
                                                   closed_reason="you {know}"),)},
            "The grant G-1 was revoked: you {know}",
        ),
        (
            {"policy": LOCKED, "grants": (grant_of(all_installs=False),)},
            "The grant of dan covers other installs.",
        ),
        ({"active": False}, "The account of dan is not active."),
        (
            {"opening": OpeningFact(OpenSessions(5), last_minute=0, retry_after=0)},
            "Too many sessions: dan has 5 of 5 sessions open.",
        ),
    ],
)  # fmt: skip
def test_a_decision_about_somebody_names_them(changes: dict[str, Any], said: str) -> None:
    decision = decide(facts_of(**changes), now=NOW + dt.timedelta(0))
    assert re.search(r"\b[Yy]ou", decision.reason)
    assert decision.about("dan").reason == said
    for check in decision.about("dan").checks:
        assert "\x00" not in check.reason + check.hint
