"""Triggers are known by what they do: one replaced under its name counts as missing."""

import pytest
from django.db import DatabaseError, connections

from audit import checks, guards, triggers
from audit.triggers import Trigger
from tests.audit.conftest import record


def test_what_is_installed_is_what_is_looked_for(trail_database):
    assert triggers.wrong(guards.guards(), using=trail_database) == []
    there = {name for name, _ in triggers.present(using=trail_database)}
    assert set(guards.guards().names(connections[trail_database].vendor)) <= there


@pytest.mark.postgres
@pytest.mark.parametrize(
    "sql",
    [
        # The function replaced under its name.
        "CREATE OR REPLACE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RETURN NULL; END $$",
        # The same body, but names are looked up where the session says.
        "ALTER FUNCTION audit_refuse_change() RESET search_path",
        "ALTER FUNCTION audit_refuse_change() SET search_path = pg_temp",
        "ALTER FUNCTION audit_refuse_change() SECURITY DEFINER",
        # The trigger replaced under its name: fewer events, a condition, another function.
        "DROP TRIGGER audit_auditrecord_no_change ON audit_auditrecord; CREATE TRIGGER"
        " audit_auditrecord_no_change BEFORE UPDATE ON audit_auditrecord FOR EACH STATEMENT"
        " EXECUTE FUNCTION audit_refuse_change();"
        " ALTER TABLE audit_auditrecord ENABLE ALWAYS TRIGGER audit_auditrecord_no_change",
        "DROP TRIGGER audit_auditrecord_no_change ON audit_auditrecord; CREATE TRIGGER"
        " audit_auditrecord_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_auditrecord"
        " FOR EACH STATEMENT WHEN (false) EXECUTE FUNCTION audit_refuse_change();"
        " ALTER TABLE audit_auditrecord ENABLE ALWAYS TRIGGER audit_auditrecord_no_change",
        "DROP TRIGGER audit_auditrecord_no_change ON audit_auditrecord; CREATE TRIGGER"
        " audit_auditrecord_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_auditrecord"
        " FOR EACH STATEMENT EXECUTE FUNCTION suppress_redundant_updates_trigger();"
        " ALTER TABLE audit_auditrecord ENABLE ALWAYS TRIGGER audit_auditrecord_no_change",
        "ALTER TABLE audit_auditrecord DISABLE TRIGGER audit_auditrecord_no_change",
        "ALTER TABLE audit_auditrecord ENABLE REPLICA TRIGGER audit_auditrecord_no_change",
    ],
)
def test_a_guard_replaced_under_its_name_is_found(postgres_trail, execute, sql, settings):
    settings.PRODUCTION = True
    execute(sql, using=postgres_trail)
    assert "audit_auditrecord" in guards.missing(using=postgres_trail)
    assert "audit.E001" in {found.id for found in checks.problems(using=postgres_trail)}
    guards.install(using=postgres_trail)
    assert guards.missing(using=postgres_trail) == []


@pytest.mark.parametrize(
    "what",
    [
        "BEFORE DELETE ON audit_auditrecord BEGIN SELECT 1; END",
        "BEFORE DELETE ON audit_auditrecord WHEN 0"
        " BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END",
        "BEFORE DELETE ON audit_outbox"
        " BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END",
    ],
)
def test_a_guard_replaced_under_its_name_is_found_on_sqlite(sqlite_trail, execute, what):
    execute("DROP TRIGGER audit_auditrecord_no_delete", using=sqlite_trail)
    execute(f"CREATE TRIGGER audit_auditrecord_no_delete {what}", using=sqlite_trail)
    assert guards.missing(using=sqlite_trail) == ["audit_auditrecord"]


@pytest.mark.postgres
def test_a_temporary_table_does_not_stand_in_for_the_trail(postgres_trail, execute):
    """A session's own tables come before the schema's wherever a search path does not say so."""
    record(postgres_trail)
    execute("CREATE TEMP TABLE audit_auditrecord (seq bigint, hash text)", using=postgres_trail)
    execute("INSERT INTO pg_temp.audit_auditrecord VALUES (9, 'h')", using=postgres_trail)
    forged = "INSERT INTO audit_checkpoint VALUES (9, now(), 'h', 'k', 's')"
    with pytest.raises(DatabaseError, match=guards.UNFOUNDED):
        execute(forged, using=postgres_trail)


def test_a_definition_quotes_its_arguments():
    made = Trigger(
        name="t", table="x", timing="AFTER", events=("UPDATE", "INSERT"), function="f",
        columns=("a", "b"), arguments=("it's",), deferred=True,
    )  # fmt: skip
    assert made.definition() == (
        "CREATE CONSTRAINT TRIGGER t AFTER INSERT OR UPDATE OF a, b ON x"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f('it''s')"
    )
