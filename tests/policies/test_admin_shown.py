"""What the desk shows: the first page, a grant's whole history, the "why?" view, the lists."""

import pytest
from django.contrib.auth.models import User

from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from extdebug.sessions import store
from extdebug.wire.keys import Target
from policies import access
from policies.grants import verbs
from tests.policies.conftest import TARGET, granted, request
from tests.policies.desk import act, signed_in, watch

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


def test_the_first_page_shows_what_waits_what_is_granted_who_watches_and_who_was_refused(
    cast: Cast,
) -> None:
    waiting, active = request(cast.dora), granted(cast, cast.dan)
    row = watch(cast.dan)
    viewer = access.viewer_of(cast.alice, transport="ws")
    store.open_session(viewer, Target(**TARGET), process="p", filters=[])
    page = signed_in(cast.olivia).get("/admin/").text
    assert act(waiting, "approve") in page
    assert act(active, "revoke") in page
    assert f"/admin/extdebug/debugsession/{row.pk}/end/" in page
    assert "You have no grant for this target." in page
    live = signed_in(cast.olivia).get("/admin/?live=1").text
    assert "You have no grant for this target." not in live


def test_staff_without_the_right_see_nothing_of_it(cast: Cast) -> None:
    granted(cast, cast.dan)
    page = signed_in(User.objects.create_user("stefan", is_staff=True)).get("/admin/").text
    assert "not an operator" in page
    assert "dan" not in page


def test_every_request_denial_and_session_stays_on_the_grants_page(cast: Cast) -> None:
    """Behaviour 17, as an operator sees it: before, during and after the grant."""
    grant = request(cast.dan)
    viewer = access.viewer_of(cast.dan, transport="ws")
    store.open_session(viewer, Target(**TARGET), process="p", filters=[])
    verbs.approve(grant.pk, by=cast.oscar, comment="customer agreed")
    row = watch(cast.dan)
    more = verbs.extend(grant.pk, by=cast.dan, minutes=30, reason="not done yet")
    DebugSession.objects.filter(pk=row.pk).update(grant=grant)
    verbs.revoke(grant.pk, by=cast.olivia, reason="the customer withdrew")
    page = signed_in(cast.olivia).get(f"/admin/policies/grant/{grant.pk}/change/").text
    for shown in (
        "a customer waits", "customer agreed", "the customer withdrew", more.label,
        "You have no grant for this target.", str(row.pk), "grant.requested", "grant.revoked",
        "session.opened",
    ):  # fmt: skip
        assert shown in page, shown


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
