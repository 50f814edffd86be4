"""Migrations that are missing, tables that cannot be read and rights that are lacking are named."""

from collections.abc import Iterator

import pytest
from django.db import OperationalError, ProgrammingError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test.utils import CaptureQueriesContext

from audit import roles
from extdebug.models import DebugSession
from extdebug.ops import own_tables

pytestmark = pytest.mark.django_db

ROLE = "ready_console"


def test_a_database_that_is_as_this_code_knows_it_has_no_problem():
    assert own_tables.problems() == []
    with CaptureQueriesContext(connection) as queries:
        own_tables.problems()
    assert len(queries) <= 7, "probes ask every second"


def test_an_unapplied_migration_is_named_and_a_newer_one_is_none_of_ours():
    recorder = MigrationRecorder(connection)
    recorder.record_applied("extdebug", "9999_of_a_later_version")
    assert own_tables.problems() == []
    recorder.record_unapplied("extdebug", "0001_initial")
    (found,) = own_tables.problems()
    assert found.id == "extdebug.E003"
    assert found.msg == "The migration extdebug.0001_initial is not applied."
    assert found.is_serious()


@pytest.mark.parametrize(
    "change",
    [
        f"ALTER TABLE {DebugSession._meta.db_table} RENAME TO elsewhere",
        f"ALTER TABLE {DebugSession._meta.db_table} RENAME COLUMN cursor TO elsewhere",
    ],
    ids=["table", "column"],
)
def test_a_table_that_is_not_as_recorded_cannot_be_read(change: str):
    with connection.cursor() as cursor:
        cursor.execute(change)
    (found,) = own_tables.problems()
    assert found.id == "extdebug.E004"
    assert "cursor" in found.msg or DebugSession._meta.db_table in found.msg


def test_a_database_that_is_away_is_no_table_that_is_missing(monkeypatch: pytest.MonkeyPatch):
    away = OperationalError if connection.vendor == "postgresql" else ProgrammingError

    def gone(**_: object) -> list[str]:
        raise away("the server closed the connection")

    monkeypatch.setattr(own_tables, "unapplied", gone)
    with pytest.raises(away):
        own_tables.problems()


@pytest.fixture
def as_role() -> Iterator[None]:
    """The statements of the test are those of a role with the rights that audit_role prints."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no roles")
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE}")
        for statement in roles.grants_for(ROLE):
            cursor.execute(statement)
        yield
        cursor.execute("RESET ROLE")


@pytest.mark.parametrize(
    ("revoked", "identifier", "named"),
    [
        ("", "", ""),
        (f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {ROLE}", "extdebug.E004", "permission"),
        (f"REVOKE SELECT ON django_migrations FROM {ROLE}", "extdebug.E004", "django_migrations"),
        (f"REVOKE INSERT ON audit_auditrecord FROM {ROLE}", "extdebug.E005", "INSERT on audit_"),
        (f"REVOKE UPDATE ON policies_grant FROM {ROLE}", "extdebug.E005", "UPDATE on policies_"),
    ],
)
@pytest.mark.postgres
def test_a_role_that_lacks_a_right_is_told_which(
    as_role: None, revoked: str, identifier: str, named: str
):
    with connection.cursor() as cursor:
        if revoked:
            cursor.execute(revoked)
        cursor.execute(f"SET LOCAL ROLE {ROLE}")
    found = own_tables.problems()
    assert [str(message.id) for message in found] == ([identifier] if identifier else [])
    assert all(named in message.msg and "audit_role" in str(message.hint) for message in found)
