"""`manage.py audit_role`: SQL for the owner of the tables."""

import pytest
from django.core.management import CommandError

from tests.audit.management.commands.conftest import run


def test_a_role_that_needs_quoting_is_refused():
    with pytest.raises(CommandError, match="role"):
        run("audit_role", 'console"; DROP TABLE x')
