"""Redaction rules in the admin: tried on sample text before they are saved."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from extdebug.demo.sample import Cast
from policies.models import RedactionRule
from tests.policies.at_the_desk import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pattern": "KD-("}, "RE2 refuses"),
        ({"pattern": ".*"}, "empty text"),
        ({"example": "nothing of the kind"}, "does not match"),
        ({"counter_example": "KD-999999"}, "masks it"),
        ({"name": "Email!"}, "valid"),
    ],
)
def test_a_rule_that_does_not_work_is_not_saved(
    cast: Cast, root: Client, change: dict[str, str], said: str
) -> None:
    data = {"name": "customer", "pattern": r"KD-\d{6}", "example": "KD-123456", **change}
    answer = root.post("/admin/policies/redactionrule/add/", data)
    assert answer.status_code == 200
    assert said in answer.text
    assert not RedactionRule.objects.exists()


def test_the_preview_masks_the_sample_and_saves_nothing(cast: Cast, root: Client) -> None:
    url = "/admin/policies/redactionrule/preview/"
    sample = "KD-123456 <b>jane@example.com</b>"
    seen = root.post(url, {"name": "kd", "pattern": r"KD-\d{6}", "sample": sample}).json()
    assert [p["mask"] for p in seen["alone"]] == [True, False]
    assert seen["names"] == ["kd", "email"] or set(seen["names"]) == {"kd", "email"}
    assert "<b>" in "".join(p["text"] for p in seen["together"] if not p["mask"])
    broken = root.post(url, {"name": "kd", "pattern": "KD-(", "sample": sample}).json()
    assert "RE2 refuses" in broken["error"]
    assert not RedactionRule.objects.exists()
    stefan = signed_in(User.objects.create_user("stefan", is_staff=True))
    assert stefan.post(url, {"sample": sample}).status_code == 404
