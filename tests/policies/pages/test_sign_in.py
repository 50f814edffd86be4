"""The one sign-in: spaced attempts, failures on record, browsers that were here before; the admin's
address leads to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from audit import summaries
from audit.models import AuditRecord
from audit.trail import Action
from extdebug.demo.sample import Cast
from policies.identity.attempts import OF_ACCOUNT
from policies.pages import sign_in
from tests.fixtures.cast import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    sign_in.attempts.__init__()  # type: ignore[misc] # the process's own, as a new process has it
    yield
    sign_in.attempts.__init__()  # type: ignore[misc]


def post(*, client: Client | None = None, **form: str) -> Any:
    given = {"username": "olivia", "password": PASSWORD, **form}
    return (client or Client()).post("/login/", given)


def test_the_right_password_comes_in(cast: Cast):
    answer = post()
    assert answer.status_code == 302
    assert not AuditRecord.objects.filter(action=Action.SIGN_IN_REFUSED).exists()


def test_after_a_burst_nothing_is_hashed_and_the_page_says_when(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    for _ in range(OF_ACCOUNT.burst):
        assert post(password="wrong").status_code == 200

    def hashed(*_: Any, **__: Any) -> None:
        raise AssertionError("hashed")

    monkeypatch.setattr("django.contrib.auth.authenticate", hashed)
    monkeypatch.setattr("django.contrib.auth.forms.authenticate", hashed)
    answer = post()
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= OF_ACCOUNT.seconds
    assert b"seconds before you try again" in answer.content
    assert post(username="OLIVIA").status_code == 429  # the same account


def test_failures_are_on_record_summarised_and_without_what_was_typed(cast: Cast):
    for _ in range(3):
        post(password="wrong")
    post(username="Tr0ub4dor-typed-into-the-wrong-field", password="x")
    rows = AuditRecord.objects.filter(action=Action.SIGN_IN_REFUSED).order_by("seq")
    assert [row.subject_id for row in rows] == [str(cast.olivia.pk), ""]
    assert "Tr0ub4dor" not in "".join(str(row.data) + row.reason + row.actor_name for row in rows)
    summaries.settle(now=timezone.now() + dt.timedelta(minutes=5))
    assert [row.data["repeats"] for row in rows.all() if "repeats" in row.data] == [2]


def test_a_browser_that_signed_in_before_is_not_held_up_by_strangers(cast: Cast):
    home = Client()
    assert post(client=home).status_code == 302
    home.cookies.pop(settings.SESSION_COOKIE_NAME)
    for _ in range(OF_ACCOUNT.burst):
        post(password="wrong")
    assert post().status_code == 429
    assert post(client=home).status_code == 302
    assert home.cookies["known"]["httponly"]


def test_a_made_up_or_foreign_mark_of_a_browser_is_worth_nothing(cast: Cast):
    home = Client()
    post(client=home, username="dan")
    home.cookies.pop(settings.SESSION_COOKIE_NAME)
    for _ in range(OF_ACCOUNT.burst):
        post(password="wrong")
    assert post(client=home).status_code == 429
    home.cookies["known"] = "eyJiIjoiYiJ9:made:up"
    assert post(client=home).status_code == 429


def test_a_signed_in_person_does_not_vouch_for_another_account(cast: Cast):
    client = Client()
    client.force_login(cast.dan)
    answer = post(client=client, password="wrong")
    assert "known" not in answer.cookies


# --- the admin's address ----------------------------------------------------------------------


def test_the_admin_sends_a_visitor_to_the_one_sign_in_and_back_to_the_page_asked_for():
    client = Client()
    asked = "/admin/policies/grant/?state=active&q=a%26b"
    there = client.get(asked, follow=True)
    assert there.redirect_chain[-1][0].startswith("/login/?next=")
    assert 'name="password"' in there.text
    assert f'value="{escape(asked)}"' in there.text


def test_who_may_open_the_admin_comes_out_where_they_wanted_to_be(cast: Cast):
    client = Client()
    answer = client.get("/admin/policies/lock/", follow=True)
    form = {"username": "olivia", "password": PASSWORD, "next": "/admin/policies/lock/"}
    assert client.post(answer.redirect_chain[-1][0], form)["Location"] == "/admin/policies/lock/"
    door = client.get("/admin/login/", {"next": "/admin/policies/lock/"})
    assert door["Location"] == "/admin/policies/lock/"
    assert client.get("/admin/login/")["Location"] == "/admin/"


@pytest.mark.parametrize(
    "foreign", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:x"]
)
def test_no_address_of_another_house_is_a_place_to_go_on_to(cast: Cast, foreign: str):
    client = Client()
    there = client.get("/admin/login/", {"next": foreign})
    assert there["Location"] == "/login/?next=%2Fadmin%2F"
    client.force_login(cast.olivia)
    assert client.get("/admin/login/", {"next": foreign})["Location"] == "/admin/"
    assert client.get("/login/", {"next": foreign})["Location"] == "/extensions/"


def test_somebody_signed_in_who_may_not_open_the_admin_is_told_so_and_never_led_in_a_circle(
    cast: Cast,
):
    client = Client()
    client.force_login(cast.mallory)
    answer = client.get("/admin/policies/grant/", follow=True)
    assert [status for _, status in answer.redirect_chain] == [302]
    assert answer.status_code == 403
    assert "You are signed in as mallory, who may not open the admin." in answer.text
    assert "Sign out" in answer.text
    refused = AuditRecord.objects.get(action=Action.PAGE_REFUSED)  # once, by the page asked for
    assert refused.subject_id == "admin:policies_grant_changelist"
    assert refused.actor_id == str(cast.mallory.pk)


@pytest.mark.parametrize("door", ["/login/", "/admin/login/"])
def test_a_door_that_leads_to_itself_is_left(cast: Cast, door: str):
    client = Client()
    client.force_login(cast.olivia)
    answer = client.get(door, {"next": f"{door}?x=1"}, follow=True)
    assert answer.status_code == 200
    assert len(answer.redirect_chain) == 1


def test_a_password_sent_to_the_admins_address_is_looked_at_by_nobody(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    def hashed(*_: Any, **__: Any) -> None:
        raise AssertionError("hashed")

    monkeypatch.setattr("django.contrib.auth.forms.authenticate", hashed)
    given = {"username": "olivia", "password": PASSWORD}
    answer = Client().post("/admin/login/", given)
    assert answer["Location"] == "/login/?next=%2Fadmin%2F"
    assert not AuditRecord.objects.exists()
