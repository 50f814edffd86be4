"""The "why?" view: a decision rule by rule, and nothing written."""

import pytest

from extdebug.demo.sample import Cast
from tests.policies.at_the_desk import signed_in
from tests.policies.conftest import TARGET, granted

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


@pytest.mark.parametrize(
    ("person", "expected"),
    [("dan", "Yes."), ("mallory", "no relation to this target"), ("alice", "You have no grant")],
)
def test_why_shows_the_decision_rule_by_rule(cast: Cast, person: str, expected: str) -> None:
    granted(cast, cast.dan)
    client = signed_in(cast.olivia)
    page = client.get("/admin/policies/grant/why/", {**TARGET, "person": person})
    assert expected in page.text
    for rule in ("signed_in", "relation", "feature", "capability", "consent", "grant"):
        assert f">{rule}<" in page.text
