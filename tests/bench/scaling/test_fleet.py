"""The model: cases that are computed by hand, and what must hold of every load."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench.scaling.cases import CONNECTIONS, Case, Machines
from tests.bench.scaling.costs import TERMS, Constants
from tests.bench.scaling.fleet import GIB, PACKET, Fleet, as_it_runs, fleet, lay_out
from tests.files import ROOT

COSTS: Final = {
    "console": {
        "process": 0.01, "serving": 0.02, "watcher": 0.001, "stream": 0.002, "cycle": 0.0004,
        "read": 0.0001, "search": 0.00001, "run": 0.0002, "frame": 0.0005, "delivered": 0.000001,
    },
    "redis": {
        "server": 0.01, "process": 0.001, "stream": 0.0001, "written": 0.000003,
        "write": 0.00003, "read": 0.000001, "cycle": 0.00006, "listed": 0.000002,
    },
    "database": {"process": 0.001, "watcher": 0.0001, "opening": 0.001},
    "opening": {"opening": 0.003},
    "memory": {"process": 100.0, "watcher": 0.5, "stream": 1.0},
    "console out": {"frame": 200.0, "delivered": 400.0},
    "redis in": {"written": 500.0, "cycle": 100.0, "listed": 10.0},
    "redis out": {"written": 20.0, "read": 450.0, "cycle": 150.0},
}  # fmt: skip
CONSTANTS: Final = Constants(COSTS, event_bytes=500.0)
MACHINES: Final = Machines()
ONE: Final = Case(
    name="one stream", watchers=4, events=50, streams=1, late=0.1, runner_events=50,
    session_minutes=1, retention=100,
)  # fmt: skip


def placed(case: Case, *, processes: int, shards: int = 1) -> Fleet:
    return fleet(lay_out(case), CONSTANTS, MACHINES, processes=processes, shards=shards)


def test_the_costs_of_these_tests_are_all_there_are():
    assert {name: set(costs) for name, costs in COSTS.items()} == {
        name: set(terms) for name, terms in TERMS.items()
    }


def test_one_stream_on_two_processes_by_hand():
    """Each has two watchers, reads 50 events in 10 reads a second, and sends 10 frames to each."""
    used = placed(ONE, processes=2).used

    assert used["console CPU"] == pytest.approx(
        0.01 + 0.02 + 2 * 0.001 + 0.002  # at rest
        + 50 * 0.0001 + 100 * 0.000001  # read, delivered
        + 10 * 0.0004 + 10 * 0.0002 + 20 * 0.0005  # reads, runs, frames
    )  # fmt: skip
    assert used["console memory"] == pytest.approx((100 + 2 * 0.5 + 1) / 1024)
    assert used["console network"] == pytest.approx(
        2 * (100 * 400 + 20 * (200 + PACKET)) / (10e9 / 8)
    )
    assert used["Redis CPU"] == pytest.approx(
        0.01 + 2 * 0.001 + 2 * 0.0001
        + 50 * 0.000003 + 10 * 0.00003  # five events in one write
        + 2 * (50 * 0.000001 + 10 * 0.00006 + 10 * 0.000002)
    )  # fmt: skip
    assert used["Redis memory"] == pytest.approx(5_000 * 500 / (32 * GIB))
    assert used["Redis network"] == pytest.approx((50 * 20 + 100 * 450 + 20 * 150) / (10e9 / 8))
    assert used["database CPU"] == pytest.approx(
        (2 * 0.001 + 4 * 0.0001 + 4 / 60 * 0.001) / MACHINES.database_cores
    )
    assert used["audit trail"] == pytest.approx(2 * 4 / 60 / 1_700)
    assert used["database connections"] == pytest.approx(2 * CONNECTIONS / 1_000)


def test_own_filters_are_asked_of_each_event_and_make_runs_of_their_own():
    plain, own = (
        placed(replace(ONE, own_filters=own), processes=2).used["console CPU"]
        for own in (False, True)
    )
    assert own - plain == pytest.approx(50 * 2 * 0.00001 + 10 * 0.0002)


def test_a_filter_that_lets_a_tenth_through_saves_frames_and_no_reading():
    fewer = placed(replace(ONE, passing=0.1), processes=2)

    assert [one.read for one in fewer.processes] == [50, 50]
    assert [one.delivered for one in fewer.processes] == [10, 10]
    assert [one.frames for one in fewer.processes] == [10, 10]


def test_nobody_is_shown_more_than_the_limit_of_a_session():
    busy = placed(replace(ONE, events=20_000, limit=5_000), processes=2)

    assert [one.delivered for one in busy.processes] == [2 * 5_000] * 2
    assert [one.read for one in busy.processes] == [20_000] * 2


def test_every_process_reads_a_stream_that_all_have_watchers_of():
    for processes in (1, 2, 4):
        read = sum(one.read for one in placed(ONE, processes=processes).processes)
        assert read == processes * 50


def test_on_a_cluster_each_bucket_has_a_tail_of_its_own():
    case = replace(ONE, watchers=640, streams=640, watcher_skew=0.0)
    alone, many = (placed(case, processes=2, shards=shards) for shards in (1, 3))

    assert all(len(one.tails) == 3 for one in alone.processes)  # 128 streams in each at the most
    assert all(len(one.tails) > 40 for one in many.processes)


LOADS: Final = st.builds(
    Case,
    name=st.just("any"), watchers=st.integers(1, 120), events=st.floats(1, 20_000),
    streams=st.integers(1, 60), watcher_skew=st.floats(0, 1.5), event_skew=st.floats(0, 1.5),
    together=st.booleans(), by_stream=st.booleans(), own_filters=st.booleans(),
    passing=st.floats(0.01, 1),
)  # fmt: skip


@given(case=LOADS, processes=st.integers(1, 6), shards=st.sampled_from((1, 3, 8)))
@settings(max_examples=60, deadline=None)
def test_everything_is_placed_once(case, processes, shards):
    found = placed(case, processes=processes, shards=shards)

    assert sum(one.watchers for one in found.processes) == case.watchers
    assert all(sum(map(len, one.tails)) == one.streams for one in found.processes)
    on_tails = [stream for one in found.processes for tail in one.tails for stream in tail]
    assert sum(stream.watchers for stream in on_tails) == case.watchers
    most = case.streams * case.most_of_a_stream
    assert sum(found.written) == pytest.approx(min(case.events, most))


@given(case=LOADS, processes=st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_more_events_never_use_less(case, processes):
    before = placed(case, processes=processes).used
    after = placed(replace(case, events=case.events * 1.5), processes=processes).used

    assert all(after[name] >= before[name] * (1 - 1e-9) for name in before)


@given(case=LOADS, processes=st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_lines_that_may_be_later_never_cost_more(case, processes):
    soon = placed(replace(case, late=0.02), processes=processes).used
    late = placed(replace(case, late=0.2), processes=processes).used

    assert all(late[name] <= soon[name] * (1 + 1e-9) for name in soon)


def test_a_process_with_time_to_spare_is_not_late_and_a_full_one_says_so():
    case = replace(ONE, watchers=2, events=20.0)
    assert as_it_runs(placed(case, processes=1).busiest, CONSTANTS).late == 0

    more = as_it_runs(placed(replace(case, events=4_000.0), processes=1).busiest, CONSTANTS)
    assert more.busy == pytest.approx(1)
    assert 0 < more.late < 0.1

    too_many = as_it_runs(placed(replace(case, events=19_000.0), processes=1).busiest, CONSTANTS)
    assert too_many.late == float("inf")


def test_connections_are_those_that_operations_state():
    text = (ROOT / "docs/operations.md").read_text()
    assert f"at most {CONNECTIONS} per console process" in text


def test_rows_of_the_trail_are_those_that_were_measured():
    text = (ROOT / "docs/decisions/0010-hash-chain-under-an-advisory-lock.md").read_text()
    assert f"at about {MACHINES.trail_rows:,} rows/s" in text
