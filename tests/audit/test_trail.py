import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connections, transaction

from audit import outbox, summaries, trail, writer
from audit.models import AppendOnly, AuditRecord, Outbox, Tally
from tests.fixtures.programs import wait_until

ANN = trail.Actor(id="7", name="ann")


def rows(using):
    return list(AuditRecord.objects.using(using).order_by("seq"))


def record(using, **given):
    return trail.record(
        **{"action": trail.Action.SESSION_OPENED, "actor": ANN, "using": using, **given}
    )


def deny(using, **given):
    return trail.record_durably(
        **{
            "action": trail.Action.SESSION_DENIED,
            "actor": ANN,
            "tenant": "acme",
            "code": "lock",
            "using": using,
            **given,
        }
    )


@pytest.fixture
def one_minute(monkeypatch):
    """The clock of summaries stands still; calling it moves it by so many minutes."""
    minute = dt.datetime(2026, 1, 31, 9, 30, 59, tzinfo=dt.UTC)

    class Clock:
        @staticmethod
        def now():
            return minute

    def forward(minutes=1):
        nonlocal minute
        minute += dt.timedelta(minutes=minutes)

    monkeypatch.setattr(summaries, "timezone", Clock)
    return forward


@pytest.fixture
def broken_trail(monkeypatch):
    """The chain takes nothing until `.set()`; everything else in the database works."""
    mended = threading.Event()
    insert = writer._insert

    def failing(entry, using):
        if not mended.is_set():
            with connections[using].cursor() as cursor:
                cursor.execute("INSERT INTO no_such_table VALUES (1)")
        return insert(entry, using)

    monkeypatch.setattr(writer, "_insert", failing)
    return mended


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
    trail_database, broken_trail
):
    with transaction.atomic(using=trail_database):
        Outbox.objects.using(trail_database).create(entry={"stands for": "a change"})
        with pytest.raises(trail.AuditError):
            record(trail_database)
    assert not Outbox.objects.using(trail_database).exists()


def test_an_unknown_action_is_refused_before_anything_is_written(trail_database):
    with pytest.raises(trail.UnknownAction):
        record(trail_database, action="grant.misplaced")
    assert rows(trail_database) == []


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
        entry = trail.Entry.of(trail.Action.SESSION_OPENED, actor=ANN)
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


def test_a_durable_row_survives_the_rollback_of_the_request(trail_database):
    with transaction.atomic(using=trail_database):
        record(trail_database)
        deny(trail_database)
        trail.record_durably(trail.Action.SESSION_END_REQUESTED, actor=ANN, using=trail_database)
        transaction.set_rollback(True, using=trail_database)
    assert outbox.settle_held(seconds=20) == 0
    assert [row.action for row in rows(trail_database)] == [
        "session.denied", "session.end_requested",
    ]  # fmt: skip


def test_a_close_never_raises_and_its_row_is_retried(trail_database, broken_trail):
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
    assert "no_such_table" in waits.error
    broken_trail.set()
    assert trail.retry_waiting(using=trail_database) == 1
    (row,) = rows(trail_database)
    assert (row.subject_id, row.reason, row.data) == ("s1", "time is up", {"shown": 12})
    assert not Outbox.objects.using(trail_database).exists()
    assert trail.retry_waiting(using=trail_database) == 0


def test_rows_are_kept_in_memory_while_the_database_is_away(trail_database, monkeypatch, caplog):
    monkeypatch.setattr(outbox, "RETRY_SECONDS", ())
    monkeypatch.setattr(outbox, "MAX_HELD", 2)
    for n in range(3):
        outbox.hold(
            trail.Entry.of(trail.Action.SESSION_CLOSED, actor=ANN, subject_id=f"s{n}"),
            using=trail_database,
        )
    assert "'subject_id': 's0'" in caplog.text  # the one that did not fit is not lost silently
    assert trail.retry_waiting(using=trail_database) == 2
    assert [row.subject_id for row in rows(trail_database)] == ["s1", "s2"]


