from hypothesis import given
from hypothesis import strategies as st

from extdebug.runner.publish.token_bucket import LineBucket


def test_a_burst_passes_and_then_the_rate():
    bucket = LineBucket(10, burst=5)
    assert [bucket.allows(100.0) for _ in range(6)] == [True] * 5 + [False]
    assert not bucket.allows(100.05)
    assert bucket.allows(100.11)


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
