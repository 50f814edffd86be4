"""Signing in at both doors: spaced attempts, failures on record, browsers that were here before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from audit import summaries
from audit.models import AuditRecord
from audit.trail import Action
from extdebug.demo.sample import Cast
from policies.identity.attempts import OF_ACCOUNT
from policies.pages import sign_in
from tests.fixtures.cast import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)
DOORS = ["/login/", "/admin/login/"]


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    sign_in.attempts.__init__()  # type: ignore[misc] # the process's own, as a new process has it
    yield
    sign_in.attempts.__init__()  # type: ignore[misc]


def post(door: str, *, client: Client | None = None, **form: str) -> Any:
    given = {"username": "olivia", "password": PASSWORD, **form}
    return (client or Client()).post(door, given)


@pytest.mark.parametrize("door", DOORS)
def test_the_right_password_comes_in(cast: Cast, door: str):
    answer = post(door)
    assert answer.status_code == 302
    assert not AuditRecord.objects.filter(action=Action.SIGN_IN_REFUSED).exists()


@pytest.mark.parametrize("door", DOORS)
def test_after_a_burst_nothing_is_hashed_and_the_page_says_when(
    cast: Cast, door: str, monkeypatch: pytest.MonkeyPatch
):
    for _ in range(OF_ACCOUNT.burst):
        assert post(door, password="wrong").status_code == 200

    def hashed(*_: Any, **__: Any) -> None:
        raise AssertionError("hashed")

    monkeypatch.setattr("django.contrib.auth.authenticate", hashed)
    monkeypatch.setattr("django.contrib.auth.forms.authenticate", hashed)
    answer = post(door)
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= OF_ACCOUNT.seconds
    assert b"seconds before you try again" in answer.content
    assert post(door, username="OLIVIA").status_code == 429  # the same account


@pytest.mark.parametrize("door", DOORS)
def test_failures_are_on_record_summarised_and_without_what_was_typed(cast: Cast, door: str):
    for _ in range(3):
        post(door, password="wrong")
    post(door, username="Tr0ub4dor-typed-into-the-wrong-field", password="x")
    rows = AuditRecord.objects.filter(action=Action.SIGN_IN_REFUSED).order_by("seq")
    assert [row.subject_id for row in rows] == [str(cast.olivia.pk), ""]
    assert "Tr0ub4dor" not in "".join(str(row.data) + row.reason + row.actor_name for row in rows)
    summaries.settle(now=timezone.now() + dt.timedelta(minutes=5))
    assert [row.data["repeats"] for row in rows.all() if "repeats" in row.data] == [2]


def test_a_browser_that_signed_in_before_is_not_held_up_by_strangers(cast: Cast):
    home = Client()
    assert post("/login/", client=home).status_code == 302
    home.cookies.pop(settings.SESSION_COOKIE_NAME)
    for _ in range(OF_ACCOUNT.burst):
        post("/login/", password="wrong")
    assert post("/login/").status_code == 429
    assert post("/login/", client=home).status_code == 302
    assert home.cookies["known"]["httponly"]


def test_a_made_up_or_foreign_mark_of_a_browser_is_worth_nothing(cast: Cast):
    home = Client()
    post("/login/", client=home, username="dan")
    home.cookies.pop(settings.SESSION_COOKIE_NAME)
    for _ in range(OF_ACCOUNT.burst):
        post("/login/", password="wrong")
    assert post("/login/", client=home).status_code == 429
    home.cookies["known"] = "eyJiIjoiYiJ9:made:up"
    assert post("/login/", client=home).status_code == 429


def test_a_signed_in_person_does_not_vouch_for_another_account(cast: Cast):
    client = Client()
    client.force_login(cast.dan)
    answer = post("/login/", client=client, password="wrong")
    assert "known" not in answer.cookies
