"""The one gate: widening access asks for a factor proved lately, in this very sign-in."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from audit.models import AuditRecord
from audit.trail import Action
from extdebug.demo.sample import Cast
from policies import consent
from policies.changes import requests, verbs
from policies.changes.second_person import NeedsFactor, NeedsSecond
from policies.grants import verbs as grants
from policies.identity import second_factor
from policies.models import Lock, Membership, RedactionRule
from tests.policies.conftest import TARGET, granted, request
from tests.policies.second_factor_by_hand import app_of, proved, request_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(settings: Settings, production: Any) -> Settings:
    """A production console that asks for a second factor."""
    settings.SIGN_IN = replace(settings.SIGN_IN, second_factor=True, second_factor_seconds=900)
    return settings


# --- what is a proof ------------------------------------------------------------------------------


def test_without_the_setting_nobody_is_asked(cast: Cast):
    assert second_factor.why_not(cast.olivia) == ""


def test_with_it_nobody_may_until_they_confirm(cast: Cast, asked: Settings):
    said = second_factor.why_not(cast.olivia)
    assert said == (
        "Confirm with your second factor first, at My access > Second factor"
        " (/access/second-factor/). It counts for 15 minutes."
    )
    with proved(cast.olivia):
        assert second_factor.why_not(cast.olivia) == ""
    assert second_factor.why_not(cast.olivia) == said  # no request is being answered


def test_a_proof_is_of_one_person(cast: Cast, asked: Settings):
    with proved(cast.olivia) as found:
        assert second_factor.why_not(cast.oscar)
        found.user = cast.oscar
        assert second_factor.why_not(cast.oscar)  # in olivia's session
        assert second_factor.why_not(cast.olivia)


def test_a_proof_is_of_one_sign_in(cast: Cast, asked: Settings):
    with proved(cast.olivia):
        pass
    with request_of(cast.olivia):
        assert second_factor.why_not(cast.olivia)


@pytest.mark.parametrize(("age", "counts"), [(0, True), (899, True), (900, False), (-60, False)])
def test_a_proof_counts_for_a_time(
    cast: Cast, asked: Settings, age: float, counts: bool, monkeypatch: pytest.MonkeyPatch
):
    with proved(cast.olivia):
        now = time.time() + age
        monkeypatch.setattr("time.time", lambda: now)
        assert bool(second_factor.why_not(cast.olivia)) is not counts


def test_a_proof_ends_with_the_factor_that_made_it(cast: Cast, asked: Settings):
    factor = app_of(cast.olivia)
    with proved(cast.olivia):
        factor.delete()
        assert second_factor.why_not(cast.olivia)


@pytest.mark.parametrize("proof", [None, {}, {"at": 1e12}, {"user": 1, "factor": 1}])
def test_what_is_no_proof_is_none(cast: Cast, asked: Settings, proof: Any):
    with request_of(cast.olivia, second_factor=proof):
        assert second_factor.why_not(cast.olivia)


def test_a_sign_in_is_new_for_ten_minutes(cast: Cast, monkeypatch: pytest.MonkeyPatch):
    with request_of(cast.olivia) as found:
        assert not second_factor.is_new(found)
        second_factor.signed_in(found)
        assert second_factor.is_new(found)
        later = time.time() + second_factor.JUST_NOW
        monkeypatch.setattr("time.time", lambda: later)
        assert not second_factor.is_new(found)


def test_where_to_confirm_leads_back():
    assert second_factor.confirm_address("/admin/x/?a=1&b=2") == (
        "/access/second-factor/confirm/?next=%2Fadmin%2Fx%2F%3Fa%3D1%26b%3D2"
    )


# --- what asks for one ----------------------------------------------------------------------------


def test_approving_a_grant_does(cast: Cast, asked: Settings):
    row = request(cast.dan)
    with pytest.raises(grants.GrantRefused) as refused:
        grants.approve(row.pk, by=cast.olivia)
    assert refused.value.code == "second_factor"
    row.refresh_from_db()
    assert row.state == "requested"
    record = AuditRecord.objects.filter(action=Action.GRANT_REFUSED).get()
    assert record.data["code"] == "approve: second_factor"
    with proved(cast.olivia):
        assert grants.approve(row.pk, by=cast.olivia).state == "active"


def test_saying_no_and_taking_away_do_not(cast: Cast, asked: Settings):
    denied = request(cast.dan)
    assert grants.deny(denied.pk, by=cast.olivia, reason="no").state == "denied"
    with proved(cast.olivia):
        active = granted(cast, cast.dora)
    assert grants.revoke(active.pk, by=cast.oscar, reason="over").state == "revoked"
    verbs.save(Lock(user=cast.dan, reason="x"), by=cast.olivia)
    verbs.delete(Membership.objects.get(user=cast.alice), by=cast.olivia)


def test_breaking_the_glass_and_reviewing_it_do(cast: Cast, asked: Settings):
    asked.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    glass = {**TARGET, "minutes": 5, "reason": "an incident"}
    with pytest.raises(grants.GrantRefused, match="second factor"):
        grants.break_glass(cast.olivia, **glass)
    with proved(cast.olivia):
        row = grants.break_glass(cast.olivia, **glass)
    grants.revoke(row.pk, by=cast.oscar, reason="enough")
    with pytest.raises(grants.GrantRefused, match="second factor"):
        grants.review(row.pk, by=cast.oscar, justified=True, comment="seen")
    with proved(cast.oscar):
        grants.review(row.pk, by=cast.oscar, justified=True, comment="seen")


WIDENING: dict[str, Callable[[Cast, User], object]] = {
    "role": lambda cast, by: verbs.save(Membership(user=cast.dan, tenant=cast.acme), by=by),
    "consent": lambda cast, by: consent.enter(cast.acme, by=by, evidence="a letter"),
    "masks": lambda cast, by: verbs.delete(
        RedactionRule.objects.get_or_create(name="r", pattern="xyz", example="xyz")[0], by=by
    ),
}


@pytest.mark.parametrize("what", WIDENING)
def test_asking_for_what_widens_does(cast: Cast, asked: Settings, what: str):
    with pytest.raises(NeedsFactor):
        WIDENING[what](cast, cast.olivia)
    with proved(cast.olivia), pytest.raises(NeedsSecond) as second:
        WIDENING[what](cast, cast.olivia)
    with pytest.raises(NeedsFactor):
        requests.ask(second.value.plan, by=cast.olivia, reason="why")


def test_approving_it_does(cast: Cast, asked: Settings):
    with proved(cast.olivia):
        with pytest.raises(NeedsSecond) as second:
            WIDENING["role"](cast, cast.olivia)
        row = requests.ask(second.value.plan, by=cast.olivia, reason="why")
        with pytest.raises(NeedsFactor):
            requests.approve(row.pk, by=cast.oscar)
    with proved(cast.oscar):
        requests.approve(row.pk, by=cast.oscar)
    assert Membership.objects.filter(user=cast.dan, tenant=cast.acme).exists()


@pytest.mark.parametrize("environment", ["development", "production"])
def test_widening_alone_does_where_one_person_may(cast: Cast, asked: Settings, environment: str):
    asked.EXT_DEBUG_ENVIRONMENT = environment
    asked.EXT_DEBUG_ONE_PERSON = True
    with pytest.raises(NeedsFactor):
        WIDENING["role"](cast, cast.olivia)
    assert not Membership.objects.filter(user=cast.dan).exists()
    with proved(cast.olivia):
        WIDENING["role"](cast, cast.olivia)


def test_the_system_itself_is_not_asked(cast: Cast, asked: Settings):
    verbs.save(Membership(user=cast.dan, tenant=cast.acme), by=None)
