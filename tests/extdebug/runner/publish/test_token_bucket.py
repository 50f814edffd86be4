from hypothesis import given
from hypothesis import strategies as st

from extdebug.runner.publish.token_bucket import LineBucket


def test_a_burst_passes_and_then_nothing_until_a_whole_burst_is_saved_up():
    bucket = LineBucket(10, burst=5)
    assert [bucket.allows(100.0) for _ in range(6)] == [True] * 5 + [False]
    assert not bucket.allows(100.11)
    assert not bucket.allows(100.45)
    assert [bucket.allows(100.51) for _ in range(6)] == [True] * 5 + [False]


def test_what_is_let_through_in_any_case_is_paid_back():
    bucket = LineBucket(10, burst=5)
    assert bucket.allows(100.0)
    bucket.charge(7)
    assert not bucket.allows(100.0)
    assert not bucket.allows(100.7)
    assert bucket.allows(100.81)


def test_rate_zero_allows_everything():
    bucket = LineBucket(0, burst=0)
    assert all(bucket.allows(0.0) for _ in range(1000))


@given(st.lists(st.floats(0, 100), max_size=200))
def test_never_more_than_burst_plus_rate_times_time(moments):
    bucket = LineBucket(5, burst=3)
    moments = sorted(moments)
    allowed = sum(bucket.allows(moment) for moment in moments)
    span = moments[-1] - moments[0] if moments else 0
    assert allowed <= 3 + 5 * span + 1e-6


def test_a_clock_that_goes_back_gives_no_tokens():
    bucket = LineBucket(1, burst=1)
    assert bucket.allows(100.0)
    assert not bucket.allows(50.0)
    assert not bucket.allows(50.5)
    assert bucket.allows(51.0)
