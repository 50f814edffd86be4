"""`manage.py export_audit`: to a new file or to stdout, as JSON Lines or CSV."""

import pytest
from django.core.management import CommandError

from tests.audit.management.commands.conftest import run

pytestmark = pytest.mark.django_db


def test_an_export_never_overwrites_a_file(exported):
    with pytest.raises(CommandError, match="exists"):
        run("export_audit", output=str(exported / "audit.jsonl"))


def test_an_export_to_stdout_as_csv(exported):
    lines = run("export_audit", format="csv", tenant=["acme"]).splitlines()
    assert len(lines) == 1 + 3 + 1  # the header, acme's rows and the export's own
