"""What waits for an operator: counted for those who may answer, and led to, most urgent first."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection

from extdebug.demo.sample import Cast
from policies.changes import verbs as changes
from policies.database import clock
from policies.desk import waiting
from policies.grants import verbs
from policies.models import ChangeRequest, Grant, Lock
from tests.fixtures.database import without_triggers
from tests.policies.at_the_desk import signed_in
from tests.policies.conftest import granted, request, wants

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]
NEXT = "/admin/policies/grant/next/"
COUNTS = "/admin/policies/grant/waiting/"


def test_an_operator_counts_what_they_may_answer_themselves(
    cast: Cast, third_operator: User
) -> None:
    request(cast.dan)
    request(cast.oscar)
    said = signed_in(cast.oscar).get(COUNTS)
    assert said.json() == {"approvals": 1, "changes": 0}
    assert "no-store" in said["Cache-Control"]
    assert signed_in(third_operator).get(COUNTS).json()["approvals"] == 2


def test_a_change_waits_for_operators_other_than_who_asks_and_who_gains(
    cast: Cast, third_operator: User
) -> None:
    held = Lock.objects.create(tenant=cast.acme, reason="audit", created_by=cast.oscar)
    wants(lambda: changes.delete(held, by=cast.olivia), by=cast.olivia)
    assert len(waiting.changes(third_operator)) == 1
    assert waiting.changes(cast.olivia) == []


def test_the_figures_are_those_of_counting_each(
    cast: Cast, third_operator: User, django_assert_num_queries: Any
) -> None:
    for person in (cast.dan, cast.oscar, cast.dora):
        request(person)
    granted(cast, cast.alice)
    for tenant, by in (
        (cast.acme, cast.olivia), (cast.globex, cast.olivia), (cast.globex, cast.oscar),
    ):  # fmt: skip
        held = Lock.objects.create(tenant=tenant, reason="audit", created_by=cast.oscar)
        wants(partial(changes.delete, held, by=by), by=by)
    ChangeRequest.objects.create(
        act="add", kind="policies.membership", summary="for oscar", subjects=[cast.oscar.pk],
        requester=cast.olivia, reason="an audit", requested_at=clock.now(),
        lapses_at=clock.now() + dt.timedelta(days=1),
    )  # fmt: skip
    assert waiting.figures(third_operator).changes - waiting.figures(cast.oscar).changes == 2
    for user in (cast.olivia, cast.oscar, third_operator, cast.dan):
        with django_assert_num_queries(1):
            found = waiting.figures(user)
        assert found.approvals == waiting.approvals(user).count()
        assert found.changes == len(waiting.changes(user))
        assert (found.pending, found.granted) == (3, 1)
        assert abs(found.now - clock.now()) < dt.timedelta(seconds=30)
    assert waiting.figures(cast.oscar).approvals == 2
    with without_triggers(connection):
        for rows in (Grant.objects, ChangeRequest.objects):
            rows.update(lapses_at=clock.now() - dt.timedelta(seconds=1))
    over = waiting.figures(third_operator)
    assert (over.approvals, over.changes, over.pending, over.granted) == (0, 0, 0, 1)


@pytest.mark.parametrize("path", [NEXT, COUNTS])
def test_nobody_else_learns_what_waits(cast: Cast, path: str) -> None:
    stefan = User.objects.create_user("stefan", is_staff=True)
    stefan.user_permissions.add(Permission.objects.get(codename="view_grant"))
    assert signed_in(stefan).get(path).status_code == 404
    assert signed_in(cast.dan).get(path).status_code == 302
    assert signed_in(cast.olivia).post(path).status_code == 405


def test_approving_leads_to_the_next_request_until_none_waits(cast: Cast) -> None:
    first, second = request(cast.dan), request(cast.dora)
    client = signed_in(cast.olivia)
    for grant in (first, second):
        page = client.get(NEXT, follow=True)
        assert page.redirect_chain[0][0].endswith(f"/{grant.pk}/approve/?back=next")
        form = {"version": grant.version, "minutes": 30, "comment": ""}
        answer = client.post(page.redirect_chain[0][0], form)
        assert (answer.status_code, answer["Location"]) == (302, NEXT)
        grant.refresh_from_db()
        assert grant.state == "active"
    assert client.get(NEXT)["Location"] == "/admin/#pending"
    assert "1 more request" not in client.get("/admin/").text


def test_the_form_says_how_many_wait_after_it(cast: Cast) -> None:
    request(cast.dan)
    request(cast.dora)
    page = signed_in(cast.olivia).get(NEXT, follow=True)
    assert "1 more request waits after this one" in page.text
    assert "?back=next" in page.text[page.text.index("Deny…") - 200 : page.text.index("Deny…")]
    verbs.deny(Grant.objects.first().pk, by=cast.oscar, reason="no")  # type: ignore[union-attr]
    assert "wait after" not in signed_in(cast.olivia).get(NEXT, follow=True).text
