"""System checks: a missing trigger or a role with too much power is named."""

import pytest
from django.db import connections

from audit import checks
from tests.fixtures.database import without_triggers


@pytest.mark.postgres
def test_production_refuses_an_owner_of_the_trail(postgres_trail, settings):
    settings.PRODUCTION = True
    (found,) = checks.problems(using=postgres_trail)
    assert (found.id, found.is_serious()) == ("audit.E002", True)
    assert "ownership" in found.msg
    settings.PRODUCTION = False
    assert not checks.problems(using=postgres_trail)[0].is_serious()


def test_a_missing_trigger_is_an_error_in_production(trail_database, settings):
    settings.PRODUCTION = True
    with without_triggers(connections[trail_database]):
        found = [item.id for item in checks.problems(using=trail_database)]
    assert found.count("audit.E001") == 5


def test_sqlite_with_its_triggers_passes(sqlite_trail, settings):
    settings.PRODUCTION = True
    assert checks.problems(using=sqlite_trail) == []


def test_the_check_only_asks_a_database_that_it_may_ask():
    assert checks.trail_is_guarded(None, databases=None) == []
    assert checks.trail_is_guarded(None, databases=["other"]) == []
