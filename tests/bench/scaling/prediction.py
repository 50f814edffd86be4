"""What the whole model says of the points that were measured, with nothing of them but their plan.

`costs` are fitted to counted frames and reads. Here those are predicted too, as in a simulation, so
that the error is that of all of it.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from extdebug.hub.selection import FRAME_EVENTS
from extdebug.hub.tail import MOST_KEYS
from tests.bench.scaling.batching import Watched, frames_each, reads_per_second
from tests.bench.scaling.costs import Constants, amounts, only, row_of
from tests.bench.scaling.least_squares import total
from tests.bench.scaling.observations import Plan, Point

ONE_REPLY: Final = 2_000  # entries, as `Tail` divides them over its streams
ONE_STREAM: Final = 500


@dataclass(frozen=True, slots=True)
class Predicted:
    """A point beside what the model says of it; CPU in seconds, errors relative.

    `counted` is the console's CPU by the frames and reads that were counted, with those of the plan
    in all the others.
    """

    point: Point
    console_cpu: float
    redis_cpu: float
    frames: float
    counted: float

    @property
    def console_error(self) -> float:
        return self.console_cpu / self.point.console_cpu - 1 if self.point.console_cpu else 0.0

    @property
    def counted_error(self) -> float:
        return self.counted / self.point.console_cpu - 1 if self.point.console_cpu else 0.0

    @property
    def redis_error(self) -> float:
        return self.redis_cpu / self.point.redis_cpu - 1


def predict(point: Point, constants: Constants) -> Predicted:
    """All of a point from its plan. The processes share one core, as they did."""
    plan = point.plan
    seconds, frames, reads = point.seconds, 0.0, 0.0
    if plan.processes and plan.rate is None:
        frames, reads = _flood(plan)
    elif plan.processes and plan.rate is not None:
        seconds = plan.events / plan.rate
        frames, reads = _paced(plan, plan.rate, constants, seconds=seconds)
    row = amounts(plan, seconds=seconds, frames=frames, reads=reads)
    costs = constants.costs
    counted = total(costs["console"], only("console", row_of(point)))
    return Predicted(
        point, total(costs["console"], only("console", row)) if plan.processes else 0.0,
        total(costs["redis"], only("redis", row)), frames, counted,
    )  # fmt: skip


def _flood(plan: Plan) -> tuple[float, float]:
    """Full replies and full frames. A stream whose reply was full is read again by itself."""
    one_key = min(ONE_STREAM, max(20, ONE_REPLY // plan.streams))
    each = plan.events / plan.streams
    frames = plan.processes * plan.streams * plan.watchers * each / min(one_key, FRAME_EVENTS)
    return frames, plan.processes * plan.streams * each / one_key


def _paced(plan: Plan, rate: float, constants: Constants, *, seconds: float) -> tuple[float, float]:
    """As often as the tails get to it."""
    each = rate / plan.streams
    stream = Watched(
        watchers=plan.watchers, events=each, matching=each, shown=each, searches=plan.searches,
        selections=plan.selections,
    )  # fmt: skip
    tails = [
        [stream] * min(MOST_KEYS, plan.streams - first)
        for first in range(0, plan.streams, MOST_KEYS)
    ]
    reads = reads_per_second(constants.costs["console"], tails, share=1 / plan.processes)
    frames = sum(
        len(tail) * plan.watchers * frames_each(stream, often)
        for tail, often in zip(tails, reads, strict=True)
    )
    return plan.processes * frames * seconds, plan.processes * sum(reads) * seconds


@dataclass(frozen=True, slots=True)
class Errors:
    """Of the points with one number of processes: medians and the worst of the errors' sizes."""

    processes: int
    points: int
    counted: tuple[float, float]
    console: tuple[float, float]
    redis: tuple[float, float]


def errors(predicted: Sequence[Predicted]) -> list[Errors]:
    """How far off the model is, for each number of processes."""
    found = []
    for processes in sorted({one.point.plan.processes for one in predicted}):
        some = [one for one in predicted if one.point.plan.processes == processes]
        counted = [abs(one.counted_error) for one in some]
        console = [abs(one.console_error) for one in some]
        redis = [abs(one.redis_error) for one in some]
        found.append(Errors(processes, len(some), _sizes(counted), _sizes(console), _sizes(redis)))
    return found


def _sizes(errors: Sequence[float]) -> tuple[float, float]:
    return statistics.median(errors), max(errors)
