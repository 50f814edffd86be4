"""A session's row has one holder, ends once, and outlives neither its process nor its watcher."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from audit import trail
from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from extdebug.models import DebugSession, Process
from extdebug.sessions import heartbeats, ownership, store
from extdebug.sessions.account import Account
from extdebug.wire.keys import Target
from policies import access
from tests.extdebug.opened_rows import open_row, taken_over

pytestmark = pytest.mark.django_db
TARGET = Target("acme", "invoice-sync")
NOTHING = Account(0, 0, {}, (), "", ())


def viewer(user: Any) -> access.Viewer:
    return access.viewer_of(user, transport="ws")


def opened(user: Any, *, process: str = "p1") -> store.Lease:
    _, lease = open_row(viewer(user), TARGET, process=process)
    assert lease is not None
    return lease


def beat(name: str, *, ago: float = 0) -> None:
    heartbeats.beat(name, host="h", pid=1, started_at=timezone.now(), health={})
    moment = timezone.now() - dt.timedelta(seconds=ago)
    Process.objects.filter(name=name).update(beat_at=moment)


def age(lease: store.Lease, **columns: float) -> None:
    """Move moments of a row so many seconds into the past."""
    now = timezone.now()
    moved = {name: now - dt.timedelta(seconds=seconds) for name, seconds in columns.items()}
    assert DebugSession.objects.filter(pk=lease.id).update(**moved)


def row(lease: store.Lease) -> DebugSession:
    return DebugSession.objects.get(pk=lease.id)


def test_a_session_of_a_living_process_stays(cast: Cast) -> None:
    lease = opened(cast.dan)
    beat("p1")
    age(lease, opened_at=300)
    assert ownership.close_abandoned() == 0
    assert row(lease).closed_at is None


def test_a_session_of_a_dead_process_is_closed_once_with_its_record(cast: Cast) -> None:
    lease = opened(cast.dan)
    beat("p1", ago=20)
    age(lease, opened_at=300)
    assert ownership.close_abandoned() == 1
    assert ownership.close_abandoned() == 0
    assert row(lease).close_code == 1006
    closing = AuditRecord.objects.filter(action="session.closed", subject_id=lease.id)
    assert closing.count() == 1


def test_a_session_let_go_by_a_restart_waits_its_whole_minute(cast: Cast) -> None:
    lease = opened(cast.dan)
    age(lease, opened_at=300)
    assert store.detach(lease, NOTHING)
    age(lease, detached_at=40)
    assert ownership.close_abandoned() == 0, "its process is gone, its watcher may come back"
    age(lease, detached_at=61)
    assert ownership.close_abandoned() == 1


def test_a_session_past_its_time_is_closed_though_its_process_lives(cast: Cast) -> None:
    lease = opened(cast.dan)
    beat("p1")
    age(lease, opened_at=700, expires_at=30)
    assert ownership.close_abandoned() == 1
    assert row(lease).close_code == 4408


def test_whoever_takes_a_session_over_holds_it_alone(cast: Cast) -> None:
    first = opened(cast.dan)
    taken = taken_over(first.id, viewer(cast.dan), TARGET, process="p2")
    assert taken is not None
    second = taken[1]
    assert second.resumed
    assert (second.id, second.expires_at) == (first.id, first.expires_at)
    assert store.note([(first, NOTHING)]) == [False]
    assert not store.detach(first, NOTHING)
    assert not store.close(first, viewer(cast.dan), TARGET, NOTHING, code=1000, reason="")
    assert store.note([(second, NOTHING)]) == [True]
    for process in ("p1", "p2"):  # two leases of one session, in one process or in two
        assert ownership.held_elsewhere(process, [first, second]) == {first.holder: "taken"}


@pytest.mark.parametrize("thief", ["alice", "olivia"])
def test_a_session_is_its_own_persons(cast: Cast, thief: str) -> None:
    lease = opened(cast.dan)
    other = viewer(getattr(cast, thief))
    assert taken_over(lease.id, other, TARGET, process="p2") is None
    elsewhere = Target("globex", "invoice-sync")
    assert taken_over(lease.id, viewer(cast.dan), elsewhere, process="p2") is None
    assert row(lease).holder == lease.holder


@pytest.mark.parametrize("name", ["", "x", "0" * 36, "../../etc", "{}", "0" * 32])
def test_a_name_that_is_no_session_is_nothing(cast: Cast, name: str) -> None:
    assert taken_over(name, viewer(cast.dan), TARGET, process="p2") is None


def test_too_late_is_a_new_session(cast: Cast) -> None:
    lease = opened(cast.dan)
    store.detach(lease, NOTHING)
    age(lease, detached_at=61)
    assert taken_over(lease.id, viewer(cast.dan), TARGET, process="p2") is None


def test_an_ended_or_removed_row_lets_go(cast: Cast) -> None:
    from audit import trail

    ended, removed = opened(cast.dan), opened(cast.dan)
    assert store.end(ended.id, actor=trail.actor_of(cast.olivia))
    assert not store.end(ended.id, actor=trail.actor_of(cast.olivia))
    DebugSession.objects.filter(pk=removed.id).delete()
    verdicts = ownership.held_elsewhere("p1", [ended, removed])
    assert verdicts == {ended.holder: "ended olivia", removed.holder: "ended"}


def test_a_closed_row_lets_go(cast: Cast) -> None:
    lease = opened(cast.dan)
    assert store.close(lease, viewer(cast.dan), TARGET, NOTHING, code=1000, reason="")
    assert ownership.held_elsewhere("p1", [lease]) == {lease.holder: "taken"}


def test_rows_that_are_as_they_were_are_read_in_one_query_and_only_the_others_by_name(
    cast: Cast, django_assert_num_queries: Any
) -> None:
    leases = [opened(cast.dan) for _ in range(3)]
    with django_assert_num_queries(1):
        assert ownership.held_elsewhere("p1", leases) == {}
    DebugSession.objects.filter(pk=leases[0].id).update(process="p2")  # by hand: it is held as ever
    with django_assert_num_queries(2) as asked:
        assert ownership.held_elsewhere("p1", leases) == {}
    assert leases[1].holder not in str(asked.captured_queries[1])


def test_the_rows_of_a_process_are_found_by_their_index(cast: Cast) -> None:
    opened(cast.dan)
    if connection.vendor != "sqlite":
        pytest.skip("a table this small is read as a whole")
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {ownership._HEALTHY}", ["p1"])
        assert "INDEX extdebug_held" in str(cursor.fetchall())


@pytest.mark.django_db(transaction=True)
def test_whoever_ended_an_unconnected_session_is_named_whichever_way_it_is_closed(
    cast: Cast,
) -> None:
    lease, again = opened(cast.dan), opened(cast.dan)
    for each, by in ((lease, cast.olivia), (again, cast.oscar)):
        age(each, detached_at=2)
        assert store.end(each.id, actor=trail.actor_of(by))
    end = ownership.final_end(again.id, viewer(cast.dan), TARGET, by_itself=True)
    assert end is not None
    assert ownership.close_abandoned() == 1
    closed = AuditRecord.objects.filter(action="session.closed")
    said = {record.subject_id: record.why for record in closed}
    assert said == {lease.id: "Ended by olivia", again.id: "Ended by oscar"}
