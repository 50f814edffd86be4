"""The trail in the database: forgeries are found, and only a whole trail is signed."""

import datetime as dt
import json
import time

import pytest
from django.db import DatabaseError, connections, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from audit import checkpoints, guards, integrity, trail
from audit.chain import digest
from audit.models import AuditRecord, Checkpoint
from tests.audit.conftest import record
from tests.fixtures.database import without_triggers

SEED = "11" * 32


@pytest.fixture
def signed(settings, tmp_path):
    settings.AUDIT_SIGNING_KEY = SEED
    settings.AUDIT_CHECKPOINT_DIR = str(tmp_path)
    return tmp_path / integrity.FILE_NAME


def write(using, times=1):
    for _ in range(times):
        record(using)


def forge(using, sql):
    with without_triggers(connections[using]), connections[using].cursor() as cursor:
        cursor.execute(sql)


def sign(using):
    """A checkpoint that must have been made."""
    statement = integrity.checkpoint(using=using)
    assert statement is not None
    return statement


def kinds(report):
    return {finding.kind.value for finding in report.findings}


def test_a_checkpoint_states_the_head_in_the_table_and_in_the_file(trail_database, signed):
    write(trail_database, 3)
    statement = sign(trail_database)
    head = AuditRecord.objects.using(trail_database).get(seq=3)
    assert (statement.seq, statement.hash) == (3, head.hash)
    assert [json.loads(line)["seq"] for line in signed.read_text().splitlines()] == [3]
    point = Checkpoint.objects.using(trail_database).get()
    assert trail.is_signed(point) is True
    assert integrity.checkpoint(using=trail_database) is None  # nothing new
    write(trail_database)
    assert sign(trail_database).seq == 4
    report = trail.verify(using=trail_database)
    assert (report.ok, report.checkpoints, report.proven_to) == (True, 2, 4)


def test_nothing_is_signed_without_a_key_or_without_rows(trail_database, settings):
    settings.AUDIT_SIGNING_KEY = ""
    with pytest.raises(trail.AuditError, match="AUDIT_SIGNING_KEY"):
        integrity.checkpoint(using=trail_database)
    settings.AUDIT_SIGNING_KEY = SEED
    assert integrity.checkpoint(using=trail_database) is None


def test_a_checkpoint_that_cannot_be_written_out_is_not_made(trail_database, settings, tmp_path):
    settings.AUDIT_SIGNING_KEY = SEED
    settings.AUDIT_CHECKPOINT_DIR = str(tmp_path / "missing")
    write(trail_database)
    with pytest.raises(trail.AuditError, match="missing"):
        integrity.checkpoint(using=trail_database)
    assert not Checkpoint.objects.using(trail_database).exists()


def test_a_broken_trail_is_not_signed(trail_database, signed):
    write(trail_database, 2)
    integrity.checkpoint(using=trail_database)
    write(trail_database, 3)
    forge(trail_database, "UPDATE audit_auditrecord SET reason = 'forged' WHERE seq = 4")
    with pytest.raises(integrity.BrokenTrail, match="edited at 4"):
        integrity.checkpoint(using=trail_database)
    assert len(signed.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("UPDATE audit_auditrecord SET reason = 'forged' WHERE seq = 2", "edited"),
        ("UPDATE audit_auditrecord SET at = '2020-01-01 00:00:00+00:00' WHERE seq = 2", "edited"),
        ("UPDATE audit_auditrecord SET data = '{\"ok\": true}' WHERE seq = 2", "edited"),
        ("DELETE FROM audit_auditrecord WHERE seq = 2", "removed"),
        ("DELETE FROM audit_auditrecord WHERE seq >= 3", "cut"),
        ("DELETE FROM audit_auditrecord", "cut"),
        ("UPDATE audit_auditrecord SET seq = 100 WHERE seq = 2", "removed"),
    ],
)
def test_what_an_owner_of_the_tables_does_is_found(trail_database, signed, sql, found):
    write(trail_database, 5)
    integrity.checkpoint(using=trail_database)
    forge(trail_database, sql)
    assert found in kinds(trail.verify(using=trail_database))


