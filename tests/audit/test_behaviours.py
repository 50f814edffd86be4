"""Two of the twenty behaviours of anchors/approvals-and-audit.md that the trail answers for."""

import copy
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections, transaction

from audit import checkpoints, trail
from audit.chain import canonical, digest
from audit.models import AuditRecord, Outbox
from tests.audit.conftest import record
from tests.fixtures.trail import refusing

SEED = "33" * 32


@pytest.mark.parametrize("swallowed", [False, True])
def test_behaviour_18_an_audit_failure_aborts_the_transition(trail_database, swallowed):
    """Any table stands for the grant: what shares the transaction with the row is undone."""
    transitions = Outbox.objects.using(trail_database)

    def transition():
        with transaction.atomic(using=trail_database):
            transitions.create(entry={"grant": "active"})
            try:
                record(trail_database, action=trail.Action.GRANT_APPROVED)
            except trail.AuditError:
                if not swallowed:
                    raise

    with refusing(connections[trail_database]):  # just after the row was written
        if swallowed:
            transition()  # a careless caller changes nothing about it
        else:
            with pytest.raises(trail.AuditError):
                transition()
    assert not transitions.exists()
    assert not AuditRecord.objects.using(trail_database).exists()

    transition()
    assert transitions.count() == 1
    assert AuditRecord.objects.using(trail_database).get().action == "grant.approved"


def test_behaviour_18_the_database_itself_refuses_the_row(trail_database):
    """The same when the chain's table is gone from under the console."""
    with connections[trail_database].cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditrecord RENAME TO elsewhere")

    @transaction.atomic(using=trail_database)
    def transition():
        Outbox.objects.using(trail_database).create(entry={"grant": "active"})
        record(trail_database, action=trail.Action.GRANT_APPROVED)

    with pytest.raises(trail.AuditError):
        transition()
    assert not Outbox.objects.using(trail_database).exists()
    with pytest.raises(DatabaseError):
        AuditRecord.objects.using(trail_database).exists()


def edit(rows):
    rows[3]["tenant"] = "globex"


def edit_and_hash_again(rows):
    rows[3]["tenant"] = "globex"
    rows[3]["hash"] = digest(rows[3])


def delete(rows):
    del rows[3]


def delete_and_number_again(rows):
    del rows[3]
    for seq, row in enumerate(rows, start=1):
        row["seq"] = seq


def reorder(rows):
    rows[2], rows[3] = rows[3], rows[2]


def insert(rows):
    rows.insert(4, {**copy.deepcopy(rows[3]), "action": "grant.approved"})


def cut_the_tail(rows):
    del rows[5:]


def rewrite_everything(rows):
    prev = "0" * 64
    for seq, row in enumerate(rows, start=1):
        row.update(seq=seq, prev=prev, tenant="globex")
        row["hash"] = prev = digest(row)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("forge", "kind"),
    [
        (edit, "edited"),
        (edit_and_hash_again, "broken"),
        (delete, "removed"),
        (delete_and_number_again, "edited"),
        (reorder, "reordered"),
        (insert, "inserted"),
        (cut_the_tail, "cut"),
        (rewrite_everything, "rewritten"),
        (None, None),
    ],
)
def test_behaviour_19_verify_audit_offline_finds_edit_delete_reorder_insert_and_tail_cut(
    forge, kind, tmp_path, settings
):
    settings.AUDIT_SIGNING_KEY, settings.AUDIT_CHECKPOINT_DIR = SEED, str(tmp_path)
    for _ in range(6):
        record(tenant="acme")
    call_command("export_audit", output=str(tmp_path / "audit.jsonl"))
    call_command("checkpoint_audit", stdout=io.StringIO())
    public = checkpoints.public_hex(checkpoints.private_key(SEED))
    settings.AUDIT_SIGNING_KEY = settings.AUDIT_CHECKPOINT_DIR = ""

    place = tmp_path / "audit.jsonl"
    rows = [json.loads(line) for line in place.read_text().splitlines()]
    if forge is not None:
        forge(rows)
    place.write_bytes(b"".join(canonical(row) + b"\n" for row in rows))

    out = io.StringIO()
    arguments = {
        "checkpoints": str(tmp_path / "checkpoints.jsonl"),
        "public_key": [public],
        "json": True,
        "stdout": out,
    }
    if forge is None:
        call_command("verify_audit", str(place), **arguments)
        assert json.loads(out.getvalue())["provenTo"] == 7
        return
    with pytest.raises(CommandError):
        call_command("verify_audit", str(place), **arguments)
    assert kind in {finding["kind"] for finding in json.loads(out.getvalue())["findings"]}


