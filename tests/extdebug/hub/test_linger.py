"""A tail that is flooded waits a moment for a fuller batch; an ordinary one never does."""

from __future__ import annotations

import pytest

from extdebug.hub.linger import STEPS, Linger


@pytest.mark.parametrize(("rate", "pause"), [(100, 0.0), (60_000, 0.01), (400_000, 0.03)])
def test_the_pause_follows_the_rate_of_deliveries(rate: int, pause: float) -> None:
    linger = Linger(0.0)
    pauses = [linger.after(rate // 100, now=n / 100, behind=False) for n in range(1, 100)]
    assert pauses[-1] == pause


def test_who_is_behind_does_not_wait() -> None:
    linger = Linger(0.0)
    assert linger.after(1_000_000, now=1.0, behind=True) == 0.0
    assert linger.after(1_000_000, now=2.0, behind=False) == STEPS[0][1]


def test_no_time_passing_is_no_error() -> None:
    assert Linger(5.0).after(0, now=5.0, behind=False) == 0.0
