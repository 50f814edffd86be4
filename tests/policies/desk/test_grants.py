"""Grants in the admin: the list, one grant's page with its history, and acts by POST."""

import pytest
from django.contrib.auth.models import User

from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from extdebug.wire.keys import Target
from policies import access
from policies.grants import verbs
from policies.models import Grant
from tests.extdebug.opened_rows import open_row
from tests.policies.at_the_desk import act, signed_in, state, watch
from tests.policies.conftest import TARGET, granted, request

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


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


def test_an_operator_who_lost_the_right_is_refused_at_the_next_post(cast: Cast) -> None:
    grant = granted(cast, cast.dan)
    client = signed_in(cast.olivia)
    assert client.get(act(grant, "revoke")).status_code == 200
    cast.olivia.user_permissions.clear()
    data = {"version": grant.version, "reason": "x"}
    assert client.post(act(grant, "revoke"), data).status_code == 404
    assert state(grant) == Grant.State.ACTIVE


def test_every_request_denial_and_session_stays_on_the_grants_page(cast: Cast) -> None:
    """Behaviour 17, as an operator sees it: before, during and after the grant."""
    grant = request(cast.dan)
    viewer = access.viewer_of(cast.dan, transport="ws")
    open_row(viewer, Target(**TARGET))
    verbs.approve(grant.pk, by=cast.oscar, comment="customer agreed")
    row = watch(cast.dan)
    more = verbs.extend(grant.pk, by=cast.dan, minutes=30, reason="not done yet")
    DebugSession.objects.filter(pk=row.pk).update(grant=grant)
    verbs.revoke(grant.pk, by=cast.olivia, reason="the customer withdrew")
    page = signed_in(cast.olivia).get(f"/admin/policies/grant/{grant.pk}/change/").text
    for shown in (
        "a customer waits", "customer agreed", "the customer withdrew", more.label,
        "dan has no grant for this target.", str(row.pk), "Grant requested", "Grant revoked",
        "Session opened",
    ):  # fmt: skip
        assert shown in page, shown


def test_the_list_says_the_state_of_a_grant_that_is_over(cast: Cast) -> None:
    verbs.withdraw(request(cast.dan).pk, by=cast.dan)
    listed = signed_in(cast.olivia).get("/admin/policies/grant/").text.split('id="result_list"')[1]
    assert "Withdrawn" in listed
    assert ">default<" not in "".join(listed.split())


def test_lists_search_and_filter(cast: Cast) -> None:
    grant, other = granted(cast, cast.dan), request(cast.dora)
    client = signed_in(cast.olivia)

    def shown(**query: str) -> set[int]:
        page = client.get("/admin/policies/grant/", query)
        assert page.status_code == 200, query
        return {row.pk for row in page.context["cl"].result_list}

    assert shown() == {grant.pk, other.pk}
    assert shown(q=grant.label) == shown(q="dan") == {grant.pk}
    assert shown(waits="approval") == shown(waits="me") == {other.pk}
    assert shown(beneficiary__id__exact=str(cast.dan.pk)) == {grant.pk}
    for url in (
        "extdebug/debugsession/?open=yes",
        "policies/lock/?live=yes",
        "policies/accesstoken/?standing=valid",
        "policies/tenant/?suspended=no",
    ):
        assert client.get(f"/admin/{url}").status_code == 200


def test_autocomplete_finds_people_for_operators_only(cast: Cast) -> None:
    query = {"term": "dan", "app_label": "policies", "model_name": "lock", "field_name": "user"}
    found = signed_in(cast.olivia).get("/admin/autocomplete/", query)
    assert [row["text"] for row in found.json()["results"]] == ["dan"]
    stefan = User.objects.create_user("stefan", is_staff=True)
    assert signed_in(stefan).get("/admin/autocomplete/", query).status_code == 403
