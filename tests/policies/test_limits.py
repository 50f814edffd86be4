"""Which limits hold, and the token bucket of a session."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.demo.sample import Cast
from policies.decisions.facts import SessionLimits
from policies.limits import TokenBucket
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


def test_a_bucket_starts_full_and_fills_with_time() -> None:
    bucket = TokenBucket(rate=10, burst=10)
    assert bucket.take(8, now=100.0) == 8
    assert bucket.take(8, now=100.0) == 2
    assert bucket.take(8, now=100.05) == 0
    assert bucket.take(8, now=100.3) == 3
    assert bucket.take(100, now=200.0) == 10


def test_a_clock_that_steps_back_gives_nothing() -> None:
    bucket = TokenBucket(rate=10, burst=10)
    assert bucket.take(10, now=100.0) == 10
    assert bucket.take(10, now=50.0) == 0
    assert bucket.take(10, now=100.1) == 1


@given(
    steps=st.lists(st.tuples(st.floats(0, 5), st.integers(0, 500)), min_size=1, max_size=50),
    rate=st.integers(1, 200),
)
def test_a_bucket_never_passes_more_than_burst_and_rate(
    steps: list[tuple[float, int]], rate: int
) -> None:
    bucket = TokenBucket(rate=rate, burst=rate)
    now = passed = 0.0
    for pause, wanted in steps:
        now += pause
        took = bucket.take(wanted, now=now)
        assert 0 <= took <= wanted
        passed += took
        assert passed <= rate + rate * (now - steps[0][0]) + 1e-6
