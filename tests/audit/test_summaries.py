"""Refusals and readings repeated within a minute: one row at once, one more with their number."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext

from audit import summaries, trail
from audit.models import Tally
from tests.audit.conftest import entry_of, rows
from tests.fixtures.trail import carried, refusing

IN_THE_MINUTE = dt.datetime(2026, 1, 31, 9, 30, 59, tzinfo=dt.UTC)
LATER = IN_THE_MINUTE + dt.timedelta(minutes=1)


def deny(using, **given):
    entry = entry_of(
        **{
            "action": trail.Action.SESSION_DENIED,
            "tenant": "acme",
            "data": {"code": "lock"},
            **given,
        }
    )
    return summaries.record(entry, using=using, now=IN_THE_MINUTE)


def test_repeated_denials_become_one_row_and_one_count(trail_database):
    assert deny(trail_database) is not None
    assert [deny(trail_database) for _ in range(50)] == [None] * 50
    assert deny(trail_database, tenant="globex") is not None  # another target is another row
    assert deny(trail_database, actor=trail.Actor(id="8")) is not None  # and another person
    assert len(rows(trail_database)) == 3
    assert summaries.settle(using=trail_database, now=IN_THE_MINUTE) == 0  # it is not over
    assert summaries.settle(using=trail_database, now=LATER) == 1
    summary = rows(trail_database)[-1]
    assert summary.action == "session.denied"
    assert (summary.tenant, summary.data["code"], summary.data["repeats"]) == ("acme", "lock", 50)
    assert not Tally.objects.using(trail_database).exists()
    assert trail.verify(using=trail_database).ok


def test_a_refusal_about_another_thing_is_no_repeat(trail_database):
    """Who tries one grant after another leaves the number of each."""
    for number in ("1", "2", "1"):
        deny(trail_database, subject_type="grant", subject_id=number)
    assert [row.subject_id for row in rows(trail_database)] == ["1", "2"]


def test_nobody_floods_the_chain_by_varying_the_target(trail_database):
    for n in range(200):
        deny(trail_database, tenant=f"guess-{n}", reason="no such tenant")
    for n in range(50):
        deny(
            trail_database,
            actor=trail.Actor(kind=trail.ActorKind.ANONYMOUS, ip=f"192.0.2.{n}"),
            tenant=f"t{n}",
        )
    summaries.settle(using=trail_database, now=LATER)
    written = rows(trail_database)
    assert len(written) == 2 * (summaries.MAX_TARGETS + 2)
    several = [row.data for row in written if row.data["code"] == summaries.SEVERAL]
    assert sum(data.get("repeats", 1) for data in several) == 200 + 50 - 2 * summaries.MAX_TARGETS


def test_parallel_denials_are_all_counted(trail_database):
    def many():
        try:
            for _ in range(10):
                deny(trail_database)
        finally:
            connections[trail_database].close()

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(many) for _ in range(4)]:
            done.result(60)
    assert carried() == 0
    summaries.settle(using=trail_database, now=LATER)
    assert sum(row.data.get("repeats", 1) for row in rows(trail_database)) == 40


def test_a_reading_that_cannot_be_recorded_is_an_error_and_a_repeated_one_is_counted(
    trail_database,
):
    reading = entry_of(action=trail.Action.AUDIT_READ, data={"code": "/admin/audit/"})

    def read():
        return summaries.record_or_fail(reading, using=trail_database, now=IN_THE_MINUTE)

    with refusing(connections[trail_database]), pytest.raises(trail.AuditError):
        read()
    assert read() is not None
    assert read() is None
    assert [row.action for row in rows(trail_database)] == ["audit.read"]


def test_a_refusal_outlives_the_rollback_of_its_request(trail_database):
    with transaction.atomic(using=trail_database):
        assert deny(trail_database) is None
        transaction.set_rollback(True, using=trail_database)
    assert carried() == 0
    assert [row.action for row in rows(trail_database)] == ["session.denied"]
    assert Tally.objects.using(trail_database).get().minute == IN_THE_MINUTE.replace(second=0)


def test_a_reading_that_is_counted_takes_one_statement_and_no_transaction(trail_database):
    entry = entry_of(action=trail.Action.AUDIT_READ, data={"code": "/admin/"})
    assert summaries.record_or_fail(entry, using=trail_database, now=IN_THE_MINUTE) is not None
    with CaptureQueriesContext(connections[trail_database]) as seen:
        assert summaries.record_or_fail(entry, using=trail_database, now=IN_THE_MINUTE) is None
    assert len(seen.captured_queries) == 1
    with transaction.atomic(using=trail_database):  # within another's it is undone by itself
        assert summaries.record_or_fail(entry, using=trail_database, now=IN_THE_MINUTE) is None
    assert Tally.objects.using(trail_database).get().count == 2
    assert len(rows(trail_database)) == 1


def test_a_reading_that_cannot_be_counted_fails(trail_database):
    entry = entry_of(action=trail.Action.AUDIT_READ, data={"code": "/admin/"})
    with refusing(connections[trail_database]), pytest.raises(trail.AuditError):
        summaries.record_or_fail(entry, using=trail_database, now=IN_THE_MINUTE)
