"""The desk asks for a reason, and a second operator decides on the request's page."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User

from extdebug.demo.sample import Cast
from policies.changes import requests
from policies.models import (
    ChangeRequest,
    Lock,
    Membership,
)
from tests.policies.at_the_desk import seen, signed_in
from tests.policies.conftest import operate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]
HOUR = dt.timedelta(hours=1)


def test_the_desk_asks_why_and_a_second_operator_decides(cast: Cast, root: Any) -> None:
    person = User.objects.get(username="root")
    url = "/admin/policies/membership/add/"
    form = {"user": person.pk, "tenant": cast.acme.pk, "role": "admin"}
    asked = root.post(url, form)
    assert (asked.status_code, Membership.objects.filter(user=person).count()) == (200, 0)
    assert "second operator" in asked.text
    assert root.post(url, {**form, "_why": " "}).status_code == 403
    assert root.post(url, {**form, "_why": "I cover for alice"}).status_code == 302
    change = ChangeRequest.objects.get()
    page = f"/admin/policies/changerequest/{change.pk}/"
    assert root.post(f"{page}approve/").status_code == 403
    assert signed_in(cast.dan).post(f"{page}approve/").status_code == 302  # to the sign-in
    other = signed_in(cast.olivia)
    assert "I cover for alice" in other.get("/admin/").text
    assert other.get(f"{page}approve/").status_code == 405
    assert other.post(f"{page}deny/", {"comment": ""}).status_code == 403
    assert other.post(f"{page}approve/", {"comment": "yes"}).status_code == 302
    assert Membership.objects.filter(user=person).count() == 1
    assert other.post(f"{page}approve/").status_code == 409


def test_many_at_once_are_asked_for_one_by_one(cast: Cast, root: Any) -> None:
    locks = [Lock.objects.create(tenant=each, reason="x") for each in (cast.acme, cast.globex)]
    answer = root.post(
        "/admin/policies/lock/",
        {"action": "delete_selected", "_selected_action": [each.pk for each in locks],
         "post": "yes"},
    )  # fmt: skip
    assert answer.status_code == 403
    assert Lock.objects.count() == 2


def test_an_operators_rights_come_with_a_second_person(cast: Cast, root: Any) -> None:
    cast.mallory.is_staff = True
    cast.mallory.save()
    url = f"/admin/auth/user/{cast.mallory.pk}/change/"
    form = {"username": "mallory", "is_active": "on", "is_staff": "on",
            "user_permissions": [operate().pk], "last_login_0": "", "last_login_1": "",
            "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00",
            **seen(root, url)}  # fmt: skip
    assert root.post(url, {**form, "_why": "a new colleague"}).status_code == 302
    assert not cast.mallory.user_permissions.exists()
    change = ChangeRequest.objects.get()
    requests.approve(change.pk, by=cast.oscar)
    assert cast.mallory.user_permissions.get() == operate()


def test_the_list_says_the_state_of_a_request_that_was_withdrawn(cast: Cast, root: Any) -> None:
    form = {"user": cast.mallory.pk, "tenant": cast.acme.pk, "role": "admin", "_why": "I ask"}
    root.post("/admin/policies/membership/add/", form)
    change = ChangeRequest.objects.get()
    requests.withdraw(change.pk, by=change.requester)
    page = root.get("/admin/policies/changerequest/").text
    assert "Withdrawn" in page.split('id="result_list"')[1]
