import environ
import psycopg
import pytest
from django.db import DatabaseError, connections, transaction

from audit import checks, guards, roles, trail
from audit.models import Outbox
from tests.fixtures.database import without_triggers


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
def test_production_refuses_an_owner_of_the_trail(postgres_trail, settings):
    settings.PRODUCTION = True
    (found,) = checks.problems(using=postgres_trail)
    assert (found.id, found.is_serious()) == ("audit.E002", True)
    assert "ownership" in found.msg
    settings.PRODUCTION = False
    assert not checks.problems(using=postgres_trail)[0].is_serious()


@pytest.mark.postgres
def test_the_consoles_own_role_adds_and_reads_and_nothing_more(console_role, settings, execute):
    settings.PRODUCTION = True
    assert checks.problems(using=console_role) == []
    trail.record(trail.Action.SESSION_OPENED, actor=trail.SYSTEM, using=console_role)
    trail.record_durably(
        trail.Action.SESSION_DENIED, actor=trail.SYSTEM, code="lock", using=console_role
    )
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


def test_a_missing_trigger_is_an_error_in_production(trail_database, settings):
    settings.PRODUCTION = True
    with without_triggers(connections[trail_database]):
        found = [item.id for item in checks.problems(using=trail_database)]
    assert found.count("audit.E001") == 2


def test_sqlite_with_its_triggers_passes(sqlite_trail, settings):
    settings.PRODUCTION = True
    assert checks.problems(using=sqlite_trail) == []


def test_the_check_only_asks_a_database_that_it_may_ask():
    assert checks.trail_is_guarded(None, databases=None) == []
    assert checks.trail_is_guarded(None, databases=["other"]) == []
