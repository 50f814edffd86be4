"""What each act on a grant asks for, and who may not do it."""

import pytest

from extdebug.demo.sample import Cast
from policies.models import Grant
from tests.policies.at_the_desk import act, signed_in, state
from tests.policies.conftest import granted, request

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
