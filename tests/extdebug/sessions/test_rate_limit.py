"""One second of a rate may come at once; more comes at the rate, for each on their own."""

from __future__ import annotations

from extdebug.sessions import rate_limit
from extdebug.sessions.rate_limit import RateLimit, TokenBucket


def test_a_bucket_holds_one_second_of_its_rate() -> None:
    bucket = TokenBucket(10)
    assert bucket.take(10, 0.0)
    assert not bucket.take(1, 0.05)
    assert bucket.take(1, 0.15)
    assert bucket.take(10, 100.0)
    assert not bucket.take(1, 100.0)


def test_more_than_a_bucket_holds_passes_when_it_is_full_and_is_paid_back() -> None:
    bucket = TokenBucket(10)
    assert bucket.take(25, 0.0)
    assert not bucket.take(1, 1.0)
    assert bucket.take(1, 2.7)


def test_no_rate_is_no_limit() -> None:
    assert all(TokenBucket(0).take(10**9, 0.0) for _ in range(3))


def test_each_has_a_rate_of_their_own() -> None:
    limit = RateLimit(2)
    assert [limit.admits(1, now=5.0) for _ in range(3)] == [True, True, False]
    assert limit.admits(2, now=5.0)
    assert limit.admits(1, now=5.6)


def test_whoever_was_quiet_longest_is_forgotten_first() -> None:
    limit = RateLimit(1)
    for key in range(rate_limit.MOST):
        assert limit.admits(key, now=1.0)
    assert not limit.admits(0, now=1.0), "asked again: it is the last now"
    assert limit.admits(rate_limit.MOST, now=1.0)
    assert not limit.admits(0, now=1.0)
    assert limit.admits(1, now=1.0), "forgotten, so unlimited anew"
