"""Who watches now, by the rows: the connected ones of living processes, in two queries."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from extdebug.sessions import store, watcher_rows
from extdebug.wire.keys import Target
from policies.decisions.audience import Standing
from tests.extdebug.opened_rows import taken_over
from tests.extdebug.sessions.test_ownership import NOTHING, TARGET, age, beat, opened, viewer

pytestmark = pytest.mark.django_db
STANDING = Standing(None, operator=False)
VIEW: dict[str, Any] = {"filter": {"q": "timeout"}, "line": "5-0", "live": False}


def names(target: Target = TARGET) -> list[str]:
    return [one.name for one in watcher_rows.read([target])[target]]


@pytest.fixture
def another(cast: Cast) -> None:
    """Somebody else has a session, so that there is anybody to tell; without a connection now."""
    beat("other")
    store.detach(opened(cast.olivia, process="other"), NOTHING)


def test_where_a_session_is_alone_no_rows_are_read(
    cast: Cast, django_assert_num_queries: Any
) -> None:
    beat("p1")
    beat("p2")
    first = opened(cast.dan)
    beat("gone", ago=30)
    opened(cast.olivia, process="gone")  # of a process that fell silent
    with django_assert_num_queries(1):
        assert names() == []
    second = opened(cast.dora, process="p2")
    assert names() == ["dan", "dora"]
    assert watcher_rows.read([Target("acme", "other")]) == {Target("acme", "other"): ()}
    store.close(second, viewer(cast.dora), TARGET, NOTHING, code=1000, reason="left")
    assert names() == []
    assert DebugSession.objects.filter(pk=first.id, closed_at=None).exists()


def test_the_live_sessions_of_all_processes_are_read_in_two_queries(
    cast: Cast, django_assert_num_queries: Any
) -> None:
    beat("p1")
    beat("p2")
    for user, process in ((cast.dan, "p1"), (cast.dora, "p2"), (cast.olivia, "p2")):
        opened(user, process=process)
    elsewhere = Target("globex", "invoice-sync")
    with django_assert_num_queries(2):
        found = watcher_rows.read([TARGET, elsewhere])
    assert [one.name for one in found[TARGET]] == ["dan", "dora", "olivia"]
    assert found[elsewhere] == ()
    standings = {one.name: one.standing for one in found[TARGET]}
    assert standings["dan"] == Standing(None, operator=False)
    assert standings["dora"].installs == {"inst-acme"}
    assert standings["olivia"].operator


def test_who_is_not_there_is_not_read(cast: Cast) -> None:
    beat("p1")
    beat("silent", ago=30)
    left, lost, ended, late = (opened(cast.dan) for _ in range(4))
    opened(cast.dora, process="silent")
    store.close(left, viewer(cast.dan), TARGET, NOTHING, code=1000, reason="left")
    store.detach(lost, NOTHING)
    DebugSession.objects.filter(pk=ended.id).update(end_requested_at=timezone.now())
    age(late, expires_at=1)
    unknown = opened(cast.olivia)
    DebugSession.objects.filter(pk=unknown.id).update(standing=None)  # written by an older console
    assert names() == []


@pytest.mark.usefixtures("another")
def test_a_polling_client_is_there_between_its_polls(cast: Cast) -> None:
    beat("p1")
    polled = opened(cast.dan)
    DebugSession.objects.filter(pk=polled.id).update(transport="poll")
    store.detach(polled, NOTHING)
    assert names() == ["dan"]
    age(polled, detached_at=15)
    assert names() == []


def test_of_a_crowd_the_oldest_are_read(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    beat("p1")
    monkeypatch.setattr(watcher_rows, "MOST_OF_TARGET", 2)
    for user in (cast.dan, cast.dora, cast.olivia):
        opened(user)
    assert names() == ["dan", "dora"]


@pytest.mark.usefixtures("another")
def test_the_beginning_of_sharing_is_on_record_and_later_views_are_not(cast: Cast) -> None:
    beat("p1")
    lease = opened(cast.dan)
    who = viewer(cast.dan)

    def share(view: dict[str, Any] | None, *, begins: bool) -> bool:
        return watcher_rows.write(lease, who, TARGET, standing=STANDING, shared=view, begins=begins)

    assert share(VIEW, begins=True)
    assert share({**VIEW, "line": "6-0"}, begins=False)
    [one] = watcher_rows.read([TARGET])[TARGET]
    assert one.shared == {**VIEW, "line": "6-0"}
    [record] = AuditRecord.objects.filter(action="session.view_shared")
    assert (record.actor_name, record.subject_id) == ("dan", lease.id)
    assert record.data["view"]["filter"] == {"q": "timeout"}
    assert share(None, begins=False)
    assert watcher_rows.read([TARGET])[TARGET][0].shared is None


def test_shared_then_ended_is_told_and_recorded_to_nobody(cast: Cast) -> None:
    """The write of a view that comes after the end changes nothing and records nothing."""
    beat("p1")
    lease = opened(cast.dan)
    for user in (cast.dora, cast.olivia):
        opened(user)
    who = viewer(cast.dan)
    store.close(lease, who, TARGET, NOTHING, code=1000, reason="left")
    assert not watcher_rows.write(lease, who, TARGET, standing=STANDING, shared=VIEW, begins=True)
    assert names() == ["dora", "olivia"]
    assert not AuditRecord.objects.filter(action="session.view_shared").exists()


@pytest.mark.usefixtures("another")
def test_who_takes_a_session_over_shares_nothing_until_they_say_so(cast: Cast) -> None:
    beat("p1")
    lease = opened(cast.dan)
    who = viewer(cast.dan)
    watcher_rows.write(lease, who, TARGET, standing=STANDING, shared=VIEW, begins=True)
    store.detach(lease, NOTHING)
    assert taken_over(lease.id, who, TARGET, process="p1") is not None
    assert watcher_rows.read([TARGET])[TARGET][0].shared is None
    late = watcher_rows.write(lease, who, TARGET, standing=STANDING, shared=VIEW, begins=False)
    assert not late, "the connection it was taken from writes nothing any more"
