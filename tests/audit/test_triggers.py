"""Triggers are known by what they do: one replaced under its name counts as missing."""

import pytest
from django.db import DatabaseError, connections

from audit import checks, guards, note_triggers, triggers
from audit.models import ChangeNote
from audit.note_triggers import NotedTable
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


def test_a_definition_quotes_names_as_the_server_says():
    made = Trigger(
        name="t", table="x", timing="AFTER", events=("UPDATE",), function="f", columns=("order",)
    )
    assert "UPDATE OF [order] ON [x]" in made.definition(lambda name: f"[{name}]")


# Words that a version of either database may take for its own.
WORDS = ("before", "columns", "comment", "order", "user", "group", "end", "Mixed", "table", "when")


def test_columns_whose_names_are_words_of_sql_are_noted(trail_database, execute):
    quoted = ", ".join(f'"{word}" varchar(20)' for word in WORDS)
    execute(f"CREATE TABLE tried (id int PRIMARY KEY, {quoted})", using=trail_database)
    noted = note_triggers.guards(
        [
            NotedTable(
                table="tried", key="order", columns=WORDS, subject_type="tried",
                subject_column="user",
            )
        ]
    )  # fmt: skip
    triggers.install(noted, using=trail_database)
    assert triggers.wrong(noted, using=trail_database) == []
    execute(
        "INSERT INTO tried (id, \"order\", \"user\") VALUES (1, 'k', 's')", using=trail_database
    )
    for word in WORDS:
        execute(f"UPDATE tried SET \"{word}\" = 'new'", using=trail_database)
    assert ChangeNote.objects.using(trail_database).count() == 1 + len(WORDS)
    first = ChangeNote.objects.using(trail_database).order_by("id")[0]
    assert (first.row_key, first.subject_id) == ("k", "s")
    last = ChangeNote.objects.using(trail_database).order_by("-id")[0]
    assert {word for word in WORDS if (last.became or {})[word] == "new"} == set(WORDS)


@pytest.mark.postgres
def test_nobody_else_may_make_a_trigger_that_has_the_owners_rights(postgres_trail, execute):
    """Whoever could would write notes of what never happened, by a table of their own."""
    noted = note_triggers.guards(
        [
            NotedTable(
                table="audit_tally", key="id", columns=(), subject_type="t", subject_column="id"
            )
        ]
    )
    triggers.install(noted, using=postgres_trail)
    assert triggers.wrong(noted, using=postgres_trail) == []
    execute("GRANT EXECUTE ON FUNCTION audit_note() TO PUBLIC", using=postgres_trail)
    assert {table for _, table in triggers.wrong(noted, using=postgres_trail)} == {"audit_tally"}
    triggers.install(noted, using=postgres_trail)
    assert triggers.wrong(noted, using=postgres_trail) == []
