"""Rows that must not wait: written now, or kept in the outbox or in memory until they are."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import connections, transaction

from audit import outbox, trail, writer
from audit.models import Outbox
from tests.audit.conftest import ANN, entry_of, record, rows
from tests.fixtures.programs import wait_until
from tests.fixtures.trail import REASON, carried, refusing


def test_parallel_calls_with_one_once_write_one_row(trail_database):
    start = threading.Barrier(6)

    def close():
        try:
            start.wait(10)
            return trail.record_close(
                "s1", actor=ANN, tenant="acme", extension="invoice-sync", using=trail_database
            )
        finally:
            connections[trail_database].close()

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(close) for _ in range(6)]:
            done.result(60)
    trail.retry_waiting(using=trail_database)
    assert [row.subject_id for row in rows(trail_database)] == ["s1"]


def test_a_durable_row_survives_the_rollback_of_the_request(trail_database):
    with transaction.atomic(using=trail_database):
        record(trail_database)
        for action in (trail.Action.SESSION_DENIED, trail.Action.SESSION_END_REQUESTED):
            trail.record_durably(entry_of(action=action), using=trail_database)
        transaction.set_rollback(True, using=trail_database)
    assert carried() == 0
    assert [row.action for row in rows(trail_database)] == [
        "session.denied", "session.end_requested",
    ]  # fmt: skip


def test_a_close_never_raises_and_its_row_is_retried(trail_database):
    with refusing(connections[trail_database]):
        written = trail.record_close(
            "s1",
            actor=ANN,
            tenant="acme",
            extension="invoice-sync",
            reason="time is up",
            data={"shown": 12},
            using=trail_database,
        )
        assert written is None
        with pytest.raises(trail.AuditError, match="outbox"):
            trail.retry_waiting(using=trail_database)
        waits = Outbox.objects.using(trail_database).get()
        assert waits.attempts == 1
        assert REASON in waits.error
    assert trail.retry_waiting(using=trail_database) == 1
    (row,) = rows(trail_database)
    assert (row.subject_id, row.reason, row.data) == ("s1", "time is up", {"shown": 12})
    assert not Outbox.objects.using(trail_database).exists()
    assert trail.retry_waiting(using=trail_database) == 0


def test_memory_is_bounded_and_what_does_not_fit_is_logged_whole(trail_database, caplog):
    held = outbox.HeldRows(limit=2)
    for n in range(3):
        held.keep(entry_of(subject_id=f"s{n}"), partial(writer.append, using=trail_database))
    assert "'subject_id': 's0'" in caplog.text
    assert held.drain(using=trail_database) == 2
    assert [row.subject_id for row in rows(trail_database)] == ["s1", "s2"]


def test_memory_is_carried_to_the_trail_however_long_it_is_away(trail_database, caplog):
    held = outbox.HeldRows(retry_seconds=(0.01, 0.01))
    with refusing(connections[trail_database]):
        held.keep(entry_of(subject_id="s1"), partial(writer.append, using=trail_database))
        held.carry(using=trail_database)
        wait_until(
            lambda: caplog.text.count("wait in memory") > 4, seconds=20, what="it tries again"
        )
        assert rows(trail_database) == []
    wait_until(lambda: len(held) == 0, seconds=20, what="the row is written")
    carried()
    assert [row.subject_id for row in rows(trail_database)] == ["s1"]


def test_an_entry_survives_its_time_in_the_outbox():
    entry = entry_of(tenant="acme", subject_type="session", data={"x": [1, None]}, once="k")
    packed = outbox.pack(entry)
    assert json.loads(json.dumps(packed)) == packed
    assert outbox.unpack(packed) == entry
