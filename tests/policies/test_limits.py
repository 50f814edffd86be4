"""Which limits hold for a target, and the rate of openings."""

import pytest

from extdebug.demo.sample import Cast
from policies.decisions.facts import SessionLimits
from policies.models import Limits as LimitsRow
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
