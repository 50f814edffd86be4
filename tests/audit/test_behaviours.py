"""Two of the twenty behaviours of anchors/approvals-and-audit.md that the trail answers for."""

import copy
import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections, transaction

from audit import checkpoints, trail
from audit.chain import digest
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
    place.write_text("".join(json.dumps(row) + "\n" for row in rows))

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