def test_memory_is_carried_to_the_trail_however_long_it_is_away(
    trail_database, broken_trail, monkeypatch, caplog
):
    monkeypatch.setattr(outbox, "RETRY_SECONDS", (0.01, 0.01))
    outbox.hold(
        trail.Entry.of(trail.Action.SESSION_CLOSED, actor=ANN, subject_id="s1"),
        using=trail_database,
    )
    wait_until(lambda: caplog.text.count("wait in memory") > 4, seconds=20, what="it tries again")
    assert rows(trail_database) == []
    broken_trail.set()
    assert outbox.settle_held(seconds=20) == 0
    assert [row.subject_id for row in rows(trail_database)] == ["s1"]


def test_repeated_denials_become_one_row_and_one_count(trail_database, one_minute):
    assert deny(trail_database) is not None
    assert [deny(trail_database) for _ in range(50)] == [None] * 50
    assert deny(trail_database, tenant="globex") is not None  # another target is another row
    assert deny(trail_database, actor=trail.Actor(id="8")) is not None  # and another person
    assert len(rows(trail_database)) == 3
    assert trail.retry_waiting(using=trail_database) == 0  # the minute is not over
    one_minute()
    assert summaries.settle(using=trail_database) == 1
    summary = rows(trail_database)[-1]
    assert summary.action == "session.denied"
    assert (summary.tenant, summary.data["code"], summary.data["repeats"]) == ("acme", "lock", 50)
    assert not Tally.objects.using(trail_database).exists()
    assert trail.verify(using=trail_database).ok


def test_nobody_floods_the_chain_by_varying_the_target(trail_database, one_minute):
    for n in range(200):
        deny(trail_database, tenant=f"guess-{n}", reason="no such tenant")
    for n in range(50):
        deny(
            trail_database,
            actor=trail.Actor(kind=trail.ActorKind.ANONYMOUS, ip=f"192.0.2.{n}"),
            tenant=f"t{n}",
        )
    one_minute()
    summaries.settle(using=trail_database)
    written = rows(trail_database)
    assert len(written) == 2 * (summaries.MAX_TARGETS + 2)
    several = [row.data for row in written if row.data["code"] == summaries.SEVERAL]
    assert sum(data.get("repeats", 1) for data in several) == 200 + 50 - 2 * summaries.MAX_TARGETS


def test_parallel_denials_are_all_counted(trail_database, one_minute):
    def many():
        try:
            for _ in range(10):
                deny(trail_database)
        finally:
            connections[trail_database].close()

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(many) for _ in range(4)]:
            done.result(60)
    assert outbox.settle_held(seconds=20) == 0
    one_minute()
    summaries.settle(using=trail_database)
    assert sum(row.data.get("repeats", 1) for row in rows(trail_database)) == 40


def test_a_reading_that_cannot_be_recorded_does_not_happen(
    trail_database, broken_trail, one_minute
):
    with pytest.raises(trail.AuditError):
        trail.record_read(actor=ANN, what="/admin/audit/", using=trail_database)
    broken_trail.set()
    trail.record_read(actor=ANN, what="/admin/audit/", using=trail_database)
    trail.record_read(actor=ANN, what="/admin/audit/", using=trail_database)
    assert [row.action for row in rows(trail_database)] == ["audit.read"]


def test_a_tenants_slice_has_its_rows_and_no_others(trail_database):
    record(trail_database, tenant="acme")
    record(trail_database, tenant="globex")
    record(trail_database)
    seen = trail.slice_for({"acme", ""}, using=trail_database)
    assert [row.tenant for row in seen] == ["acme"]
    assert not trail.slice_for([], using=trail_database).exists()


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


def test_the_snapshot_of_a_user_outlives_the_account(django_user_model, db):
    user = django_user_model.objects.create_user("ann")
    actor = trail.actor_of(user, ip="192.0.2.1")
    user.delete()
    assert (actor.kind, actor.name, actor.ip) == ("user", "ann", "192.0.2.1")
    assert trail.actor_of(AnonymousUser(), ip="192.0.2.9").kind == "anonymous"
    assert trail.actor_of(None).kind == "anonymous"
