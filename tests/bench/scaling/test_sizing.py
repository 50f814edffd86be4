"""The smallest fleet is within the target, and one that is smaller is not."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.scaling.cases import Case, Machines
from tests.bench.scaling.fleet import fleet, lay_out
from tests.bench.scaling.sizing import (
    CONSOLE,
    FEWEST,
    MOST_PROCESSES,
    REDIS,
    TARGET,
    fewest,
    restart,
    size,
)
from tests.bench.scaling.test_fleet import CONSTANTS

MACHINES = Machines()
CASE = Case(name="small", watchers=300, events=600, streams=30)


@given(st.floats(0.1, 1_900))
def test_the_fewest_is_found_to_two_in_a_hundred(needed):
    found = fewest(lambda count: needed / count)
    least = max(FEWEST, math.ceil(needed))

    assert least <= found <= max(least + 1, least * 1.03)


def test_where_none_suffices_the_most_is_given():
    assert fewest(lambda count: 1.5) == MOST_PROCESSES


def test_a_sized_fleet_is_within_the_target_and_a_smaller_one_is_not():
    sized = size(CASE, CONSTANTS, MACHINES)
    used = sized.fleet.used
    smaller = fleet(
        lay_out(CASE), CONSTANTS, MACHINES, processes=sized.processes - 2, shards=sized.shards
    )

    assert not sized.over
    assert sized.processes > FEWEST + 2
    assert max(used.values()) <= TARGET
    assert max(smaller.used[name] for name in CONSOLE) > TARGET
    assert sized.fleet.first == max(used, key=lambda name: used[name])


def test_writes_that_one_server_has_no_core_for_take_shards():
    sized = size(replace(CASE, events=400_000, watchers=3, streams=2_000), CONSTANTS, MACHINES)

    assert sized.shards > 1
    assert max(sized.fleet.used[name] for name in REDIS) <= TARGET


def test_shards_are_chosen_for_the_processes_that_a_cluster_takes():
    """A tail for each bucket: more processes than with one Redis, so more reads of each shard."""
    case = replace(CASE, events=250_000, watchers=400, streams=2_000, late=0.05)
    sized = size(case, CONSTANTS, MACHINES)
    alone = fewest(
        lambda count: (
            fleet(lay_out(case), CONSTANTS, MACHINES, processes=count, shards=1).used["console CPU"]
            / TARGET
        )
    )

    assert sized.shards > 1
    assert sized.processes > alone
    assert not {*REDIS, *CONSOLE} & {*sized.over}


def test_reading_alone_may_be_too_much_for_any_number():
    """20,000 events of one stream cost each process two cores, however many processes there are."""
    case = replace(CASE, streams=1, events=20_000, watchers=2_000)
    assert "console CPU" in size(case, CONSTANTS, MACHINES).over


def test_a_restart_by_hand():
    sized = size(CASE, CONSTANTS, MACHINES)
    processes = sized.fleet.processes
    found = restart(sized, CONSTANTS, MACHINES)
    ended = max(processes, key=lambda one: one.watchers)
    spare = sum(1 - one.busy for one in processes if one is not ended)

    assert found.sessions == math.ceil(300 / len(processes))
    assert found.by_consoles == pytest.approx(spare / 0.003)
    rows = 1_700 * (1 - sized.fleet.used["audit trail"]) / 2  # fewer than the CPU allows
    assert found.by_database == pytest.approx(rows)
    many = restart(sized, CONSTANTS, replace(MACHINES, trail_rows=1e9))
    assert many.by_database == pytest.approx(8 * (1 - sized.fleet.used["database CPU"]) / 0.001)
    assert found.seconds == pytest.approx(found.sessions / found.by_consoles)
