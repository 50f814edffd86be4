"""Tenants, extensions and installs of a document: made, renamed, stopped; what stays the desk's."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from policies.directory.document import BadDocument, Options
from policies.directory.gate import Refused
from policies.models import Lock, Tenant
from tests.fixtures.trail import noted, sql
from tests.policies.directory.documents import WHOLE, WIDEN, access, said, synced

pytestmark = pytest.mark.django_db


def test_rows_may_say_that_they_are_not_active() -> None:
    sleeping: dict[str, Any] = {
        "tenants": [{"key": "umbrella", "active": False}],
        "extensions": [{"key": "mailer", "active": False}],
        "people": [{"username": "uma", "active": False}],
    }
    synced(Options(), **sleeping)
    assert access()["tenants"] == access()["extensions"] == set()
    assert not User.objects.get(username="uma").is_active
    assert said(synced(Options(), **sleeping)) == []
    awake: dict[str, Any] = {
        section: [{**row, "active": True} for row in rows] for section, rows in sleeping.items()
    }
    with pytest.raises(Refused):
        synced(Options(), **awake)
    synced(**awake)
    assert access()["tenants"] == {"umbrella"}
    assert access()["extensions"] == {"mailer"}
    assert not Lock.objects.exists()


def test_names_and_consent_follow_and_consent_is_never_lifted() -> None:
    synced(**WHOLE)
    rows: Any = [{"key": "umbrella", "name": "U", "consent_required": True}, {"key": "initech"}]
    assert noted(lambda: synced(Options(), tenants=rows)) == []
    tenant = Tenant.objects.get(key="umbrella")
    assert (tenant.name, tenant.consent_required) == ("U", True)
    assert Tenant.objects.get(key="initech").name == "initech"
    rows[0]["consent_required"] = False
    outcome = synced(tenants=rows)
    assert said(outcome) == []
    assert outcome.left_alone == [
        "tenant umbrella: its consent stays required; only its own admins lift that"
    ]


def test_what_the_desk_stopped_stays_stopped() -> None:
    synced(**WHOLE)
    Tenant.objects.filter(key="umbrella").update(suspended_at=timezone.now())
    User.objects.filter(username="uma").update(is_active=False)
    outcome = synced(**WHOLE)
    assert said(outcome) == []
    assert outcome.left_alone == [
        "tenant umbrella: suspended at the desk, and stays so",
        "person uma: deactivated at the desk, and stays so",
    ]
    synced(tenants=[], people=[])
    synced(**WHOLE)
    assert not User.objects.get(username="uma").is_active
    assert User.objects.get(username="ines").is_active
    assert Tenant.objects.get(key="umbrella").suspended_at is not None
    assert Tenant.objects.get(key="initech").suspended_at is None


def test_a_change_made_between_two_runs_by_sql_is_put_right() -> None:
    synced(**WHOLE)
    Tenant.objects.filter(key="initech").update(suspended_at=dt.datetime.now(dt.UTC))
    synced(tenants=WHOLE["tenants"][:1])
    Tenant.objects.filter(key="initech").update(suspended_at=None)
    assert said(synced(WIDEN, tenants=WHOLE["tenants"][:1])) == ["- tenant initech: suspended"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"key": "mail-u", "tenant": "initech", "extension": "mailer"},
            "installs, row 1, tenant: expected umbrella: an install keeps what it belongs to;"
            " got 'initech'",
        ),
        (
            {"key": "new", "tenant": "umbrella", "extension": "gone"},
            "installs, row 1, extension: expected one of the extensions of the database;"
            " got 'gone'",
        ),
    ],
)
def test_an_install_belongs_to_what_there_is_and_stays_there(
    row: dict[str, str], message: str
) -> None:
    synced(**WHOLE)
    with pytest.raises(BadDocument) as error:
        synced(installs=[row])
    assert str(error.value) == message


def test_a_lock_that_somebody_lifted_by_sql_is_set_again() -> None:
    synced(**WHOLE)
    synced(extensions=[])
    sql("DELETE FROM policies_lock")
    assert said(synced(Options(), extensions=[])) == ["- extension mailer: locked"]
    sql("DELETE FROM policies_lock")
    assert said(synced(Options(), extensions=WHOLE["extensions"])) == [
        "~ mailer: kept by the directory from now on"
    ]
    assert not Lock.objects.exists()


def test_a_lock_of_the_desk_is_the_desks() -> None:
    synced(**WHOLE)
    extension = Tenant.objects.get(key="umbrella").installs.get().extension
    Lock.objects.create(extension=extension, reason="an inquiry")
    synced(extensions=[])
    synced(extensions=WHOLE["extensions"])
    assert [lock.reason for lock in Lock.objects.all()] == ["an inquiry"]
