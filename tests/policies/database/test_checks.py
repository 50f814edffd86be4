"""A trigger of policy that is gone is named before anybody relies on it."""

import pytest
from django.db import connection

from policies.database import checks, version_triggers
from tests.fixtures.database import without_triggers


@pytest.mark.django_db
@pytest.mark.parametrize(("production", "serious"), [(True, True), (False, False)])
def test_missing_triggers_are_an_error_in_production(settings, production: bool, serious: bool):
    settings.PRODUCTION = production
    assert checks.problems() == []
    with without_triggers(connection):
        (found,) = checks.problems()
    assert (found.id, found.is_serious()) == ("policies.E001", serious)
    assert " and " in found.msg, "all of them are missing: the first is named, the rest counted"
    assert "manage.py migrate" in str(found.hint)


@pytest.mark.django_db
def test_one_missing_trigger_is_enough(settings):
    settings.PRODUCTION = True
    name = "policies_bump_policies_lock_" + ("insert" if connection.vendor == "sqlite" else "row")
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f'DROP TRIGGER "{name}"')
        else:  # what a session could switch off counts as missing
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(f'ALTER TABLE policies_lock ENABLE TRIGGER "{name}"')
    (found,) = checks.problems()
    assert name in found.msg
    assert "more" not in found.msg


def test_the_check_only_asks_a_database_that_it_may_ask():
    assert checks.policy_is_guarded(None, databases=None) == []
    assert checks.policy_is_guarded(None, databases=["other"]) == []


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["policies_bump", "audit_note", "policies_guard_grant_update"])
def test_a_trigger_that_is_only_there_by_name_is_missed(settings, name: str):
    settings.PRODUCTION = True
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE %s",
                [f"{name}%"],
            )
            trigger, table = cursor.fetchone()
            cursor.execute(f'DROP TRIGGER "{trigger}"')
            cursor.execute(
                f'CREATE TRIGGER "{trigger}" AFTER UPDATE ON "{table}" BEGIN SELECT 1; END'
            )
        else:
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql"
                " AS $$ BEGIN RETURN NEW; END $$"
            )
    (found,) = checks.problems()
    assert name in found.msg
    version_triggers.install()
    assert checks.problems() == []
