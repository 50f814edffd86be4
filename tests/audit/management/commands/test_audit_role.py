"""`manage.py audit_role`: SQL for the owner of the tables."""

import pytest
from django.core.management import CommandError
from django.db import connection

from tests.audit.management.commands.conftest import run


def test_the_sql_lets_the_role_add_to_the_trail_and_nothing_else():
    said = run("audit_role", "debug_console")
    revoked = [line for line in said.splitlines() if line.startswith("REVOKE UPDATE")]
    assert revoked == [
        "REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON audit_auditrecord,"
        " audit_checkpoint FROM debug_console;"
    ]


def test_a_role_that_needs_quoting_is_refused():
    with pytest.raises(CommandError, match="role"):
        run("audit_role", 'console"; DROP TABLE x')


@pytest.mark.django_db
def test_the_owner_may_have_it_carried_out():
    if connection.vendor == "sqlite":  # it has no roles, and says so in a line
        with pytest.raises(CommandError, match="no rights were given: near"):
            run("audit_role", "debug_console", "--apply")
        return
    asked = (
        "SELECT has_table_privilege('debug_hand', 'audit_auditrecord', 'INSERT'),"
        " has_table_privilege('debug_hand', 'audit_auditrecord', 'UPDATE')"
    )
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE debug_hand")
        assert run("audit_role", "debug_hand", "--apply") == ""
        cursor.execute(asked)
        assert cursor.fetchone() == (True, False)
