"""How often tails read: at once where there is time, in fuller batches where there is none."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.hub.linger import STEPS
from tests.bench.scaling.batching import (
    Watched,
    cpu,
    frames_each,
    lingers,
    per_batch,
    reads_per_second,
)
from tests.bench.scaling.costs import TERMS

FREE: Final = dict.fromkeys(TERMS["console"], 0.0)
COSTS: Final = FREE | {"read": 20e-6, "cycle": 400e-6, "frame": 50e-6}


def stream(events: float, *, watchers: int = 1) -> Watched:
    return Watched(
        watchers=watchers, events=events, matching=events, shown=events, searches=0, selections=1
    )


def test_with_time_to_spare_each_event_is_read_and_sent_by_itself():
    assert reads_per_second(COSTS, [[stream(100)]]) == [100]
    assert frames_each(stream(100), 100) == 100


def test_a_tail_reads_what_all_its_streams_bring():
    assert reads_per_second(COSTS, [[stream(10), stream(20)], [stream(5)]]) == [30, 5]


def test_a_busy_loop_reads_as_often_as_it_has_time():
    """1,000 events take .02 s, a cycle with frames to 20 watchers 1.4 ms: the rest is for 700."""
    tails = [[stream(1_000, watchers=20)]]
    reads = reads_per_second(COSTS, tails)

    assert reads == pytest.approx([0.98 / 0.0014])
    assert cpu(COSTS, tails, reads) == pytest.approx(1)


def test_half_a_core_reads_less_often():
    tails = [[stream(1_000, watchers=20)]]

    assert reads_per_second(COSTS, tails, share=0.5) == pytest.approx([0.48 / 0.0014])


def test_events_that_take_all_time_leave_none_for_reads():
    assert reads_per_second(COSTS, [[stream(60_000)]]) == [0]


@pytest.mark.parametrize(("rate", "pause"), STEPS)
def test_a_tail_waits_for_a_fuller_batch_as_the_product_does(rate: int, pause: float):
    assert lingers([stream(rate + 1)]) == pause
    assert lingers([stream((rate + 2) / 2), stream((rate + 2) / 2)]) == pause
    assert lingers([stream(rate - 1)]) < pause
    assert reads_per_second(FREE, [[stream(rate + 1)]]) == pytest.approx([1 / pause], rel=0.01)


@given(st.floats(0.01, 1e6), st.floats(0.1, 1e4))
def test_a_watcher_gets_at_most_a_frame_for_each_event_and_at_most_100_events_in_one(events, reads):
    frames = frames_each(stream(events), reads)

    assert events / 100 <= frames <= events


@given(st.lists(st.floats(0.1, 2_000), min_size=1, max_size=8), st.floats(1, 500))
def test_reading_more_often_never_costs_less(rates, reads):
    streams = [stream(rate, watchers=3) for rate in rates]
    seldom, often = per_batch(streams, reads), per_batch(streams, reads * 2)

    assert all(seldom[name] <= often[name] for name in seldom)
