"""Many rows at once are changed and recorded as the verbs do it one by one."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone

from audit import trail
from audit.chain import AuditError
from audit.models import AuditRecord, Outbox
from extdebug.demo.sample import Cast
from policies.changes import verbs
from policies.changes.bulk import AT_ONCE, Changes
from policies.models import (
    Capability,
    Extension,
    ExtensionDeveloper,
    Install,
    Lock,
    Membership,
    Tenant,
)
from tests.fixtures.trail import noted, refusing

pytestmark = pytest.mark.django_db
NOT_COMPARED = {"created_at", "id"}


def records(change: Callable[[], Any]) -> list[tuple[Any, ...]]:
    """What the trail says of a change that is taken back: by itself, and not by a note."""
    with transaction.atomic():
        last = AuditRecord.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
        assert noted(change) == []
        rows = [
            (
                row.action,
                row.tenant,
                row.extension,
                row.subject_type,
                row.actor_name,
                row.reason,
                _plain(row.data),
            )
            for row in AuditRecord.objects.filter(seq__gt=last).order_by("seq")
        ]
        transaction.set_rollback(True)
    return rows


def _plain(data: Any) -> Any:
    if not isinstance(data, dict):
        return data
    return {key: _plain(value) for key, value in data.items() if key not in NOT_COMPARED}


def bulk() -> Changes:
    return Changes(trail.SYSTEM, "because")


Related = dict[str, Any]


def one_by_one(row: Model, columns: dict[str, Any], related: Related, *, gone: bool) -> None:
    if gone:
        verbs.delete(row, by=None, reason="because")
        return
    for name, value in columns.items():
        setattr(row, name, value)
    verbs.save(row, by=None, reason="because", related=related)


def at_once(row: Model, columns: dict[str, Any], related: Related, *, gone: bool) -> None:
    changes = bulk()
    if gone:
        changes.delete([row])
    elif row.pk is None:
        changes.create([row], related={0: related})
    else:
        changes.change([(row, columns)], related={0: related})
    changes.record()


How = Callable[..., None]


def made(how: How, make: Callable[[], Model], related: Related) -> None:
    how(make(), {}, related, gone=False)


def test_a_record_of_many_is_the_record_of_one(cast: Cast) -> None:
    trail.settle_notes()
    now, dora = timezone.now(), ExtensionDeveloper.objects.get(user=cast.dora)
    both = {"installs": [cast.inst_acme, cast.inst_globex]}
    of_mallory = {"user": cast.mallory, "extension": cast.invoice_sync}
    new: list[tuple[Callable[[], Model], Related]] = [
        (lambda: Tenant(key="initech", name="I"), {}),
        (lambda: Extension(key="mailer", name="M"), {}),
        (lambda: Install(key="in-1", tenant=cast.acme, extension=cast.report_maker), {}),
        (lambda: Membership(user=cast.mallory, tenant=cast.acme), {}),
        (lambda: ExtensionDeveloper(**of_mallory), both),
        (lambda: Lock(extension=cast.report_maker, reason="x"), {}),
    ]
    for make, related in new:
        alone = records(partial(made, one_by_one, make, related))
        many = records(partial(made, at_once, make, related))
        assert many == alone
        assert len(many) == 1
    there: list[tuple[Model, dict[str, Any], Related, bool]] = [
        (cast.acme, {"suspended_at": now}, {}, False),
        (cast.acme, {"name": "A"}, {}, False),
        (cast.dan, {"is_active": False}, {}, False),
        (dora, {}, {"installs": [cast.inst_globex]}, False),
        (dora, {}, {}, True),
        (Membership.objects.get(user=cast.alice), {}, {}, True),
        (Capability.objects.get(install=cast.inst_acme), {}, {}, True),
    ]
    for row, columns, related, gone in there:

        def changed(how: How, row: Model = row, rest: Any = (columns, related, gone)) -> None:
            fresh = type(row)._base_manager.get(pk=row.pk)
            how(fresh, rest[0], rest[1], gone=rest[2])

        alone = records(partial(changed, one_by_one))
        assert records(partial(changed, at_once)) == alone
        assert len(alone) == 1


def test_more_than_fit_at_once_are_all_told_by_their_records(cast: Cast) -> None:
    rows = [Tenant(key=f"t-{number}", name="x") for number in range(2 * AT_ONCE + 1)]

    def change() -> None:
        changes = bulk()
        changes.create(rows)
        changes.change([(row, {"name": "y"}) for row in rows])
        changes.record()

    assert noted(change) == []
    created = AuditRecord.objects.filter(action="tenant.created")
    assert created.count() == len(rows)
    assert AuditRecord.objects.filter(action="tenant.changed").count() == len(rows)
    assert trail.verify().ok


def test_what_is_no_value_of_its_column_is_not_saved(cast: Cast) -> None:
    with pytest.raises(ValidationError):
        bulk().create([Tenant(key="Upper Case", name="x")])
    with pytest.raises(ValidationError):
        bulk().change([(cast.acme, {"name": ""})])


@transaction.atomic
def give(row: Model) -> None:
    changes = bulk()
    changes.create([row])
    changes.record()


def test_taking_away_does_not_wait_for_the_trail_and_giving_does(cast: Cast) -> None:
    with refusing(connection):
        changes = bulk()
        changes.delete(list(Membership.objects.all()))
        changes.record()
        assert not Membership.objects.exists()
        assert Outbox.objects.count() == 2
        with pytest.raises(AuditError):
            give(Membership(user=cast.mallory, tenant=cast.acme))
    assert not Membership.objects.exists()
