"""`manage.py verify_audit`: on the database, and offline on an export with its checkpoints."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from tests.audit.conftest import record
from tests.audit.management.commands.conftest import PUBLIC, run
from tests.fixtures.database import without_triggers

pytestmark = pytest.mark.django_db


def verify(folder, **options):
    return run(
        "verify_audit",
        str(folder / "audit.jsonl"),
        checkpoints=str(folder / "checkpoints.jsonl"),
        public_key=[PUBLIC],
        **options,
    )


def test_a_whole_export_verifies_offline(exported):
    said = verify(exported)
    assert "4 rows" in said
    assert "signed up to row 4" in said
    assert said.endswith("integrity verified\n")


@pytest.mark.parametrize(
    ("forge", "kind"),
    [
        (lambda lines: [lines[0], lines[1].replace("acme", "evil"), *lines[2:]], "edited"),
        (lambda lines: [lines[0], *lines[2:]], "removed"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "reordered"),
        (lambda lines: [lines[0], lines[0], *lines[1:]], "inserted"),
        (lambda lines: lines[:3], "cut"),
        (lambda lines: ["not json", *lines], "unreadable"),
    ],
)
def test_a_forged_export_does_not(exported, forge, kind):
    place = exported / "audit.jsonl"
    place.write_text("\n".join(forge(place.read_text().splitlines())))
    out = io.StringIO()
    with pytest.raises(CommandError) as raised:
        call_command("verify_audit", str(place), checkpoints=str(exported / "checkpoints.jsonl"),
                     public_key=[PUBLIC], json=True, stdout=out)  # fmt: skip
    assert raised.value.returncode == 1
    verdict = json.loads(out.getvalue())
    assert not verdict["ok"]
    assert kind in {finding["kind"] for finding in verdict["findings"]}


def test_the_database_is_what_is_verified_without_a_file():
    record()
    assert "integrity verified" in run("verify_audit")
    with without_triggers(connections["default"]), connections["default"].cursor() as cursor:
        cursor.execute("UPDATE audit_auditrecord SET reason = 'forged'")
    with pytest.raises(CommandError, match="1 findings"):
        run("verify_audit")


@pytest.mark.parametrize(
    "arguments",
    [
        {"checkpoints": "/does/not/exist"},
        {"public_key": ["short"], "checkpoints": "checkpoints"},
    ],
)
def test_what_cannot_be_checked_is_said_and_not_passed_over(exported, arguments):
    place = arguments["checkpoints"].replace("checkpoints", str(exported / "checkpoints.jsonl"))
    with pytest.raises(CommandError):
        run("verify_audit", **{**arguments, "checkpoints": place})
