"""Judges the rounds of a run: medians, the noise between rounds, and whether each goal is met.

A figure is the median of its rounds; a ratio is the median of the rounds' own ratios, so that what
slows one round slows both sides. The stated noise is half the range between the quartiles of the
rounds, relative to the median, and at least 3 %. A goal is missed only by more than that.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tests.bench.cases import OURS, Round
from tests.bench.goals import Figure, Goal
from tests.bench.peers.peers import Peer

LEAST_NOISE: Final = 0.03
LEAST_ROUNDS: Final = 3  # fewer have no spread to speak of


class Outcome(StrEnum):
    MET = "met"
    WITHIN_NOISE = "within noise"
    MISSED = "MISSED"
    NOT_JUDGED = "not judged"  # too few rounds
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Measure:
    """A median, and its noise as a share of it."""

    median: float
    noise: float
    rounds: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal, what was measured against it, and what that means."""

    goal: Goal
    measure: Measure | None
    outcome: Outcome


def measure_of(values: Sequence[float]) -> Measure | None:
    """Median and noise of the rounds; None without any."""
    if not values:
        return None
    median = statistics.median(values)
    if len(values) < 2 or not median:
        return Measure(median, LEAST_NOISE, len(values))
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return Measure(median, max(LEAST_NOISE, (high - low) / 2 / abs(median)), len(values))


def values_of(rounds: Sequence[Round], key: str, who: Peer = OURS) -> list[float]:
    return [values[key, who] for values in rounds if (key, who) in values]


def ratios(rounds: Sequence[Round], key: str, per: Peer | str) -> list[float]:
    """Ours divided by `per`, in each round that has both."""
    other = (key, per) if isinstance(per, Peer) else (per, OURS)
    return [
        values[key, OURS] / values[other]
        for values in rounds
        if (key, OURS) in values and values.get(other)
    ]


def judge(figure: Figure, goal: Goal, rounds: Sequence[Round]) -> Verdict:
    """What these rounds say about this goal of this figure."""
    if goal.per is None:
        measure = measure_of(values_of(rounds, figure.key))
    else:
        measure = measure_of(ratios(rounds, figure.key, goal.per))
    if measure is None:
        return Verdict(goal, None, Outcome.NOT_MEASURED)
    met = measure.median >= goal.limit if goal.high else measure.median <= goal.limit
    if measure.rounds < LEAST_ROUNDS:
        outcome = Outcome.NOT_JUDGED
    elif met:
        outcome = Outcome.MET
    else:
        room = abs(goal.limit) * measure.noise
        short = goal.limit - measure.median if goal.high else measure.median - goal.limit
        outcome = Outcome.MISSED if short > room else Outcome.WITHIN_NOISE
    return Verdict(goal, measure, outcome)


def verdicts(figure: Figure, rounds: Sequence[Round]) -> list[Verdict]:
    return [judge(figure, goal, rounds) for goal in figure.goals]