@pytest.mark.django_db
def test_a_stranger_verifies_with_the_lines_of_the_document(tmp_path, settings):
    """docs/audit.md says what is signed well enough to check it without this program."""
    settings.AUDIT_SIGNING_KEY, settings.AUDIT_CHECKPOINT_DIR = SEED, str(tmp_path)
    for name in ("ann", "Zoë 😀 \ue000"):
        record(actor=trail.Actor(name=name), data={"shown": 3, "é": [None, True]})
    call_command("checkpoint_audit", stdout=io.StringIO())
    export = tmp_path / "audit.jsonl"
    call_command("export_audit", output=str(export))
    public = checkpoints.public_hex(checkpoints.private_key(SEED))
    (code,) = re.findall(r"```python\n(.*?)```", Path("docs/audit.md").read_text(), re.DOTALL)
    program = tmp_path / "verify.py"
    program.write_text(code)

    def verify(key=public):
        return subprocess.run(
            [sys.executable, program, export, tmp_path / "checkpoints.jsonl", key],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert verify().stdout == "3 rows\n"
    other = checkpoints.public_hex(checkpoints.private_key("22" * 32))
    assert "InvalidSignature" in verify(other).stderr
    export.write_text(export.read_text().replace("ann", "eve"))
    assert "row 1 was edited" in verify().stderr


def exported(tmp_path):
    for _ in range(3):
        record(tenant="acme", reason="seen")
    place = tmp_path / "audit.jsonl"
    call_command("export_audit", output=str(place))
    return place


@pytest.mark.django_db
@pytest.mark.parametrize(
    "forge",
    [
        lambda line: line.replace('"reason":"seen"', '"reason":"nothing","reason":"seen"'),
        lambda line: line.replace('"kind":"user"', '"kind":"system","kind":"user"'),
        lambda line: line.replace('{"action"', '{"Reason":"nothing","action"'),
        lambda line: line.replace('"actor":{', '"actor":{"role":"auditor",'),
        lambda line: line + " and more",
        lambda line: line + line,
        lambda line: line + "\x00",
        lambda line: line + "\n",
        lambda line: line.replace('"seq":2', '"seq":2.0'),
        lambda line: line.replace('"seq":2', '"seq":true'),
        lambda line: line.replace('"v":1', '"v":2'),
        lambda line: "[" + line + "]",
    ],
)
def test_an_export_is_read_strictly(forge, tmp_path, capsys):
    place = exported(tmp_path)
    call_command("verify_audit", str(place))
    lines = place.read_text().splitlines()
    lines[1] = forge(lines[1])
    place.write_text("\n".join(lines) + "\n")
    with pytest.raises(CommandError) as refused:
        call_command("verify_audit", str(place))
    assert refused.value.returncode == 1


@pytest.mark.parametrize("content", ["", "\n", "{}\n"])
def test_verifying_nothing_is_no_success(content, tmp_path, capsys):
    place = tmp_path / "audit.jsonl"
    place.write_text(content)
    with pytest.raises(CommandError):
        call_command("verify_audit", str(place))
    assert "integrity verified" not in capsys.readouterr().out


@pytest.mark.django_db
def test_checkpoints_that_none_can_check_are_no_success(tmp_path, settings, capsys):
    settings.AUDIT_SIGNING_KEY, settings.AUDIT_CHECKPOINT_DIR = SEED, str(tmp_path)
    place = exported(tmp_path)
    call_command("checkpoint_audit")
    settings.AUDIT_SIGNING_KEY = settings.AUDIT_CHECKPOINT_DIR = ""
    with pytest.raises(CommandError):
        call_command("verify_audit", str(place), checkpoints=str(tmp_path / "checkpoints.jsonl"))
    assert "VERIFICATION FAILED" in capsys.readouterr().out
