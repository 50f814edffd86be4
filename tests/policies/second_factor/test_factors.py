"""Factors: added with a code that fits, counted once, spaced, removed, each on record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from django.core.cache import cache
from django.utils import timezone

from audit import trail
from audit.models import AuditRecord
from audit.trail import Action
from extdebug.demo.sample import Cast
from policies.models import Notice
from policies.second_factor import factors
from policies.second_factor.factors import NotProved
from tests.policies.second_factor_by_hand import SECRET, app_of, code, request_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    factors.attempts.__init__(of_account=factors.OF_PERSON)  # type: ignore[misc] # as a new process
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def asked(cast: Cast) -> Iterator[Any]:
    with request_of(cast.olivia, **{SECRET_SESSION_KEY: SECRET}) as found:
        yield found


def added(cast: Cast, asked: Any) -> factors.Added:
    return factors.add_app(cast.olivia, code(), asked, ip="")


def test_an_app_is_added_with_its_code_and_brings_recovery_codes(cast: Cast, asked: Any):
    made = added(cast, asked)
    assert len(set(made.codes)) == 10
    assert factors.has_any(cast.olivia)
    assert factors.codes_left(cast.olivia) == 10
    assert SECRET_SESSION_KEY not in asked.session
    rows = AuditRecord.objects.filter(action=Action.SECOND_FACTOR_ADDED)
    assert {row.data["subject"] for row in rows} == {
        "authenticator app of olivia", "recovery codes of olivia",
    }  # fmt: skip
    assert not any(SECRET in str(row.data) for row in rows)
    told = {
        address for each in Notice.objects.filter(channel="email") for address in each.recipients
    }
    assert told == {"olivia@example.test", "oscar@example.test"}
    trail.settle_notes()
    assert not AuditRecord.objects.filter(action=Action.ROW_CHANGED, subject_type="authenticator")


def test_a_wrong_code_adds_nothing_and_is_on_record(cast: Cast, asked: Any):
    for wrong in ("000000", "", "x", code(steps=9)):
        with pytest.raises(NotProved, match="does not fit"):
            factors.add_app(cast.olivia, wrong, asked, ip="192.0.2.7")
    assert not factors.of(cast.olivia).exists()
    row = AuditRecord.objects.filter(action=Action.SECOND_FACTOR_REFUSED).earliest("seq")
    assert (row.actor_name, row.ip) == ("olivia", "192.0.2.7")


def test_there_is_one_app_and_a_bound(cast: Cast, asked: Any, monkeypatch: pytest.MonkeyPatch):
    app_of(cast.olivia)
    with pytest.raises(NotProved, match="already"):
        added(cast, asked)
    monkeypatch.setattr(factors, "MOST", 1)
    with pytest.raises(NotProved, match="remove one first"):
        factors.add_passkey(cast.olivia, name="x", credential="{}", ip="")


def test_a_code_counts_once_for_all_processes(cast: Cast):
    factor = app_of(cast.olivia)
    with request_of(cast.olivia):
        said = code()
        assert factors.proved_by_code(cast.olivia, said, ip="") == factor
        cache.clear()  # another process has a cache of its own
        for again in (said, code(steps=1)):
            with pytest.raises(NotProved, match="wait for a new code"):
                factors.proved_by_code(cast.olivia, again, ip="")
        cache.clear()
        before = timezone.now() - factors.CODE_FITS - dt.timedelta(seconds=1)
        Authenticator.objects.filter(pk=factor.pk).update(last_used_at=before)
        assert factors.proved_by_code(cast.olivia, code(), ip="") == factor


def test_a_code_is_of_its_owner(cast: Cast):
    app_of(cast.olivia)
    with request_of(cast.oscar), pytest.raises(NotProved):
        factors.proved_by_code(cast.oscar, code(), ip="")


def test_a_recovery_code_counts_once_and_is_on_record(cast: Cast, asked: Any):
    codes = added(cast, asked).codes
    assert factors.proved_by_code(cast.olivia, codes[3], ip="").type == "recovery_codes"
    assert factors.codes_left(cast.olivia) == 9
    with pytest.raises(NotProved):
        factors.proved_by_code(cast.olivia, codes[3], ip="")
    row = AuditRecord.objects.get(action=Action.SECOND_FACTOR_CODE_USED)
    assert codes[3] not in str(row.data) + row.reason


def test_new_codes_replace_the_old_ones(cast: Cast, asked: Any):
    old = added(cast, asked).codes
    new = factors.new_codes(cast.olivia, ip="")
    assert not set(old) & set(new)
    with pytest.raises(NotProved):
        factors.proved_by_code(cast.olivia, old[0], ip="")
    assert factors.proved_by_code(cast.olivia, new[0], ip="")


def test_guesses_are_spaced(cast: Cast):
    app_of(cast.olivia)
    with request_of(cast.olivia):
        for _ in range(factors.OF_PERSON.burst):
            with pytest.raises(NotProved, match="does not fit"):
                factors.proved_by_code(cast.olivia, "000000", ip="")
        with pytest.raises(NotProved, match=r"Too many attempts failed\. Wait \d+ seconds"):
            factors.proved_by_code(cast.olivia, code(), ip="")


@pytest.mark.parametrize(
    "said",
    ["", "{}", "[]", "null", "7", '{"id": "x"}', '{"id": "x", "rawId": "x", "response": {}}',
     '{"response": {"clientDataJSON": "e30", "attestationObject": "AA"}}', "{" * 2000],
)  # fmt: skip
def test_what_is_no_answer_of_a_browser_is_refused_in_words(cast: Cast, said: str):
    app_of(cast.olivia)
    with request_of(cast.olivia):
        with pytest.raises(NotProved, match="does not fit"):
            factors.proved_by_passkey(cast.olivia, said, ip="")
        with pytest.raises(NotProved, match="does not fit"):
            factors.add_passkey(cast.olivia, name="x", credential=said, ip="")


def test_removing_the_last_one_removes_its_codes(cast: Cast, asked: Any):
    made = added(cast, asked)
    factors.remove(made.factor, by=cast.olivia, ip="", reason="lost")
    assert not factors.of(cast.olivia).exists()
    rows = AuditRecord.objects.filter(action=Action.SECOND_FACTOR_REMOVED)
    assert {(row.data["subject"], row.reason) for row in rows} == {
        ("authenticator app of olivia", "lost"), ("recovery codes of olivia", "lost"),
    }  # fmt: skip
    trail.settle_notes()
    assert not AuditRecord.objects.filter(action=Action.ROW_CHANGED, subject_type="authenticator")


def test_a_factor_by_plain_sql_is_on_record(cast: Cast):
    app_of(cast.olivia)
    trail.settle_notes()
    assert AuditRecord.objects.filter(
        action=Action.ROW_CHANGED, subject_type="authenticator"
    ).exists()


def test_the_picture_and_the_key_are_of_one_secret(cast: Cast, asked: Any):
    secret, picture = factors.for_app(cast.olivia)
    assert secret == SECRET
    assert picture.startswith("<?xml") or "<svg" in picture
