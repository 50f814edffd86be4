"""Sessions that come back together: each goes on for its own person, and the others begin anew."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from audit.models import AuditRecord
from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from extdebug.sessions import store
from extdebug.sessions.comebacks import Comeback, take_over
from extdebug.wire.keys import Target
from policies import access
from policies.models import Lock
from tests.extdebug.opened_rows import open_row

pytestmark = pytest.mark.django_db
TARGET = Target("acme", "invoice-sync")


def viewer(user: User, ip: str = "") -> access.Viewer:
    return access.viewer_of(user, transport="ws", ip=ip)


def opened(user: User) -> store.Lease:
    _, lease = open_row(viewer(user), TARGET)
    assert lease is not None
    return lease


def test_each_is_taken_over_by_its_own_person_alone(cast: Cast) -> None:
    dan, olivia, alice = opened(cast.dan), opened(cast.olivia), opened(cast.alice)
    Lock.objects.create(user=cast.olivia, reason="an incident")
    DebugSession.objects.filter(pk=alice.id).update(
        detached_at=timezone.now() - dt.timedelta(minutes=2)
    )
    taken = take_over([
        Comeback(dan.id, viewer(cast.dan), TARGET, "p2"),
        Comeback(dan.id, viewer(cast.dora), TARGET, "p2"),  # another's
        Comeback(olivia.id, viewer(cast.olivia), TARGET, "p2"),  # no longer allowed
        Comeback(alice.id, viewer(cast.alice), TARGET, "p2"),  # too late
        Comeback("no id", viewer(cast.alice), TARGET, "p2"),
    ])  # fmt: skip
    assert [one and one[0].allowed for one in taken] == [True, None, False, None, None]
    row = DebugSession.objects.get(pk=dan.id)
    assert taken[0] is not None
    assert (row.process, row.holder) == ("p2", taken[0][1].holder)
    assert taken[0][1].resumed
    for other in (olivia, alice):
        assert DebugSession.objects.get(pk=other.id).holder == other.holder


def test_what_the_row_says_of_its_holder_is_the_new_ones(cast: Cast) -> None:
    lease = opened(cast.dan)
    DebugSession.objects.filter(pk=lease.id).update(
        detached_at=timezone.now(), shared={"filter": {}}, shown=7
    )
    [taken] = take_over([Comeback(lease.id, viewer(cast.dan, "192.0.2.9"), TARGET, "p2")])
    row = DebugSession.objects.get(pk=lease.id)
    assert (row.ip, row.detached_at, row.shared, row.shown) == ("192.0.2.9", None, None, 7)
    assert row.standing is not None
    assert AuditRecord.objects.filter(action="session.resumed").count() == 1
    assert taken is not None
    assert taken[1].shown == 7


def test_many_that_come_back_take_as_many_questions_as_one(
    cast: Cast, django_assert_max_num_queries: Any
) -> None:
    asked = [
        Comeback(opened(user).id, viewer(user), TARGET, "p2")
        for user in (cast.dan, cast.olivia, cast.oscar, cast.alice)
    ]
    for some in (asked[:1], asked):
        with django_assert_max_num_queries(5):  # two of them are the transaction's savepoint
            assert all(take_over(some))
