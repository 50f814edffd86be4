"""The "why?" view: a decision rule by rule, and nothing written."""

import re

import pytest

from extdebug.demo.sample import Cast
from policies.models import Lock
from tests.policies.at_the_desk import signed_in
from tests.policies.conftest import TARGET, granted, request

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        ("dan", "Access allowed."),
        ("mallory", "no relation to this target"),
        ("alice", "alice has no grant"),
    ],
)
def test_why_shows_the_decision_rule_by_rule(cast: Cast, person: str, expected: str) -> None:
    granted(cast, cast.dan)
    client = signed_in(cast.olivia)
    page = client.get("/admin/policies/grant/why/", {**TARGET, "person": person})
    assert expected in page.text
    for rule in ("signed in", "relation", "feature", "capability", "consent", "grant"):
        assert f">{rule}<" in page.text


def test_why_speaks_of_the_person_asked_about_and_never_to_the_operator(cast: Cast) -> None:
    client = signed_in(cast.olivia)
    for person in ("dan", "mallory", "alice", "oscar"):
        page = client.get("/admin/policies/grant/why/", {**TARGET, "person": person})
        shown = page.text[page.text.index('<div class="desk">') : page.text.index("</ol>")]
        assert not re.search(r"\byour?\b", shown, re.IGNORECASE), person


def test_what_stands_in_the_way_of_an_approval_is_said_of_the_beneficiary(cast: Cast) -> None:
    grant = request(cast.dan)
    Lock.objects.create(user=cast.dan, reason="left the team", created_by=cast.oscar)
    page = signed_in(cast.olivia).get(f"/admin/policies/grant/{grant.pk}/approve/").text
    assert "Approving this will not give access:" in page
    assert "left the team" in page
    cast.dan.is_active = False
    cast.dan.save()
    page = signed_in(cast.olivia).get(f"/admin/policies/grant/{grant.pk}/approve/").text
    assert "The account of dan is not active." in page