def test_a_tail_cut_together_with_its_checkpoint_is_found_by_the_file(
    trail_database, signed, settings
):
    write(trail_database, 2)
    integrity.checkpoint(using=trail_database)
    write(trail_database, 2)
    integrity.checkpoint(using=trail_database)
    forge(trail_database, "DELETE FROM audit_auditrecord WHERE seq > 2")
    forge(trail_database, "DELETE FROM audit_checkpoint WHERE seq > 2")
    # Read by itself from AUDIT_CHECKPOINT_DIR, by the whole reading and by the page's short one.
    assert kinds(trail.verify(using=trail_database)) == {"cut"}
    assert "cut" in kinds(trail.verify(since_checkpoint=True, using=trail_database))
    with pytest.raises(integrity.BrokenTrail, match="cut"):
        integrity.checkpoint(using=trail_database)
    outside = [checkpoints.read(line) for line in signed.read_text().splitlines()]
    settings.AUDIT_CHECKPOINT_DIR = ""
    assert trail.verify(using=trail_database).ok
    assert kinds(trail.verify(statements=outside, using=trail_database)) == {"cut"}


def test_verifying_since_the_last_checkpoint_reads_that_row_again(trail_database, signed):
    write(trail_database, 3)
    integrity.checkpoint(using=trail_database)
    write(trail_database, 2)
    report = trail.verify(since_checkpoint=True, using=trail_database)
    assert (report.ok, report.rows, report.head_seq) == (True, 3, 5)
    forge(trail_database, "DELETE FROM audit_auditrecord WHERE seq >= 3")
    assert "cut" in kinds(trail.verify(since_checkpoint=True, using=trail_database))


def test_a_checkpoint_is_due_every_five_minutes(trail_database, signed):
    write(trail_database)
    assert integrity.checkpoint_if_due(using=trail_database) is not None
    write(trail_database)
    assert integrity.checkpoint_if_due(using=trail_database) is None
    assert integrity.checkpoint_if_due(every=0, using=trail_database) is not None


def test_a_row_knows_whether_it_is_linked(trail_database):
    write(trail_database, 4)
    rows = AuditRecord.objects.using(trail_database)
    assert all(
        trail.matches(row) and integrity.is_linked(row, using=trail_database) for row in rows.all()
    )
    forge(trail_database, "DELETE FROM audit_auditrecord WHERE seq = 2")
    assert not integrity.is_linked(rows.get(seq=1), using=trail_database)
    assert not integrity.is_linked(rows.get(seq=3), using=trail_database)
    row = rows.get(seq=4)
    row.reason = "forged"
    assert not trail.matches(row)
    assert digest(row.row()) != row.hash


def stray(using, *, seq, hash="h", key_id="k", signature="00"):
    """A checkpoint put there by whoever may add rows to the table."""
    return Checkpoint.objects.using(using).create(
        seq=seq, at=timezone.now() + dt.timedelta(days=900), hash=hash, key_id=key_id,
        signature=signature,
    )  # fmt: skip


def test_a_checkpoint_for_no_row_of_the_trail_does_not_exist(trail_database, signed):
    write(trail_database, 2)
    for seq, said in ((10**12, "h"), (2, "0" * 64), (0, "0" * 64)):
        with (
            pytest.raises(DatabaseError, match=guards.UNFOUNDED),
            transaction.atomic(using=trail_database),
        ):
            stray(trail_database, seq=seq, hash=said)


@pytest.mark.parametrize("known", [True, False])
def test_an_unverified_row_is_never_a_base(trail_database, signed, known):
    """Neither the key's name nor a far number nor the time it claims makes it one."""
    write(trail_database, 2)
    sign(trail_database)
    write(trail_database, 2)
    key = checkpoints.key_id(integrity.public_keys()[0]) if known else "f" * 16
    head = AuditRecord.objects.using(trail_database).get(seq=4)
    stray(trail_database, seq=4, hash=head.hash, key_id=key)
    with without_triggers(connections[trail_database]):
        stray(trail_database, seq=10**12, key_id=key)
    # Signing goes on, also where the stray row has taken our place, and at its time.
    last = integrity.last_good(using=trail_database)
    assert last is not None
    assert last.seq == 2
    assert sign(trail_database).seq == 5  # the row that says so
    told = AuditRecord.objects.using(trail_database).get(seq=5)
    assert (told.action, told.data["ok"]) == ("audit.verified", False)
    write(trail_database)
    assert sign(trail_database).seq == 6
    # Verification reads rows, and is not ok.
    for partly in (True, False):
        report = trail.verify(since_checkpoint=partly, using=trail_database)
        assert not report.ok
        assert report.rows > 0
        assert kinds(report) == {"forged" if known else "unknown-key"}
        assert report.proven_to == 6


