"""The console's database role: adds and reads, and can change nothing of the trail."""

import environ
import psycopg
import pytest
from django.db import DatabaseError, connections, transaction

from audit import checks, guards, roles, trail
from audit.models import Outbox
from tests.audit.conftest import entry_of, record


@pytest.fixture
def console_role(postgres_trail, postgres):
    """The same database as the console's own role sees it: the alias `console`."""
    owner = connections[postgres_trail].settings_dict
    with psycopg.connect(postgres.url(owner["NAME"]), autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS debug_console")
        connection.execute("CREATE ROLE debug_console LOGIN")
        for statement in roles.grants_for("debug_console"):
            connection.execute(statement.encode())
    url = postgres.url(owner["NAME"]).replace("//console@", "//debug_console@")
    connections.settings["console"] = connections.configure_settings(
        {"default": owner, "console": environ.Env.db_url_config(url)}
    )["console"]
    yield "console"
    connections["console"].close()
    del connections["console"]
    del connections.settings["console"]
    with psycopg.connect(postgres.url(owner["NAME"]), autocommit=True) as connection:
        connection.execute("DROP OWNED BY debug_console")
        connection.execute("DROP ROLE debug_console")


@pytest.mark.postgres
def test_the_consoles_own_role_adds_and_reads_and_nothing_more(console_role, settings, execute):
    settings.PRODUCTION = True
    assert checks.problems(using=console_role) == []
    record(console_role)
    denied = entry_of(action=trail.Action.SESSION_DENIED, data={"code": "lock"})
    trail.record_durably(denied, using=console_role)
    Outbox.objects.using(console_role).create(entry={})
    assert trail.verify(using=console_role).rows == 2
    for sql in (
        "UPDATE audit_auditrecord SET reason = 'x'",
        "DELETE FROM audit_auditrecord",
        "TRUNCATE audit_auditrecord",
        "ALTER TABLE audit_auditrecord DISABLE TRIGGER ALL",
        "DROP TRIGGER audit_auditrecord_no_change ON audit_auditrecord",
        f"CREATE OR REPLACE FUNCTION {guards._FUNCTION}() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RETURN NEW; END $$",
        "DELETE FROM audit_checkpoint",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(using=console_role):
            execute(sql, using=console_role)
    assert trail.verify(using=console_role).ok


@pytest.mark.postgres
def test_a_right_that_the_role_lacks_is_named(console_role, postgres_trail, postgres):
    tables = ["audit_auditrecord", "audit_changenote", "audit_outbox"]
    assert roles.lacking(tables, using=console_role) == []
    owner = connections[postgres_trail].settings_dict
    with psycopg.connect(postgres.url(owner["NAME"]), autocommit=True) as connection:
        connection.execute("REVOKE INSERT ON audit_auditrecord FROM debug_console")
        connection.execute("REVOKE ALL ON audit_changenote FROM debug_console")
    assert roles.lacking([*tables, "no_such_table"], using=console_role)[:4] == [
        "INSERT on audit_auditrecord", "DELETE on audit_changenote", "SELECT on audit_changenote",
        "UPDATE on audit_changenote",
    ]  # fmt: skip
    assert "SELECT on no_such_table" in roles.lacking(["no_such_table"], using=console_role)
