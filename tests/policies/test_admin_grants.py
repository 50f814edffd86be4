"""What an operator does to grants by POST, and what refuses them."""

import pytest

from extdebug.demo.sample import Cast
from policies.grants import verbs
from policies.models import Grant
from tests.policies.conftest import TARGET, actions, granted, request
from tests.policies.desk import act, signed_in, state

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


def test_an_approval_can_shorten_and_lands_on_the_grants_page(cast: Cast) -> None:
    grant = request(cast.dan)
    client = signed_in(cast.olivia)
    done = client.post(
        act(grant, "approve"),
        {"version": grant.version, "minutes": "15", "comment": "short"},
        follow=True,
    )
    assert done.redirect_chain == [(f"/admin/policies/grant/{grant.pk}/change/", 302)]
    grant.refresh_from_db()
    assert (grant.state, grant.minutes) == ("active", 15)
    assert grant.approvals.get().comment == "short"


@pytest.mark.parametrize("minutes", ["61", "0", "", "x"])
def test_an_approval_never_lengthens(cast: Cast, minutes: str) -> None:
    grant = request(cast.dan)
    data = {"version": grant.version, "minutes": minutes}
    assert signed_in(cast.olivia).post(act(grant, "approve"), data).status_code == 400
    assert state(grant) == Grant.State.REQUESTED


@pytest.mark.parametrize("verb", ["deny", "approve"])
def test_a_stale_form_answers_409_and_shows_what_is_so_now(cast: Cast, verb: str) -> None:
    grant = request(cast.dan)
    client = signed_in(cast.oscar)
    assert client.get(act(grant, verb)).status_code == 200
    verbs.approve(grant.pk, by=cast.olivia)
    data = {"version": grant.version, "minutes": "60", "reason": "no"}
    late = client.post(act(grant, verb), data)
    assert late.status_code == 409
    assert "was changed" in late.text
    assert state(grant) == Grant.State.ACTIVE
    assert grant.approvals.count() == 1


def test_a_form_without_a_version_answers_409(cast: Cast) -> None:
    grant = granted(cast, cast.dan)
    answer = signed_in(cast.olivia).post(act(grant, "revoke"), {"reason": "x"})
    assert answer.status_code == 409
    assert state(grant) == Grant.State.ACTIVE


def test_a_revocation_needs_a_reason(cast: Cast) -> None:
    grant = granted(cast, cast.dan)
    answer = signed_in(cast.olivia).post(act(grant, "revoke"), {"version": grant.version})
    assert answer.status_code == 400
    assert state(grant) == Grant.State.ACTIVE


def test_nobody_judges_their_own_not_even_a_superuser(cast: Cast) -> None:
    cast.olivia.is_superuser = True
    cast.olivia.save()
    grant = request(cast.olivia)
    client = signed_in(cast.olivia)
    assert client.get(act(grant, "approve")).status_code == 409
    data = {"version": grant.version, "minutes": "60"}
    assert client.post(act(grant, "approve"), data).status_code == 403
    assert state(grant) == Grant.State.REQUESTED
    assert "Approve" not in client.get(f"/admin/policies/grant/{grant.pk}/change/").text


def test_an_operator_who_lost_the_right_is_refused_at_the_next_post(cast: Cast) -> None:
    grant = granted(cast, cast.dan)
    client = signed_in(cast.olivia)
    assert client.get(act(grant, "revoke")).status_code == 200
    cast.olivia.user_permissions.clear()
    data = {"version": grant.version, "reason": "x"}
    assert client.post(act(grant, "revoke"), data).status_code == 404
    assert state(grant) == Grant.State.ACTIVE


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
    assert "broken glass to review" in other.get("/admin/").text
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
