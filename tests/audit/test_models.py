"""The ORM refuses to change the trail before the database would."""

import pytest

from audit.models import AppendOnly, AuditRecord
from tests.audit.conftest import record


def test_the_orm_refuses_kindly(trail_database):
    row = record(trail_database)
    stored = AuditRecord.objects.using(trail_database)
    for forbidden in (
        row.save,
        row.delete,
        lambda: stored.update(reason="x"),
        lambda: stored.filter(seq=1).delete(),
        lambda: stored.bulk_create([]),
        lambda: stored.bulk_update([], ["reason"]),
    ):
        with pytest.raises(AppendOnly):
            forbidden()
