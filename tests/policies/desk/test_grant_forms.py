"""Requests and break-glass grants that begin in the admin."""

import pytest

from extdebug.demo.sample import Cast
from policies.grants import verbs
from policies.models import Grant
from tests.policies.at_the_desk import act, signed_in
from tests.policies.conftest import TARGET, actions

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


def test_a_broken_glass_is_asked_about_recorded_and_reviewed(cast: Cast) -> None:
    client = signed_in(cast.oscar)
    url = "/admin/policies/grant/break-glass/"
    assert "without anyone" in client.get(url).text
    data = {**TARGET, "minutes": "10", "reason": "an outage"}
    assert client.post(url, data).status_code == 302
    grant = Grant.objects.get(break_glass=True)
    assert client.post(url, data).status_code == 403, "not again before a review"
    assert client.get(act(grant, "review")).status_code == 409
    other = signed_in(cast.olivia)
    assert other.get(act(grant, "review")).status_code == 409, "still active"
    verbs.revoke(grant.pk, by=cast.olivia, reason="over")
    grant.refresh_from_db()
    assert "break-glass grant to review" in other.get("/admin/").text
    said = {"version": grant.version, "verdict": "justified", "comment": "I read the ticket"}
    assert other.post(act(grant, "review"), said).status_code == 302
    assert actions(subject_type="grant", subject_id=str(grant.pk)) == [
        "break_glass.used", "grant.revoked", "break_glass.reviewed",
    ]  # fmt: skip


def test_a_request_from_the_desk_names_its_beneficiary(cast: Cast) -> None:
    client = signed_in(cast.olivia)
    data = {**TARGET, "beneficiary": "dan", "minutes": "20", "reason": "for the night shift"}
    assert client.post("/admin/policies/grant/request/", data).status_code == 302
    grant = Grant.objects.get()
    assert (grant.requester, grant.beneficiary) == (cast.olivia, cast.dan)
    refused = client.post("/admin/policies/grant/request/", {**data, "beneficiary": "mallory"})
    assert refused.status_code == 403
    assert "no such target" in refused.text
