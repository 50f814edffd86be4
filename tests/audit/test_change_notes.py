"""Which notes a verb's record tells, and what becomes of the others."""

import pytest
from django.db import DatabaseError, transaction

from audit import change_notes, trail
from audit.models import AuditRecord, ChangeNote
from audit.note_triggers import OTHER, SAME
from tests.audit.conftest import record

CHANGED = {"changed": {"all_installs": {"from": False, "to": True}}}


def note(operation="UPDATE", *, was=None, became=None, relation=""):
    return ChangeNote(operation=operation, was=was, became=became, relation=relation)


def update(**columns):
    return note(
        was={name: pair[0] for name, pair in columns.items()},
        became={name: pair[1] for name, pair in columns.items()},
    )


@pytest.mark.parametrize(
    ("data", "notes", "told"),
    [
        (CHANGED, [update(all_installs=(0, 1))], True),
        (CHANGED, [update(all_installs=(False, True), user_id=(5, 5))], True),
        # A further column, another value, another row, nothing in the end.
        (CHANGED, [update(all_installs=(False, True), user_id=(5, 6))], False),
        (CHANGED, [update(all_installs=(True, False))], False),
        (CHANGED, [update(name=("a", "b"))], False),
        (CHANGED, [update(all_installs=(0, 1)), update(all_installs=(1, 0))], False),
        ({}, [update(all_installs=(0, 1))], False),
        # References by their name, times to the second, JSON as SQLite keeps it, secrets by being.
        ({"changed": {"user": {"from": 5, "to": 6}}}, [update(user_id=(5, 6))], True),
        ({"ends_at": "2026-01-02T03:04:05+00:00"},
         [update(ends_at=(None, "2026-01-02 03:04:05.678"))], True),
        ({"ends_at": "2026-01-02T03:04:05+00:00"},
         [update(ends_at=(None, "2026-01-02 04:04:05"))], False),
        ({"state": "active"}, [update(state=("requested", "active"))], True),
        ({"state": "active"}, [update(state=("requested", "revoked"))], False),
        ({"changed": {"capabilities": {"from": [], "to": ["x"]}}},
         [update(capabilities=("[]", '["x"]'))], True),
        ({"changed": {"password": {"from": "(secret 1)", "to": "(secret 2)"}}},
         [update(password=(SAME, OTHER))], True),
        # Made and removed.
        ({"is": {"name": "a", "mode": "off"}}, [note("INSERT", became={"name": "a"})], True),
        ({"is": {"name": "a", "mode": "off"}},
         [note("INSERT", became={"mode": "on"}), update(mode=("on", "off"))], True),
        ({"is": {"name": "a"}}, [note("INSERT", became={"name": "b"})], False),
        ({"is": {"name": "a"}}, [note("DELETE", was={"name": "a"})], False),
        ({"was": {"name": "a"}}, [note("DELETE", was={"name": "a"})], True),
        ({"was": {"name": "a"}}, [note("TRUNCATE")], False),
        # A row made and then changed beside what its verb tells; text that looks like a secret.
        ({"is": {"name": "a"}},
         [note("INSERT", became={"name": "a", "digest": SAME}),
          update(digest=(SAME, OTHER), name=("a", "a"))], False),
        ({"changed": {"name": {"from": "a", "to": "b"}}}, [update(name=("a", OTHER))], False),
        # Relations by their name.
        ({"changed": {"installs": {"from": [], "to": ["i"]}}},
         [note("INSERT", became={"install_id": 1}, relation="installs")], True),
        (CHANGED, [note("INSERT", became={"install_id": 1}, relation="installs")], False),
    ],
)  # fmt: skip
def test_a_record_tells_what_it_says_and_no_more(data, notes, told):
    assert change_notes.tells(data, notes) is told


def left(using, **more):
    """A note as a trigger writes it."""
    return ChangeNote.objects.using(using).create(
        **{
            "at": "2026-01-01T00:00:00Z", "txid": "0", "role": "debug_console",
            "table_name": "policies_lock", "row_key": "1", "operation": "DELETE",
            "was": {"id": 1}, "became": None, "subject_type": "lock", "subject_id": "1", **more,
        }
    )  # fmt: skip


def test_what_no_verb_told_becomes_a_record_of_the_databases_role(trail_database):
    made = left(trail_database)
    assert trail.settle_notes(using=trail_database) == 1
    (row,) = AuditRecord.objects.using(trail_database)
    assert (row.action, row.actor_kind, row.actor_id) == (
        "row.changed", "database", "debug_console",
    )  # fmt: skip
    assert (row.subject_type, row.subject_id, row.data["notes"]) == ("lock", "1", [made.pk])
    assert row.data["rows"] == [{"key": "1", "was": {"id": 1}}]
    assert not ChangeNote.objects.using(trail_database).exists()
    assert trail.settle_notes(using=trail_database) == 0


def test_many_rows_of_one_statement_share_records_and_none_is_left_out(trail_database):
    for key in range(600):
        left(trail_database, row_key=str(key), subject_id=str(key), was={"text": "x" * 100})
    written = trail.settle_notes(using=trail_database)
    assert 2 <= written <= 12
    told = AuditRecord.objects.using(trail_database).values_list("data", flat=True)
    keys = {row["key"] for data in told for row in data["rows"]}
    assert keys == {str(key) for key in range(600)}


def test_a_row_that_is_too_large_is_shortened_and_still_told(trail_database):
    left(trail_database, was={"pattern": "x" * 50_000, "name": "n"})
    assert trail.settle_notes(using=trail_database) == 1
    (row,) = AuditRecord.objects.using(trail_database)
    assert row.data["rows"][0]["was"]["name"] == "n"
    assert "(50000 characters)" in row.data["rows"][0]["was"]["pattern"]


@pytest.mark.parametrize("columns", [1, 8, 40, 200])
def test_no_row_is_too_large_to_be_told(trail_database, columns):
    """One that the trail refused would keep all others waiting behind it."""
    left(trail_database, was={f"column{n}": "\U0001f600" * 3_000 for n in range(columns)})
    after = left(trail_database, row_key="2", operation="INSERT", was=None, became={"id": 2})
    assert trail.settle_notes(using=trail_database) == 2
    assert not ChangeNote.objects.using(trail_database).exists()
    rows = AuditRecord.objects.using(trail_database)
    assert [pk for row in rows.order_by("seq") for pk in row.data["notes"]] == [
        after.pk - 1, after.pk,
    ]  # fmt: skip


def test_a_record_of_another_transaction_tells_nothing(trail_database):
    """On SQLite one that came before the change."""
    record(trail_database, subject_type="lock", subject_id="1", data={"was": {"id": 1}})
    left(trail_database, txid="1")
    assert trail.settle_notes(using=trail_database) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM audit_changenote",
        "UPDATE audit_changenote SET told_by = 1",  # a record about something else
        "UPDATE audit_changenote SET told_by = 99",
        "UPDATE audit_changenote SET txid = '7'",
        "UPDATE audit_changenote SET role = 'nobody'",
    ],
)
def test_a_note_is_neither_rewritten_nor_deleted_untold(trail_database, execute, sql):
    record(trail_database, subject_type="lock", subject_id="2")
    left(trail_database)
    with pytest.raises(DatabaseError), transaction.atomic(using=trail_database):
        execute(sql, using=trail_database)
    assert trail.settle_notes(using=trail_database) == 1