def test_the_last_good_checkpoint_is_found_as_by_reading_all(trail_database, signed, settings):
    """Whatever stands in table and file, in any order, and whether a known key made it or not."""
    ours, foreign = settings.AUDIT_SIGNING_KEY, "22" * 32
    points = st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=9)

    @given(points, points)
    def holds(in_table, in_file):
        with connections[trail_database].cursor() as cursor:
            cursor.execute("DELETE FROM audit_checkpoint")

        def made(seq, good):
            seed = ours if good else foreign
            return checkpoints.sign(seed, seq=seq, hash=f"{seq:064}", at=timezone.now())

        for seq, good in dict(in_table).items():
            integrity._store(made(seq, good), using=trail_database)
        lines = [made(seq, good).line() for seq, good in in_file]
        signed.write_text("".join(f"{line}\n" for line in lines))
        good = [seq for seq, good in [*dict(in_table).items(), *in_file] if good]
        found = integrity.last_good(using=trail_database)
        assert (found.seq if found else None) == max(good, default=None)
        assert integrity.last_good(using=trail_database) == found

    with without_triggers(connections[trail_database]):
        holds()


def test_the_file_of_checkpoints_is_read_again_only_when_it_was_written(
    trail_database, signed, monkeypatch
):
    write(trail_database)
    sign(trail_database)
    reads = []
    plain = integrity._kept
    monkeypatch.setattr(integrity, "_kept", lambda: (reads.append(1), plain())[1])
    later = time.time() + 60
    monkeypatch.setattr(time, "time", lambda: later)
    found = {integrity.last_good(using=trail_database) for _ in range(3)}
    assert (len(reads), [each.seq for each in found if each]) == (1, [1])
    write(trail_database)
    statement = checkpoints.sign(SEED, seq=2, hash="0" * 64, at=timezone.now())
    with signed.open("a") as out:
        out.write(f"{statement.line()}\n")
    assert integrity.last_good(using=trail_database) == statement
    signed.write_text(signed.read_text())
    before = len(reads)
    for _ in range(2):  # written within the tick: read each time
        monkeypatch.setattr(time, "time", lambda: signed.stat().st_ctime + 1)
        integrity.last_good(using=trail_database)
    assert len(reads) == before + 2


def test_a_key_that_is_no_longer_known_makes_no_last_good_checkpoint(
    trail_database, signed, settings
):
    write(trail_database)
    sign(trail_database)
    assert integrity.last_good(using=trail_database) is not None
    settings.AUDIT_SIGNING_KEY = ""
    settings.AUDIT_PUBLIC_KEYS = ()
    assert integrity.last_good(using=trail_database) is None


def test_what_was_signed_is_verified_before_more_is_signed(trail_database, signed):
    write(trail_database, 3)
    sign(trail_database)
    forge(trail_database, "UPDATE audit_auditrecord SET reason = 'x' WHERE seq = 3")
    write(trail_database)
    with pytest.raises(integrity.BrokenTrail, match="edited at 3"):
        integrity.checkpoint(using=trail_database)


def test_a_torn_line_of_the_file_is_told_and_the_next_one_stands_alone(trail_database, signed):
    write(trail_database)
    sign(trail_database)
    with signed.open("a") as out:
        out.write('{"seq": 2, "ha')
    write(trail_database)
    assert sign(trail_database).seq == 2
    assert kinds(trail.verify(using=trail_database)) == {"unreadable"}
    assert checkpoints.read(signed.read_text().splitlines()[-1]).seq == 2


def test_nothing_is_not_ok(trail_database, settings):
    report = trail.verify(using=trail_database)
    assert (report.ok, kinds(report)) == (False, {"empty"})
