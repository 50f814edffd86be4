"""A session that nobody is connected to gives way to one that somebody opens; others do not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from audit.models import AuditRecord
from audit.trail import Action
from extdebug.demo.sample import Cast
from extdebug.models import DebugSession
from extdebug.sessions import store, unconnected
from extdebug.wire.keys import Target
from policies import access
from policies.models import Limits
from tests.extdebug.opened_rows import open_row

pytestmark = pytest.mark.django_db(transaction=True)
TARGET = Target("acme", "invoice-sync")


def opening(user: Any) -> store.Lease | None:
    viewer = access.viewer_of(user, transport="sse")
    _, lease = open_row(viewer, TARGET)
    return lease


def opened(user: Any) -> store.Lease:
    lease = opening(user)
    assert lease is not None
    return lease


def detach(lease: store.Lease, *, ago: float = 0) -> None:
    at = timezone.now() - dt.timedelta(seconds=ago)
    DebugSession.objects.filter(pk=lease.id).update(detached_at=at)


def live() -> set[str]:
    return {
        str(pk) for pk in DebugSession.objects.filter(closed_at=None).values_list("pk", flat=True)
    }


@pytest.fixture
def two_each(cast: Cast) -> Limits:
    limits: Limits = Limits.objects.create(sessions_per_user=2)
    return limits


def test_the_longest_unconnected_gives_way_with_its_record(cast: Cast, two_each: Limits):
    first, second = opened(cast.dan), opened(cast.dan)
    detach(first, ago=1)
    detach(second, ago=3)
    third = opened(cast.dan)
    assert live() == {first.id, third.id}
    row = AuditRecord.objects.get(action=Action.SESSION_CLOSED)
    assert (row.subject_id, row.reason) == (second.id, "gave way to a newer one")


def test_a_connected_one_stays_and_the_newer_is_refused(cast: Cast, two_each: Limits):
    first, second = opened(cast.dan), opened(cast.dan)
    assert opening(cast.dan) is None
    assert live() == {first.id, second.id}


def test_none_is_closed_while_there_is_a_place(cast: Cast, two_each: Limits):
    first = opened(cast.dan)
    detach(first, ago=30)
    second = opened(cast.dan)
    assert live() == {first.id, second.id}


def test_others_give_way_when_they_do_not_come_back_at_once(cast: Cast):
    Limits.objects.create(sessions_per_tenant=1)
    first = opened(cast.dora)
    detach(first, ago=1)
    assert opening(cast.dan) is None
    detach(first, ago=unconnected.GRACE.total_seconds() + 1)
    newer = opened(cast.dan)
    assert live() == {newer.id}


def test_one_that_was_taken_over_meanwhile_stays(cast: Cast):
    lease = opened(cast.dan)
    row = DebugSession.objects.get(pk=lease.id)
    DebugSession.objects.update(holder="another")
    assert not unconnected.close(row, code=1006, reason="x")
    assert live() == {lease.id}


def test_giving_way_counts_one_opening_not_two(cast: Cast, two_each: Limits):
    Limits.objects.update(openings_per_minute=4)
    for _ in range(4):
        detach(opened(cast.dan), ago=1)
    assert opening(cast.dan) is None
