"""The pages: who may add a factor, confirming, and an approval that waits for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from extdebug.demo.sample import Cast
from policies.models import Grant
from policies.pages import sign_in
from policies.second_factor import factors
from tests.fixtures.cast import PASSWORD
from tests.policies.conftest import request
from tests.policies.second_factor_by_hand import app_of, code

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("production")]
PAGE = "/access/second-factor/"
CONFIRM = f"{PAGE}confirm/"


@pytest.fixture(autouse=True)
def _asked(settings: Settings) -> Iterator[None]:
    settings.SIGN_IN = replace(settings.SIGN_IN, second_factor=True)
    sign_in.attempts.__init__()  # type: ignore[misc] # the process's own, as a new process has it
    factors.attempts.__init__(of_account=factors.OF_PERSON)  # type: ignore[misc]
    cache.clear()
    yield
    cache.clear()


def arrived(name: str = "olivia") -> Client:
    """Somebody who has just signed in with their password."""
    client = Client()
    assert client.post("/login/", {"username": name, "password": PASSWORD}).status_code == 302
    return client


def secret_on(page: Any) -> str:
    found = re.search(r'class="token">([A-Z2-7]+)<', page.text)
    assert found is not None
    return found.group(1)


def test_off_there_are_no_pages(cast: Cast, settings: Settings):
    settings.SIGN_IN = replace(settings.SIGN_IN, second_factor=False)
    client = arrived()
    for address in (PAGE, CONFIRM):
        assert client.get(address).status_code == 404
    assert "Second factor" not in client.get("/access/").text


def test_strangers_are_sent_to_sign_in():
    for address in (PAGE, CONFIRM):
        assert Client().get(address)["Location"].startswith("/login/")


def test_the_first_one_is_added_right_after_signing_in_and_shown_codes_once(cast: Cast):
    client = arrived()
    assert PAGE in client.get("/access/").text
    secret = secret_on(client.get(PAGE))
    added = client.post(f"{PAGE}app/", {"code": code(secret)})
    shown = re.findall(r"<li>(\d{8})</li>", added.text)
    assert len(shown) == 10
    assert added["Cache-Control"].startswith("max-age=0")
    assert not re.findall(r"<li>(\d{8})</li>", client.get(PAGE).text)


def test_a_session_that_lies_open_adds_none(cast: Cast):
    client = Client()
    client.force_login(cast.olivia)  # no password was typed in this session
    page = client.get(PAGE)
    assert "Sign in again" in page.text
    assert 'class="token"' not in page.text
    for verb, form in (("app", {"code": code()}), ("passkey", {"credential": "{}"}), ("codes", {})):
        assert client.post(f"{PAGE}{verb}/", form)["Location"] == PAGE
    assert not factors.of(cast.olivia).exists()


def test_whoever_has_one_confirms_before_anything_is_shown_or_changed(cast: Cast):
    factor = app_of(cast.olivia)
    client = arrived()
    assert client.get(PAGE)["Location"].startswith(CONFIRM)
    assert client.post(f"{PAGE}remove/", {"factor": factor.pk})["Location"] == PAGE
    assert client.post(f"{PAGE}codes/")["Location"] == PAGE
    assert factors.has_any(cast.olivia)
    assert client.post(CONFIRM, {"code": code()})["Location"] == PAGE
    assert client.get(PAGE).status_code == 200
    client.post(f"{PAGE}remove/", {"factor": factor.pk})
    assert not factors.has_any(cast.olivia)


def test_nobody_removes_another_persons(cast: Cast):
    theirs, mine = app_of(cast.oscar), app_of(cast.olivia)
    client = arrived()
    client.post(CONFIRM, {"code": code()})
    for pk in (theirs.pk, 0, "x", "9" * 30):
        assert client.post(f"{PAGE}remove/", {"factor": pk}).status_code == 404
    assert factors.has_any(cast.oscar)
    assert factors.of(cast.olivia).filter(pk=mine.pk).exists()


def test_an_approval_leads_to_the_confirmation_and_back(cast: Cast):
    app_of(cast.olivia)
    grant = request(cast.dan)
    client, address = arrived(), f"/admin/policies/grant/{grant.pk}/approve/"
    asked = client.get(f"{address}?back=desk")
    assert asked["Location"].startswith(CONFIRM)
    confirmed = client.post(asked["Location"], {"code": code()})
    assert confirmed["Location"] == f"{address}?back=desk"
    form = {"version": grant.version, "minutes": 60, "comment": ""}
    assert client.post(address, form).status_code == 302
    assert Grant.objects.get(pk=grant.pk).state == "active"


def test_an_approval_that_goes_past_the_page_is_refused_by_the_verb(cast: Cast):
    app_of(cast.olivia)
    grant = request(cast.dan)
    form = {"version": grant.version, "minutes": 60, "comment": ""}
    answer = arrived().post(f"/admin/policies/grant/{grant.pk}/approve/", form)
    assert answer.status_code == 403
    assert "Confirm with your second factor first" in answer.text
    assert f'href="{CONFIRM}?next=' in answer.text
    assert Grant.objects.get(pk=grant.pk).state == "requested"


def test_denying_asks_for_nothing(cast: Cast):
    grant = request(cast.dan)
    client, address = arrived(), f"/admin/policies/grant/{grant.pk}/deny/"
    assert client.get(address).status_code == 200
    client.post(address, {"version": grant.version, "reason": "no"})
    assert Grant.objects.get(pk=grant.pk).state == "denied"


def test_a_confirmation_leads_to_no_other_site(cast: Cast):
    app_of(cast.olivia)
    client = arrived()
    answer = client.post(f"{CONFIRM}?next=https://evil.example/", {"code": code()})
    assert answer["Location"] == PAGE


def test_a_wrong_code_is_said(cast: Cast):
    app_of(cast.olivia)
    answer = arrived().post(CONFIRM, {"code": "000000"})
    assert (answer.status_code, "does not fit" in answer.text) == (400, True)


def test_whoever_has_none_is_led_to_add_one(cast: Cast):
    assert arrived().get(CONFIRM)["Location"] == PAGE


def test_a_confirmation_ends_with_the_sign_in(cast: Cast):
    app_of(cast.olivia)
    client = arrived()
    client.post(CONFIRM, {"code": code()})
    client.post("/logout/")
    client.post("/login/", {"username": "olivia", "password": PASSWORD})
    assert client.get(PAGE)["Location"].startswith(CONFIRM)
