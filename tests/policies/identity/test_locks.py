"""Locks on people: only those in force count."""

import datetime as dt

import pytest
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies.identity import locks
from policies.models import Lock

pytestmark = pytest.mark.django_db


def test_a_lock_counts_until_it_expires(cast: Cast) -> None:
    over = timezone.now() - dt.timedelta(seconds=1)
    Lock.objects.create(user=cast.dan, reason="over", expires_at=over)
    Lock.objects.create(tenant=cast.acme, reason="no person")
    live = Lock.objects.create(user=cast.dora, reason="x")
    assert (locks.lock_on(cast.dan.pk), locks.lock_on(None)) == (None, None)
    assert locks.lock_on(cast.dora.pk) == live
    assert [row["user"] for row in locks.locked_people()] == [cast.dora.pk]
