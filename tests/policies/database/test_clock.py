"""One clock for all processes: the database's, which moves within a transaction too."""

import datetime as dt
import time

import pytest
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies.database import clock
from policies.models import Tenant

pytestmark = pytest.mark.django_db


def test_a_reading_has_the_present_moment_in_utc_and_the_policy_version() -> None:
    before = timezone.now()
    reading = clock.read()
    assert before - dt.timedelta(seconds=1) <= reading.now <= timezone.now() + dt.timedelta(1)
    assert reading.now.utcoffset() == dt.timedelta(0)
    assert reading.version >= 0


def test_the_clock_goes_on_within_a_transaction(cast: Cast) -> None:
    """A verb that waited for a lock must judge a deadline by the time after the wait."""
    tenants = Tenant.objects.annotate(moment=clock.ClockNow()).values_list("moment", flat=True)
    with transaction.atomic():
        first, first_in_sql = clock.now(), tenants[0]
        time.sleep(0.005)  # more than the 1 ms that SQLite's clock is rounded to
        assert clock.now() > first
        assert tenants[0] > first_in_sql


def test_a_moment_in_sql_compares_with_stored_times(cast: Cast) -> None:
    now = timezone.now()
    for at, over in ((now - dt.timedelta(seconds=1), True), (now + dt.timedelta(1), False)):
        Tenant.objects.filter(key="acme").update(suspended_at=at)
        found = Tenant.objects.filter(key="acme", suspended_at__lte=clock.ClockNow())
        assert found.exists() is over


def test_a_moment_beside_a_count_leaves_one_row_each(cast: Cast) -> None:
    """Installs that are counted are read at different moments, which must not part them."""
    counted = Tenant.objects.annotate(many=Count("installs"), moment=clock.ClockNow())
    rows = {tenant.key: tenant.many for tenant in counted.order_by("key")}
    assert len(rows) == counted.count() == Tenant.objects.count()
    assert max(rows.values()) > 1
