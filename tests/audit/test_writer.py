"""One chain, whoever writes: rows in order, in the caller's transaction, never two after one."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections, transaction

from audit import trail, writer
from audit.models import Outbox
from tests.audit.conftest import ANN, entry_of, record, rows
from tests.fixtures.trail import REASON, refusing


def test_rows_are_chained_and_read_back_as_they_were_hashed(trail_database):
    for n in range(3):
        record(trail_database, data={"n": n, "ratio": 0.1, "at": dt.datetime.now(dt.UTC)})
    first, second, third = rows(trail_database)
    assert (first.prev, second.prev, third.prev) == ("0" * 64, first.hash, second.hash)
    assert [row.seq for row in (first, second, third)] == [1, 2, 3]
    report = trail.verify(using=trail_database)
    assert report.ok, report.findings
    assert report.rows == 3


def test_a_row_shares_the_fate_of_its_transaction(trail_database):
    with transaction.atomic(using=trail_database):
        record(trail_database)
        transaction.set_rollback(True, using=trail_database)
    assert rows(trail_database) == []
    assert record(trail_database).seq == 1  # the number was not used up


def test_a_trail_that_fails_takes_the_change_with_it_even_if_the_error_is_swallowed(
    trail_database,
):
    with refusing(connections[trail_database]), transaction.atomic(using=trail_database):
        Outbox.objects.using(trail_database).create(entry={"stands for": "a change"})
        with pytest.raises(trail.AuditError, match=REASON):
            record(trail_database)
    assert not Outbox.objects.using(trail_database).exists()


def test_nothing_is_durable_inside_a_transaction(trail_database):
    with transaction.atomic(using=trail_database), pytest.raises(RuntimeError):
        writer.append_durably(entry_of(), using=trail_database)


def test_once_means_once(trail_database):
    first = record(trail_database, once="session.opened:1")
    again = record(trail_database, once="session.opened:1", reason="second call")
    assert again.hash == first.hash
    assert len(rows(trail_database)) == 1


@pytest.mark.parametrize("writers", [8])
def test_parallel_writers_never_fork_the_chain(trail_database, writers):
    each = 25
    start = threading.Barrier(writers)

    def write(name):
        try:
            start.wait(10)
            for n in range(each):
                with transaction.atomic(using=trail_database):
                    record(trail_database, actor=trail.Actor(name=name), data={"n": n})
        finally:
            connections[trail_database].close()

    with ThreadPoolExecutor(writers) as pool:
        for done in [pool.submit(write, f"writer {n}") for n in range(writers)]:
            done.result(60)
    report = trail.verify(using=trail_database)
    assert report.ok, report.findings
    assert report.rows == writers * each


@pytest.mark.postgres
def test_a_writer_gives_up_when_another_holds_the_chain_too_long(postgres_trail):
    held, release = threading.Event(), threading.Event()

    def hold():
        try:
            with transaction.atomic(using=postgres_trail):
                record(postgres_trail)
                held.set()
                release.wait(20)
        finally:
            connections[postgres_trail].close()

    with ThreadPoolExecutor(1) as pool:
        holder = pool.submit(hold)
        assert held.wait(10)
        entry = entry_of()
        with pytest.raises(trail.AuditError, match="lock timeout"):
            writer.append(entry, using=postgres_trail, lock_timeout_ms=50)
        # A close does not wait either: it goes to the outbox and is chained later.
        assert trail.record_close("s1", actor=ANN, tenant="acme", extension="x",
                                  using=postgres_trail) is None  # fmt: skip
        assert Outbox.objects.using(postgres_trail).count() == 1
        release.set()
        holder.result(10)
    assert trail.retry_waiting(using=postgres_trail) == 1
    assert [row.action for row in rows(postgres_trail)] == ["session.opened", "session.closed"]


@pytest.mark.postgres
def test_the_callers_lock_timeout_is_put_back(postgres_trail, execute):
    with transaction.atomic(using=postgres_trail):
        execute("SET LOCAL lock_timeout = '7s'", using=postgres_trail)
        record(postgres_trail)
        assert execute("SHOW lock_timeout", using=postgres_trail) == [("7s",)]


def test_many_rows_at_once_are_the_chain_that_one_after_another_makes(trail_database):
    record(trail_database, once="second")
    entries = [entry_of(once="first"), entry_of(once="second"), entry_of(), entry_of(once="first")]
    first, there, third, again = writer.append_all(entries, using=trail_database)
    assert [row.seq for row in (first, there, third, again)] == [2, 1, 3, 2]
    assert (first.prev, third.prev) == (there.hash, first.hash)
    assert len(rows(trail_database)) == 3
    report = trail.verify(using=trail_database)
    assert report.ok, report.findings


def test_of_many_rows_all_are_written_or_none(trail_database):
    with refusing(connections[trail_database]), pytest.raises(trail.AuditError, match="opened"):
        trail.record_all([entry_of(), entry_of()], using=trail_database)
    assert rows(trail_database) == []
