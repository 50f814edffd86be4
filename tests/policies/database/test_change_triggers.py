"""The rules of change requests and of withdrawn consent are in place and are looked for."""

import pytest
from django.db import connection

from policies.database import change_triggers, version_triggers


@pytest.mark.django_db
def test_a_dropped_guard_is_missed() -> None:
    assert version_triggers.missing() == []
    name = next(iter(change_triggers.rules()))
    table = change_triggers.rules()[name][0]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"DROP TRIGGER {name} ON {table}")
        else:
            name = f"{name}_0"
            cursor.execute(f"DROP TRIGGER {name}")
    assert version_triggers.missing() == [name]
