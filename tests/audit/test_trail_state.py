"""Where the trail stands: read anew, and in a number of statements that does not grow."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit import integrity, outbox, trail, trail_state
from audit.checkpoints import Statement
from audit.models import ChangeNote, Checkpoint, Outbox
from tests.audit.conftest import entry_of, record
from tests.fixtures.database import without_triggers

SEED = "11" * 32


@pytest.fixture
def signed(settings: Any, tmp_path: Any) -> None:
    settings.AUDIT_SIGNING_KEY = SEED
    settings.AUDIT_CHECKPOINT_DIR = str(tmp_path)


def read(using: str) -> trail_state.TrailState:
    return trail_state.read(now=timezone.now(), using=using)


def sign(using: str) -> Statement:
    made = integrity.checkpoint(using=using)
    assert made is not None
    return made


def test_an_empty_trail_has_nothing_and_still_counts_what_waits(trail_database: str) -> None:
    Outbox.objects.using(trail_database).create(entry=outbox.pack(entry_of()))
    state = read(trail_database)
    assert (state.first, state.last, state.verified, state.checkpoint) == (None, None, None, None)
    assert (state.rows, state.unsigned, state.cut, state.waiting) == (0, 0, False, 1)


def test_it_names_the_ends_the_checkpoint_and_the_last_verification(
    trail_database: str, signed: None
) -> None:
    for ok in (False, True):
        record(using=trail_database)
        record(using=trail_database, action=trail.Action.AUDIT_VERIFIED, data={"ok": ok})
    sign(trail_database)
    record(using=trail_database)
    state = read(trail_database)
    assert (state.first and state.first.seq, state.last and state.last.seq) == (1, 5)
    assert state.verified is not None
    assert (state.verified.seq, state.verified.data["ok"]) == (4, True)
    assert (state.rows, state.unsigned, state.cut, state.unguarded) == (5, 1, False, ())
    assert state.signed_at is not None
    assert timezone.now() - state.signed_at < dt.timedelta(minutes=1)


@pytest.mark.parametrize(
    "change", ["UPDATE audit_auditrecord SET hash = 'x' WHERE seq = 2",
               "DELETE FROM audit_auditrecord WHERE seq >= 2"]
)  # fmt: skip
def test_a_signed_row_that_is_gone_or_another_is_told_at_once(
    trail_database: str, signed: None, change: str
) -> None:
    for _ in range(2):
        record(using=trail_database)
    sign(trail_database)
    assert not read(trail_database).cut
    connection = connections[trail_database]
    with without_triggers(connection), connection.cursor() as cursor:
        cursor.execute(change)
        if "DELETE" in change:
            cursor.execute("DELETE FROM audit_checkpoint")  # its line in the file convicts
    assert read(trail_database).cut


def test_what_waits_is_counted_notes_once_they_are_late(trail_database: str) -> None:
    record(using=trail_database)
    Outbox.objects.using(trail_database).create(entry=outbox.pack(entry_of()))
    for minutes in (0, 2, 3):
        ChangeNote.objects.using(trail_database).create(
            at=timezone.now() - dt.timedelta(minutes=minutes), txid="1", table_name="t",
            operation="UPDATE", subject_type="lock",
        )  # fmt: skip
    assert read(trail_database).waiting == 3


def test_a_guard_that_is_gone_is_named(trail_database: str) -> None:
    record(using=trail_database)
    connection = connections[trail_database]
    with without_triggers(connection):
        assert "audit_auditrecord" in read(trail_database).unguarded
    assert read(trail_database).unguarded == ()


def test_it_asks_three_times_whatever_the_number_of_rows_and_checkpoints(
    trail_database: str, signed: None
) -> None:
    for _ in range(8):
        record(using=trail_database)
        sign(trail_database)
        assert read(trail_database).unsigned == 0
    with CaptureQueriesContext(connections[trail_database]) as seen:
        read(trail_database)
    statements = [query["sql"] for query in seen.captured_queries]
    assert len(statements) == 3
    assert Checkpoint.objects.using(trail_database).count() == 8
    assert sum("audit_checkpoint" in each and "LIMIT 5" in each for each in statements) == 1
