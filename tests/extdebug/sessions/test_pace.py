"""Events are due in the rhythm of their times, divided by the speed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.sessions.pace import LATE, MAX_SILENCE, TICK, Pace


def test_the_first_is_due_at_once_and_the_next_after_its_silence() -> None:
    pace = Pace(4)
    assert pace.due([10_000, 14_000], now=100.0) == 1
    assert pace.next_at == 101.0
    assert pace.due([14_000], now=100.9) == 0
    assert pace.due([14_000], now=101.0) == 1
    assert pace.due([], now=101.0) == 0
    assert pace.next_at == math.inf


def test_a_long_silence_is_shortened_and_said() -> None:
    pace = Pace(2)
    assert pace.due([0, 60_000], now=0.0) == 1
    assert (pace.next_at, pace.shortened) == (MAX_SILENCE, 60.0)
    assert pace.due([60_000], now=MAX_SILENCE) == 1
    assert pace.shortened == 0
    assert pace.due([61_000], now=MAX_SILENCE) == 0
    assert pace.shortened == 0


def test_a_short_delay_is_made_up_for_and_a_long_one_moves_what_follows() -> None:
    pace = Pace(1)
    pace.due([0], now=0.0)
    assert pace.due([1000], now=1.3) == 1
    assert pace.due([2000], now=2.0) == 1, "made up for"
    assert pace.due([3000], now=20.0) == 1
    assert pace.due([4000], now=20.0) == 0
    assert pace.next_at == 20.0 - LATE + 1


def test_a_pause_holds_the_silence() -> None:
    pace = Pace(1)
    pace.due([0], now=0.0)
    pace.hold(1.0)
    pace.go_on(50.0)
    pace.go_on(90.0)  # was not held
    assert pace.due([3000], now=51.9) == 0
    assert pace.next_at == 52.0


def test_what_goes_back_in_time_is_due_at_once() -> None:
    pace = Pace(1)
    assert pace.due([5000, 4000, 3000], now=0.0) == 3
    assert pace.due([5000], now=0.0) == 1, "and does not stretch what follows"


@given(
    steps=st.lists(st.integers(0, 9000), min_size=1, max_size=60),
    speed=st.sampled_from([0.5, 1.0, 2.0, 4.0, 16.0]),
)
def test_playing_takes_the_events_time_divided_by_the_speed(steps: list[int], speed: float) -> None:
    """With each silence shortened; whoever looks when told misses nothing and is never early."""
    moments = [0]
    for step in steps:
        moments.append(moments[-1] + step)
    wanted = sum(min(step / 1000 / speed, MAX_SILENCE) for step in steps)
    pace, now, left = Pace(speed), 0.0, moments
    while left:
        left = left[pace.due(left, now) :]
        if left:
            assert pace.next_at > now
            now = pace.next_at
    assert now == pytest.approx(wanted, abs=TICK + 1e-6)
