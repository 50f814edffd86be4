"""Behaviour 20: in the admin GET changes nothing, POST says what it cuts, and ids tell nothing."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from extdebug.wire.keys import Target
from policies import access
from policies.models import Grant
from tests.extdebug.opened_rows import open_row
from tests.policies.at_the_desk import act, signed_in, state, watch
from tests.policies.conftest import TARGET, actions, granted, request

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]
CHANGING = ("approve", "deny", "revoke", "review", "withdraw", "cancel", "release")


def everything() -> dict[str, Any]:
    """Every row of every table but what reading itself may write: sign-ins and the trail."""
    read = ("django_session", "audit_auditrecord", "audit_tally", "policies_notice")
    tables = [t for t in connection.introspection.table_names() if t not in read]
    found = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found[table] = sorted(map(repr, cursor.fetchall()))
    return found


def test_behaviour_20_get_changes_nothing(cast: Cast) -> None:
    pending, active = request(cast.dora), granted(cast, cast.dan)
    watched = watch(cast.dan)
    client = signed_in(cast.olivia)
    before = everything()
    for grant in (pending, active):
        for verb in CHANGING:
            answer = client.get(act(grant, verb), {"reason": "x", "version": str(grant.version)})
            assert answer.status_code in (200, 409)
    for url in (
        "/admin/",
        "/admin/policies/grant/",
        f"/admin/policies/grant/{active.pk}/change/",
        f"/admin/extdebug/debugsession/{watched.pk}/end/",
        f"/admin/extdebug/debugsession/{watched.pk}/change/",
        "/admin/policies/grant/?action=revoke_selected&_selected_action=1&confirmed=1&reason=x",
        "/admin/policies/grant/break-glass/?tenant=acme&extension=invoice-sync&reason=x&minutes=5",
        "/admin/policies/grant/request/?tenant=acme&extension=invoice-sync&beneficiary=dan",
        "/admin/policies/grant/why/?person=dan&tenant=acme&extension=invoice-sync",
        f"/admin/policies/tenant/{cast.acme.pk}/delete/?post=yes",
    ):
        assert client.get(url).status_code in (200, 302), url
    assert client.get("/admin/logout/").status_code == 405
    assert client.get("/admin/policies/redactionrule/preview/").status_code == 405
    assert everything() == before
    written = set(actions(actor_name="olivia")) - {"grant.approved"}
    assert written == {"audit.read"}, "reading the trail is all that is written down"


def test_behaviour_20_post_confirms_with_the_number_of_sessions_it_cuts(cast: Cast) -> None:
    grant = granted(cast, cast.dan)
    watch(cast.dan)
    watch(cast.dan)
    client = signed_in(cast.olivia)
    page = client.get(act(grant, "revoke"))
    assert "This cuts 2 live sessions at once" in page.text
    assert "Revoke and cut 2 sessions" in page.text
    done = client.post(
        act(grant, "revoke"), {"version": grant.version, "reason": "it is enough"}, follow=True
    )
    assert "was revoked" in done.text
    assert state(grant) == Grant.State.REVOKED
    assert Grant.objects.get(pk=grant.pk).closed_reason == "it is enough"


@pytest.mark.parametrize("who", ["alice", "greta", "dan", "mallory", "staff", "anonymous"])
def test_behaviour_20_ids_answer_nothing_to_people_without_the_right(cast: Cast, who: str) -> None:
    """Existing and missing ids look the same; staff who are no operators get 404 for both."""
    grant = granted(cast, cast.dan, tenant="globex")
    row = watch(cast.dan, tenant="globex")
    client = Client()
    if who == "staff":
        client = signed_in(User.objects.create_user("stefan", is_staff=True))
    elif who != "anonymous":
        client = signed_in(getattr(cast, who))
    missing = "00000000-0000-4000-8000-000000000000"
    for there, gone in (
        (f"grant/{grant.pk}/change/", "grant/99999/change/"),
        (f"grant/{grant.pk}/revoke/", "grant/99999/revoke/"),
        (f"tenant/{cast.globex.pk}/change/", "tenant/99999/change/"),
        (f"tenant/{cast.globex.pk}/delete/", "tenant/99999/delete/"),
        (f"tenant/{cast.globex.pk}/history/", "tenant/99999/history/"),
        (f"../extdebug/debugsession/{row.pk}/end/", f"../extdebug/debugsession/{missing}/end/"),
        (
            f"../extdebug/debugsession/{row.pk}/change/",
            f"../extdebug/debugsession/{missing}/change/",
        ),
    ):
        for method in (client.get, client.post):
            answers = [
                method("/admin/policies/" + path if not path.startswith("..") else
                       "/admin" + path[2:])
                for path in (there, gone)
            ]  # fmt: skip
            assert answers[0].status_code == answers[1].status_code
            if who == "staff":
                assert answers[0].status_code == 404
            else:
                assert answers[0].status_code == 302
                assert answers[0]["Location"].startswith("/admin/login/")
    assert state(grant) == Grant.State.ACTIVE
    row.refresh_from_db()
    assert row.end_requested_at is None


def test_behaviour_20_an_operator_gets_404_for_what_does_not_exist(cast: Cast) -> None:
    client = signed_in(cast.olivia)
    for path in (
        "grant/99999/change/",
        "grant/99999/revoke/",
        "grant/abc/change/",
        "lock/9/change/",
    ):
        assert client.get(f"/admin/policies/{path}").status_code == 404


def test_behaviour_20_reading_and_exporting_the_audit_is_audited(cast: Cast) -> None:
    grant = granted(cast, cast.dan)
    client = signed_in(cast.oscar)
    assert client.get(f"/admin/policies/grant/{grant.pk}/change/").status_code == 200
    assert client.get("/admin/audit/auditrecord/").status_code == 200
    assert client.post("/admin/audit/auditrecord/export/").getvalue()
    mine = actions(actor_name="oscar")
    assert mine.count("audit.read") == 2
    assert mine.count("audit.exported") == 1
    read = AuditRecord.objects.filter(action="audit.read", subject_type="grant").get()
    assert (read.tenant, read.subject_id) == ("acme", str(grant.pk))


def test_behaviour_20_an_end_is_confirmed_and_only_then_requested(cast: Cast) -> None:
    granted(cast, cast.dan)
    row = watch(cast.dan)
    client = signed_in(cast.olivia)
    url = f"/admin/extdebug/debugsession/{row.pk}/end/"
    assert "This cuts 1 live session" in client.get(url).text
    assert client.post(url).status_code == 302
    row.refresh_from_db()
    assert row.end_requested_by == "olivia"
    assert actions(subject_id=str(row.pk)) == ["session.opened", "session.end_requested"]
    again = client.post(url)
    assert again.status_code == 409
    assert actions(subject_id=str(row.pk)).count("session.end_requested") == 1


def test_behaviour_20_ending_many_checks_each(cast: Cast) -> None:
    granted(cast, cast.dan)
    live, over = watch(cast.dan), watch(cast.dan)
    DebugSession.objects.filter(pk=over.pk).update(closed_at=timezone.now())
    client = signed_in(cast.olivia)
    url = "/admin/extdebug/debugsession/"
    chosen = {"action": "end_selected", "_selected_action": [str(live.pk), str(over.pk)]}
    asked = client.post(url, chosen)
    assert "This cuts 1 live session:" in asked.text
    assert "Over already" in asked.text
    live.refresh_from_db()
    assert live.end_requested_at is None
    done = client.post(url, {**chosen, "confirmed": "1"}, follow=True)
    assert "was over already" in done.text
    live.refresh_from_db()
    over.refresh_from_db()
    assert (live.end_requested_by, over.end_requested_by) == ("olivia", "")


def test_the_first_page_shows_what_waits_what_is_granted_who_watches_and_who_was_refused(
    cast: Cast,
) -> None:
    waiting, active = request(cast.dora), granted(cast, cast.dan)
    row = watch(cast.dan)
    viewer = access.viewer_of(cast.alice, transport="ws")
    open_row(viewer, Target(**TARGET))
    page = signed_in(cast.olivia).get("/admin/").text
    assert act(waiting, "approve") in page
    assert act(active, "revoke") in page
    assert f"/admin/extdebug/debugsession/{row.pk}/end/" in page
    assert "alice has no grant for this target." in page
    live = signed_in(cast.olivia).get("/admin/?live=1").text
    assert "alice has no grant for this target." not in live


def test_staff_without_the_right_see_nothing_of_it(cast: Cast) -> None:
    granted(cast, cast.dan)
    page = signed_in(User.objects.create_user("stefan", is_staff=True)).get("/admin/").text
    assert "not an operator" in page
    assert "dan" not in page
