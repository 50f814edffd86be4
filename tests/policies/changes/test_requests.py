"""Change requests: what was asked for, by whom, and who may answer."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from audit.chain import AuditError
from audit.models import Outbox
from extdebug.demo.sample import Cast
from policies.changes import requests, verbs
from policies.changes.requests import ChangeConflict
from policies.changes.second_person import ChangeRefused
from policies.models import (
    ChangeRequest,
    Lock,
    Membership,
)
from tests.fixtures.trail import refusing
from tests.policies.conftest import refused_sql, wants

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]
HOUR = dt.timedelta(hours=1)


def test_a_request_for_what_changed_meanwhile_is_not_made(cast: Cast) -> None:
    lock = Lock.objects.create(tenant=cast.acme, reason="first")
    asked = wants(lambda: verbs.delete(lock, by=cast.olivia), by=cast.olivia)
    Lock.objects.filter(pk=asked.object_pk).update(reason="another incident")
    with pytest.raises(ChangeConflict, match="changed since"):
        requests.approve(asked.pk, by=cast.oscar)
    assert Lock.objects.count() == 1
    assert ChangeRequest.objects.get().state == "requested"


def test_a_late_or_locked_or_gone_second_person_is_none(cast: Cast, third_operator: User) -> None:
    new = Membership(user=cast.olivia, tenant=cast.acme)
    asked = wants(lambda: verbs.save(new, by=cast.olivia), by=cast.olivia)
    Lock.objects.create(user=cast.oscar, reason="x")
    third_operator.is_active = False
    third_operator.save()
    for person in (cast.oscar, third_operator):
        with pytest.raises(ChangeRefused):
            requests.approve(asked.pk, by=person)
    Lock.objects.all().delete()
    Lock.objects.create(user=cast.olivia, reason="x")
    with pytest.raises(ChangeRefused, match="locked"):
        requests.approve(asked.pk, by=cast.oscar)
    assert not Membership.objects.filter(user=cast.olivia).exists()


@pytest.mark.usefixtures("third_operator")
def test_a_request_by_sql_is_never_answered_by_its_parties(cast: Cast) -> None:
    new = Membership(user=cast.olivia, tenant=cast.acme)
    asked = wants(lambda: verbs.save(new, by=cast.olivia), by=cast.olivia)
    change = wants(
        lambda: verbs.save(Membership(user=cast.oscar, tenant=cast.acme), by=cast.olivia),
        by=cast.olivia,
    )
    rows = ChangeRequest.objects
    now = timezone.now()
    for pk, person in ((asked.pk, cast.olivia), (asked.pk, cast.dan), (change.pk, cast.oscar)):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.filter(pk=pk).update(state="applied", decided_by=person, decided_at=now)
    altered: tuple[dict[str, Any], ...] = (
        {"columns": {}}, {"subjects": []}, {"requester": cast.dan}, {"reason": "y"},
        {"lapses_at": now + 99 * HOUR}, {"kind": "x"},
    )  # fmt: skip
    for columns in altered:
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.filter(pk=asked.pk).update(**columns)
    refused_sql("DELETE FROM policies_changerequest")
    if connection.vendor == "sqlite":
        names = ", ".join(f'"{f.column}"' for f in ChangeRequest._meta.concrete_fields)
        refused_sql(
            f"INSERT OR REPLACE INTO policies_changerequest ({names})"
            f" SELECT {names} FROM policies_changerequest"
        )


@pytest.mark.parametrize("answer", ["denied", "withdrawn"])
def test_a_refusal_is_not_kept_waiting_by_the_trail_and_an_approval_is(
    cast: Cast, answer: str
) -> None:
    lock = Lock.objects.create(tenant=cast.acme, reason="first")
    asked = wants(lambda: verbs.delete(lock, by=cast.olivia), by=cast.olivia)
    with refusing(connection):
        with pytest.raises(AuditError), transaction.atomic():
            requests.approve(asked.pk, by=cast.oscar)
        if answer == "denied":
            requests.deny(asked.pk, by=cast.oscar, reason="no")
        else:
            requests.withdraw(asked.pk, by=cast.olivia)
    assert ChangeRequest.objects.get().state == answer
    assert Lock.objects.get() == lock
    assert Outbox.objects.get().entry["action"] == f"change.{answer}"
