"""Least squares for costs: no coefficient below zero, each point weighted by its own size.

A cost of a thousandth of a second counts as much as one of ten seconds: the sum of squared
*relative* errors is what is made small, down to a floor under which a measurement is noise.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Row = Mapping[str, float]  # how much there was of each thing that costs


@dataclass(frozen=True, slots=True)
class Fit:
    """What one of each thing costs, and how far off predictions are.

    `errors` are relative, one for each point, of a fit to all the other points (leave one out).
    `missing` names what no point had, so that its cost is unknown and not zero.
    """

    costs: Mapping[str, float]
    errors: Sequence[float]
    missing: Sequence[str] = ()

    @property
    def typical(self) -> float:
        """The median of the errors' sizes."""
        return statistics.median(map(abs, self.errors)) if self.errors else 0.0

    @property
    def nine_in_ten(self) -> float:
        """What nine errors in ten stay within."""
        return sorted(map(abs, self.errors))[len(self.errors) * 9 // 10] if self.errors else 0.0

    @property
    def worst(self) -> float:
        """The largest of the errors' sizes."""
        return max(map(abs, self.errors), default=0.0)


def total(costs: Mapping[str, float], row: Row) -> float:
    """What all of it costs together."""
    return sum(costs[name] * amount for name, amount in row.items() if amount)


def fit(rows: Sequence[Row], costs: Sequence[float], *, floor: float) -> Fit:
    """The costs of one of each that explain `costs` best; points below `floor` weigh as much as it.

    ValueError when there are fewer points than unknowns.
    """
    names = sorted({name for row in rows for name in row})
    there = [name for name in names if any(row.get(name) for row in rows)]
    if len(rows) < len(there):
        raise ValueError(f"{len(rows)} points for {len(there)} unknowns: measure more")
    weights = [1 / max(cost, floor) for cost in costs]
    found = _solve_not_negative(there, rows, costs, weights)
    errors = []
    for left in range(len(rows)):
        others = [number for number in range(len(rows)) if number != left]
        without = _solve_not_negative(
            there, [rows[n] for n in others], [costs[n] for n in others],
            [weights[n] for n in others],
        )  # fmt: skip
        errors.append((total(without, rows[left]) - costs[left]) * weights[left])
    return Fit(found, errors, [name for name in names if name not in there])


def _solve_not_negative(
    names: Sequence[str],
    rows: Sequence[Row],
    costs: Sequence[float],
    weights: Sequence[float],
) -> dict[str, float]:
    """Whatever comes out below zero is zero, and the rest is solved again."""
    used = [name for name in names if any(row.get(name) for row in rows)]
    while used:
        solved = _solve(used, rows, costs, weights)
        least = min(used, key=lambda name: solved[name])
        if solved[least] >= 0:
            return dict.fromkeys(names, 0.0) | solved
        used.remove(least)
    return dict.fromkeys(names, 0.0)


def _solve(
    names: Sequence[str],
    rows: Sequence[Row],
    costs: Sequence[float],
    weights: Sequence[float],
) -> dict[str, float]:
    """Weighted normal equations. Columns are scaled to one, so that seconds and events mix."""
    scale = [
        max(abs(row.get(name, 0.0)) * weight for row, weight in zip(rows, weights, strict=True))
        for name in names
    ]
    points = [
        [row.get(name, 0.0) * weight / size for name, size in zip(names, scale, strict=True)]
        for row, weight in zip(rows, weights, strict=True)
    ]
    wanted = [cost * weight for cost, weight in zip(costs, weights, strict=True)]
    many = range(len(names))
    matrix = [[sum(p[i] * p[j] for p in points) for j in many] for i in many]
    right = [sum(p[i] * y for p, y in zip(points, wanted, strict=True)) for i in many]
    for i in many:  # a trace of damping: two things that always came together share their cost
        matrix[i][i] += 1e-9
    answer = _eliminate(matrix, right)
    return {name: answer[i] / scale[i] for i, name in enumerate(names)}


def _eliminate(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Gauss, with the largest pivot."""
    size = len(right)
    table = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for column in range(size):
        pivot = max(range(column, size), key=lambda i: abs(table[i][column]))
        table[column], table[pivot] = table[pivot], table[column]
        for below in range(column + 1, size):
            factor = table[below][column] / table[column][column]
            for at in range(column, size + 1):
                table[below][at] -= factor * table[column][at]
    answer = [0.0] * size
    for line in reversed(range(size)):
        known = sum(table[line][at] * answer[at] for at in range(line + 1, size))
        answer[line] = (table[line][size] - known) / table[line][line]
    return answer
