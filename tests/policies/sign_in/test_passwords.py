"""Passwords switched off, and the door that a command opens for one account."""

import datetime as dt
from dataclasses import replace

import pytest
from django.utils import timezone
from pytest_django import Settings

from audit.models import AuditRecord
from audit.trail import Action
from extdebug.demo.sample import Cast
from policies.models import PasswordDoor
from policies.sign_in import passwords

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _off(settings: Settings) -> None:
    settings.SIGN_IN = replace(settings.SIGN_IN, issuer="https://id.example", passwords=False)


def test_nobody_may_and_the_form_is_not_shown(cast: Cast):
    assert not passwords.any_door()
    assert not passwords.may("olivia")


def test_a_door_is_for_one_account_and_closes_by_itself(cast: Cast):
    passwords.allow(cast.olivia, lasts=dt.timedelta(minutes=5), reason="it is away", by="x")
    assert passwords.any_door()
    assert passwords.may("OLIVIA")
    assert not passwords.may("oscar")
    assert not passwords.may("oli\x00via")
    PasswordDoor.objects.update(until=timezone.now() - dt.timedelta(seconds=1))
    assert not passwords.may("olivia")
    assert not passwords.any_door()


def test_opening_it_is_on_record_with_its_reason(cast: Cast):
    for minutes in (5, 10):
        lasts = dt.timedelta(minutes=minutes)
        passwords.allow(cast.olivia, lasts=lasts, reason="it is away", by="shell user root")
    rows = AuditRecord.objects.filter(action=Action.PASSWORD_ALLOWED)
    assert {(row.reason, row.actor_name, row.data["subject"]) for row in rows} == {
        ("it is away", "shell user root", "olivia")
    }
    assert PasswordDoor.objects.count() == 1


def test_while_passwords_are_on_there_is_no_door_to_pass(cast: Cast, settings: Settings):
    settings.SIGN_IN = replace(settings.SIGN_IN, passwords=True)
    assert passwords.may("anybody")
