"""The database itself refuses to change the trail, on both databases and by every way known."""

import datetime as dt

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connections, transaction
from django.utils import timezone

from audit import guards, integrity, outbox, summaries, trail
from audit.models import AuditRecord, Outbox, Tally
from tests.audit.conftest import entry_of, record
from tests.fixtures.database import without_triggers

COLUMNS = (
    "seq, at, action, actor_kind, actor_id, actor_name, ip, tenant, extension, subject_type,"
    " subject_id, reason, data, once, prev, hash"
)


@pytest.fixture
def guarded(trail_database):
    for n in range(3):
        record(trail_database, tenant="acme", once=f"once-{n}")
    return trail_database


def refused(sql, *, using, execute):
    before = [row.row() for row in AuditRecord.objects.using(using)]
    with pytest.raises(DatabaseError, match=guards.REFUSAL), transaction.atomic(using=using):
        execute(sql, using=using)
    assert [row.row() for row in AuditRecord.objects.using(using)] == before


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_auditrecord SET reason = 'x' WHERE seq = 2",
        "DELETE FROM audit_auditrecord WHERE seq = 3",
        "DELETE FROM audit_auditrecord",
    ],
)
def test_plain_sql_cannot_change_the_trail(guarded, execute, sql):
    refused(sql, using=guarded, execute=execute)


@pytest.mark.parametrize("sql", ["UPDATE {} SET seq = 9", "DELETE FROM {}"])
def test_checkpoints_cannot_be_changed_either(guarded, execute, sql, settings):
    settings.AUDIT_SIGNING_KEY = "11" * 32
    integrity.checkpoint(using=guarded)
    with pytest.raises(DatabaseError, match=guards.REFUSAL), transaction.atomic(using=guarded):
        execute(sql.format("audit_checkpoint"), using=guarded)


@pytest.mark.postgres
@pytest.mark.parametrize(
    "sql",
    [
        "TRUNCATE audit_auditrecord",
        "TRUNCATE audit_auditrecord CASCADE",
        "SET LOCAL session_replication_role = replica; DELETE FROM audit_auditrecord",
        "INSERT INTO audit_auditrecord SELECT * FROM audit_auditrecord WHERE seq = 1"
        " ON CONFLICT (seq) DO UPDATE SET reason = 'x'",
        "UPDATE audit_auditrecord SET reason = 'x' WHERE false",
    ],
)
def test_postgresqls_other_ways_are_refused(postgres_trail, execute, sql):
    record(postgres_trail)
    refused(sql, using=postgres_trail, execute=execute)


@pytest.mark.parametrize(
    "changed",
    [
        {"seq": "2"},  # the number of another row
        {"seq": "99", "hash": "hash"},
        {"seq": "99", "prev": "prev"},
        {"seq": "99", "once": "once"},
    ],
)
@pytest.mark.parametrize("verb", ["INSERT OR REPLACE", "REPLACE"])
def test_sqlites_replace_cannot_push_a_row_out(sqlite_trail, execute, changed, verb):
    for n in range(3):
        record(sqlite_trail, once=f"o{n}")
    fresh = {"seq": "99", "reason": "'forged'", "once": "''", "prev": "'p'", "hash": "'h'"}
    values = [{**fresh, **changed}.get(name, name) for name in COLUMNS.split(", ")]
    refused(
        f"{verb} INTO audit_auditrecord ({COLUMNS}) SELECT {', '.join(values)}"
        " FROM audit_auditrecord WHERE seq = 2",
        using=sqlite_trail,
        execute=execute,
    )


def test_sqlites_rowid_is_no_way_around(sqlite_trail, execute):
    record(sqlite_trail)
    refused(
        f"INSERT OR REPLACE INTO audit_auditrecord (rowid, {COLUMNS}) SELECT rowid, 99, at, action,"
        " actor_kind, actor_id, actor_name, ip, tenant, extension, subject_type, subject_id,"
        " 'forged', data, '', 'p', 'h' FROM audit_auditrecord",
        using=sqlite_trail,
        execute=execute,
    )


