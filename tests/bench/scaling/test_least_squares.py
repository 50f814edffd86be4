"""The fit finds the costs that made the data, and says how far off it is."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.scaling.least_squares import Fit, Row, fit, total

COSTS: Final = {"process": 0.01, "read": 18e-6, "frame": 50e-6, "delivered": 4e-7}


def rows(seed: int, *, count: int = 24) -> list[Row]:
    """Amounts of very different sizes, as a bench has them."""
    chance = random.Random(seed)
    return [
        {
            "process": chance.uniform(1, 20), "read": chance.uniform(100, 80_000),
            "frame": chance.uniform(50, 20_000), "delivered": chance.uniform(100, 1_600_000),
        }
        for _ in range(count)
    ]  # fmt: skip


def fitted(points: list[Row], costs: Mapping[str, float]) -> Fit:
    return fit(points, [total(costs, row) for row in points], floor=0.05)


@given(st.integers(0, 10_000))
def test_costs_are_found_again(seed: int):
    found = fitted(rows(seed), COSTS)

    assert found.costs == pytest.approx(COSTS, rel=1e-4)
    assert found.worst < 1e-4
    assert not found.missing


def test_noise_of_five_per_cent_moves_costs_little():
    chance, points = random.Random(7), rows(7, count=60)
    noisy = [total(COSTS, row) * chance.uniform(0.95, 1.05) for row in points]

    found = fit(points, noisy, floor=0.05)

    assert found.costs == pytest.approx(COSTS, rel=0.25)
    assert 0 < found.typical <= found.nine_in_ten <= found.worst < 0.12


def test_nothing_costs_less_than_nothing():
    """What would come out negative is zero, and the others carry it."""
    points = rows(3)
    found = fitted(points, COSTS | {"frame": -1e-6})

    assert found.costs["frame"] == 0
    assert min(found.costs.values()) >= 0


def test_an_error_is_that_of_a_fit_without_the_point():
    """A point that fits nothing else is not hidden by having taken part."""
    points = [{"read": float(amount)} for amount in (1, 2, 3, 4)]
    found = fit(points, [1.0, 2.0, 3.0, 8.0], floor=0.01)

    assert found.errors[3] == pytest.approx(-0.5)  # 4 by the other three, 8 measured
    assert found.worst == pytest.approx(0.5, abs=0.2)


def test_a_small_point_counts_as_much_as_a_large_one():
    """Relative errors are made small: a large point does not outweigh a small one."""
    found = fit([{"a": 1.0}, {"a": 1000.0}], [2.0, 1000.0], floor=0.001)

    assert 1.0 < found.costs["a"] < 1.5
    assert fit([{"a": 1.0}, {"a": 1000.0}], [2.0, 1000.0], floor=1000).costs["a"] < 1.001


def test_what_was_not_measured_is_named_and_has_no_cost():
    found = fitted([{**row, "search": 0.0} for row in rows(5)], COSTS)

    assert found.missing == ["search"]
    assert "search" not in found.costs


def test_fewer_points_than_unknowns_are_refused():
    with pytest.raises(ValueError, match="3 points for 4 unknowns"):
        fitted(rows(1, count=3), COSTS)


def test_two_things_that_always_come_together_share_their_cost():
    points = [{"a": float(n), "b": float(n)} for n in range(1, 6)]
    found = fit(points, [2.0 * n for n in range(1, 6)], floor=0.01)

    assert found.costs["a"] + found.costs["b"] == pytest.approx(2, rel=1e-3)
