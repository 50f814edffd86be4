"""`manage.py audit_role`: SQL for the owner of the tables."""

import pytest
from django.core.management import CommandError

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