def test_the_guards_are_back_after_any_migration(trail_database, execute):
    connection = connections[trail_database]
    assert guards.missing(using=trail_database) == []
    with without_triggers(connection):
        assert set(guards.missing(using=trail_database)) == {
            "audit_auditrecord", "audit_checkpoint", "audit_outbox", "audit_tally",
            "audit_changenote",
        }  # fmt: skip
        assert {f.kind for f in trail.verify(using=trail_database).findings} >= {"unguarded"}
        if connection.vendor == "sqlite":  # where a migration drops them silently
            call_command("migrate", "audit", database=trail_database, verbosity=0)
            assert guards.missing(using=trail_database) == []
            for name in execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'", using=trail_database
            ):
                execute(f"DROP TRIGGER {name[0]}", using=trail_database)


@pytest.mark.postgres
def test_a_guard_that_does_not_always_fire_counts_as_missing(postgres_trail, execute):
    execute(
        "ALTER TABLE audit_auditrecord ENABLE TRIGGER audit_auditrecord_no_change",
        using=postgres_trail,
    )
    assert guards.missing(using=postgres_trail) == ["audit_auditrecord"]
    call_command("migrate", "audit", database=postgres_trail, verbosity=0)
    assert guards.missing(using=postgres_trail) == []


def test_a_second_row_cannot_follow_the_same_row(guarded, execute):
    """The second wall behind the lock: the chain cannot fork even if nobody locks."""
    columns = COLUMNS.replace("seq,", "99,", 1).replace("hash", "'h'").replace("once", "''")
    with (
        pytest.raises(DatabaseError),
        without_triggers(connections[guarded]),
        transaction.atomic(using=guarded),
    ):
        execute(
            f"INSERT INTO audit_auditrecord ({COLUMNS}) SELECT {columns}"
            " FROM audit_auditrecord WHERE seq = 2",
            using=guarded,
        )
    assert trail.verify(using=guarded).ok


def test_what_waits_is_not_deleted_before_the_trail_has_it(trail_database, execute):
    """Outbox and counts are rows of the trail that are not there yet."""
    denied = entry_of(action=trail.Action.SESSION_DENIED, data={"code": "lock"})
    for _ in range(3):
        trail.record_durably(denied, using=trail_database)
    Outbox.objects.using(trail_database).create(entry=outbox.pack(entry_of(subject_id="s9")))
    for sql in (
        "DELETE FROM audit_outbox",
        "UPDATE audit_outbox SET entry = '{}'",
        "DELETE FROM audit_tally",
        "UPDATE audit_tally SET count = 0",
        "UPDATE audit_tally SET minute = '2020-01-01 00:00:00+00:00'",
    ):
        with (
            pytest.raises(DatabaseError, match=guards.WAITING),
            transaction.atomic(using=trail_database),
        ):
            execute(sql, using=trail_database)
    later = timezone.now() + dt.timedelta(minutes=2)
    assert outbox.drain(using=trail_database) == 1
    assert summaries.settle(using=trail_database, now=later) == 1
    assert not Outbox.objects.using(trail_database).exists()
    assert not Tally.objects.using(trail_database).exists()
    assert AuditRecord.objects.using(trail_database).get(subject_id="s9").once.startswith("outbox:")


def test_another_row_under_its_mark_does_not_free_what_waits(trail_database, execute):
    waiting = Outbox.objects.using(trail_database).create(
        entry=outbox.pack(entry_of(subject_id="s9", data={"shown": 5}))
    )
    record(trail_database, once=f"outbox:{waiting.pk}", subject_id="another")
    with (
        pytest.raises(DatabaseError, match=guards.WAITING),
        transaction.atomic(using=trail_database),
    ):
        execute("DELETE FROM audit_outbox", using=trail_database)


@pytest.mark.postgres
@pytest.mark.parametrize("table", ["audit_outbox", "audit_tally", "audit_changenote"])
def test_what_waits_is_not_truncated(postgres_trail, execute, table):
    with (
        pytest.raises(DatabaseError, match=guards.WAITING),
        transaction.atomic(using=postgres_trail),
    ):
        execute(f"TRUNCATE {table}", using=postgres_trail)
