"""Which limits hold for a target, and the rate of openings."""

import datetime as dt

import pytest
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies.decisions.facts import SessionLimits
from policies.limits import Rates, count_opening
from policies.models import Limits as LimitsRow
from policies.models import Opening
from tests.policies.conftest import ask


@pytest.mark.django_db
def test_the_defaults_are_the_documented_ones(cast: Cast) -> None:
    limits = ask(cast.dan).limits
    assert limits == SessionLimits()
    assert (limits.sessions_per_user, limits.openings_per_minute) == (5, 20)
    assert (limits.events_per_second, limits.bytes_per_second) == (5_000, 2 * 1024**2)


@pytest.mark.django_db
def test_the_closest_row_counts_field_by_field(cast: Cast) -> None:
    LimitsRow.objects.create(sessions_per_user=9, openings_per_minute=9, events_per_second=9)
    LimitsRow.objects.create(tenant=cast.acme, sessions_per_user=7, openings_per_minute=7)
    LimitsRow.objects.create(extension=cast.invoice_sync, sessions_per_user=6)
    LimitsRow.objects.create(tenant=cast.acme, extension=cast.invoice_sync, bytes_per_second=8)
    limits = ask(cast.dan).limits
    assert limits.sessions_per_user == 6  # the smaller of tenant's and extension's
    assert limits.openings_per_minute == 7
    assert limits.events_per_second == 9
    assert limits.bytes_per_second == 8
    assert ask(cast.dan, tenant="globex").limits.openings_per_minute == 9


@pytest.mark.django_db
def test_a_time_to_live_is_never_above_its_maximum(cast: Cast) -> None:
    LimitsRow.objects.create(max_ttl_seconds=120)
    assert ask(cast.dan).limits.ttl_seconds == 120


@pytest.mark.django_db
def test_the_rates_of_several_people_are_read_once_and_kept_apart(cast: Cast) -> None:
    now = timezone.now()
    count_opening(cast.dan.pk, limit=9, now=now - dt.timedelta(seconds=90))
    count_opening(cast.dan.pk, limit=9, now=now - dt.timedelta(seconds=30))
    rates = Rates([cast.dan.pk, cast.dora.pk], now=now)
    assert [rates.count(cast.dan.pk, limit=2) for _ in range(2)] == [(1, 0), (2, 30)]
    assert rates.count(cast.dora.pk, limit=0) == (0, 60)
    assert rates.count(cast.dora.pk, limit=1) == (0, 0)
    rates.write()
    left = Opening.objects.filter(kind="session").order_by("at")
    assert [row.user_id for row in left] == [cast.dan.pk, cast.dan.pk, cast.dora.pk]
