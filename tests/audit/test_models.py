"""The ORM refuses to change the trail before the database would."""

import datetime as dt

import pytest
from django.core.management import call_command
from django.db import connections

from audit import chain, guards, trail, triggers
from audit.models import AppendOnly, AuditRecord
from tests.audit.conftest import record


def test_the_orm_refuses_kindly(trail_database):
    row = record(trail_database)
    stored = AuditRecord.objects.using(trail_database)
    for forbidden in (
        row.save,
        row.delete,
        lambda: stored.update(reason="x"),
        lambda: stored.filter(seq=1).delete(),
        lambda: stored.bulk_create([]),
        lambda: stored.bulk_update([], ["reason"]),
    ):
        with pytest.raises(AppendOnly):
            forbidden()


def test_a_trail_of_the_version_before_is_whole_after_its_migration_and_takes_its_rows(
    trail_database, execute
):
    """A console of the version before goes on writing while others are new already."""
    triggers.drop(triggers.present(using=trail_database), using=trail_database)
    execute("DROP TABLE audit_changenote", using=trail_database)
    execute("ALTER TABLE audit_auditrecord DROP COLUMN txid", using=trail_database)
    call_command("migrate", "audit", "0001", fake=True, database=trail_database, verbosity=0)
    columns = (
        "seq, at, action, actor_kind, actor_id, actor_name, ip, tenant, extension, subject_type,"
        " subject_id, reason, data, once, prev, hash"
    )
    actor = trail.Actor(name="ann")

    def written_before(seq, prev):
        entry = trail.Entry(trail.Action.SESSION_OPENED, actor=actor)
        row = chain.row_of(entry, seq=seq, at=dt.datetime.now(dt.UTC), prev=prev)
        values = f"{seq}, '{row['at'][:-1].replace('T', ' ')}', '{row['action']}', 'user'"
        texts = ", ".join(["''", "'ann'", *["''"] * 6, "'{}'", "''"])
        execute(
            f"INSERT INTO audit_auditrecord ({columns}) VALUES"
            f" ({values}, {texts}, '{prev}', '{row['hash']}')",
            using=trail_database,
        )
        return row["hash"]

    last = written_before(1, chain.GENESIS)
    call_command("migrate", "audit", database=trail_database, verbosity=0)
    assert guards.missing(using=trail_database) == []
    written_before(2, last)
    trail.record(trail.Entry(trail.Action.SESSION_OPENED, actor=actor), using=trail_database)
    report = trail.verify(using=trail_database)
    assert (report.ok, report.rows) == (True, 3)


def test_the_index_of_extensions_is_made_anew_over_one_that_was_stopped(trail_database, execute):
    for _ in range(2):
        call_command("migrate", "audit", "0003", database=trail_database, verbosity=0)
        assert "audit_extension" not in indexes(trail_database)
        call_command("migrate", "audit", database=trail_database, verbosity=0)
        assert "audit_extension" in indexes(trail_database)
    if connections[trail_database].vendor == "postgresql":
        call_command("migrate", "audit", "0003", database=trail_database, verbosity=0)
        execute("CREATE INDEX audit_extension ON audit_auditrecord (reason)", using=trail_database)
        call_command("migrate", "audit", database=trail_database, verbosity=0)
        assert indexes(trail_database)["audit_extension"]["columns"] == ["extension", "seq"]


def indexes(using):
    connection = connections[using]
    with connection.cursor() as cursor:
        return connection.introspection.get_constraints(cursor, "audit_auditrecord")
