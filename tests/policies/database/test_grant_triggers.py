"""What the tables of grants refuse, whoever writes SQL."""

import datetime as dt
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies.models import (
    Approval,
    Grant,
)
from tests.policies.conftest import ask, granted, request

HOUR = dt.timedelta(hours=1)


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


def test_states_move_along_the_machine_only(cast: Cast) -> None:
    grant = granted(cast, cast.dan)
    for state in ("requested", "scheduled", "denied", "withdrawn", "lapsed", "cancelled"):
        with pytest.raises(IntegrityError), transaction.atomic():
            Grant.objects.filter(pk=grant.pk).update(
                state=state, closed_at=timezone.now() if state != "scheduled" else None
            )


def test_a_closed_grant_stays_closed(cast: Cast) -> None:
    grant = granted(cast, cast.dan)
    Grant.objects.filter(pk=grant.pk).update(state="revoked", closed_at=timezone.now())
    for change in ({"state": "active", "closed_at": None}, {"closed_at": timezone.now()}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Grant.objects.filter(pk=grant.pk).update(**change)


def test_approvals_are_for_pending_grants_and_never_rewritten(cast: Cast) -> None:
    grant = granted(cast, cast.dan)
    late = Approval(
        grant=grant, approver=cast.oscar, requester=cast.dan, beneficiary=cast.dan,
        verdict="approve", created_at=timezone.now(),
    )  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        late.save()
    with pytest.raises(IntegrityError), transaction.atomic():
        Approval.objects.update(approver=cast.oscar)


def test_what_was_judged_is_what_stays(cast: Cast) -> None:
    grant = granted(cast, cast.dan, installs=["inst-acme"])
    with pytest.raises(IntegrityError), transaction.atomic():
        grant.installs.add(cast.inst_globex)
    with pytest.raises(IntegrityError), transaction.atomic():
        Grant.installs.through.objects.update(install=cast.inst_globex)
    later = grant.lapses_at + HOUR
    changes: list[dict[str, Any]] = [
        {"reason": "other"},
        {"capabilities": []},
        {"lapses_at": later},
    ]
    for change in changes:
        with pytest.raises(IntegrityError), transaction.atomic():
            Grant.objects.filter(pk=grant.pk).update(**change)
    grant.installs.clear()  # less is always possible
    assert not ask(cast.dan).allowed


def test_replacing_a_row_is_a_change_too(cast: Cast) -> None:
    """An upsert would be a way around an update's trigger."""
    pending = request(cast.dan)
    columns = [str(column.column) for column in Grant._meta.concrete_fields]
    values = [str(cast.dora.pk) if name == "beneficiary_id" else name for name in columns]
    source = f"SELECT {', '.join(values)} FROM policies_grant WHERE id = {pending.pk}"
    into = f"INTO policies_grant ({', '.join(columns)}) {source}"
    upsert = {
        "sqlite": f"INSERT OR REPLACE {into}",
        "postgresql": f"INSERT {into} ON CONFLICT (id) DO UPDATE SET ticket = 'x',"
        " beneficiary_id = EXCLUDED.beneficiary_id",
    }[connection.vendor]
    with pytest.raises(IntegrityError), transaction.atomic():
        sql(upsert)
