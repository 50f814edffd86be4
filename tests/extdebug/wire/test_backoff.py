"""Waits between tries grow, stay within their bounds and differ between processes."""

import pytest

from extdebug.wire.backoff import FIRST, MOST, jittered


@pytest.mark.parametrize("attempt", [0, 1, 3, 8, 5_000])
def test_a_wait_is_spread_below_its_bound_and_never_zero(attempt: int) -> None:
    longest = min(MOST, FIRST * 2 ** min(attempt, 30))
    waits = {jittered(attempt) for _ in range(200)}
    assert len(waits) > 100
    assert 0.3 * longest <= min(waits)
    assert max(waits) <= longest
