"""The tables of measurement and model, as markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tests.bench.scaling.cases import Machines
from tests.bench.scaling.costs import TERMS, Constants
from tests.bench.scaling.fleet import as_it_runs
from tests.bench.scaling.least_squares import Fit
from tests.bench.scaling.observations import Measured
from tests.bench.scaling.prediction import Predicted, errors
from tests.bench.scaling.sizing import CONSOLE, REDIS, Sized, restart


def markdown(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def points_table(measured: Measured) -> str:
    """What each point cost, for one of what it did."""
    lines = []
    for point in measured.points:
        plan, read = point.plan, point.plan.events * point.plan.processes
        lines.append([
            plan.said(),
            f"{point.console_cpu:.2f}",
            _each(point.console_cpu, read),
            _each(point.console_cpu, point.delivered),
            _each(point.redis_cpu, plan.events),
            f"{point.frames:,}",
            f"{point.reads:,}",
        ])  # fmt: skip
    head = (
        "processes x watchers", "console CPU s", "us per event read", "us per delivery",
        "Redis us per event", "frames", "reads",
    )  # fmt: skip
    return markdown(head, lines)


def _each(seconds: float, count: float) -> str:
    return f"{seconds / count * 1e6:,.2f}" if count else ""


def costs_table(found: Mapping[str, Fit]) -> str:
    """The fitted costs, and the error of each resource's fit."""
    lines = []
    for resource, fit in found.items():
        for number, (name, term) in enumerate(TERMS[resource].items()):
            cost = fit.costs.get(name)
            error = (
                f"{fit.typical:.0%}, {fit.nine_in_ten:.0%}, {fit.worst:.0%}" if not number else ""
            )
            value = "not measured" if cost is None else f"{cost * term.factor:,.3g} {term.unit}"
            lines.append([resource if not number else "", term.title, value, error])
    return markdown(("paid by", "for", "cost", "error: median, 9 in 10, worst"), lines)


def errors_table(predicted: Sequence[Predicted]) -> str:
    """How far off the model is for 0, 1, 2 and 4 processes."""
    lines = [
        [
            str(one.processes), str(one.points),
            *map(_worst, (one.counted, one.console, one.redis)),
        ]
        for one in errors(predicted)
    ]  # fmt: skip
    head = (
        "processes", "points", "console CPU, by counted frames", "console CPU, all said",
        "Redis CPU, all said",
    )  # fmt: skip
    return markdown(head, lines)


def _worst(error: tuple[float, float]) -> str:
    return f"{error[0]:.0%}, worst {error[1]:.0%}"


def predicted_table(predicted: Sequence[Predicted]) -> str:
    """Each point beside what the model says of it."""
    lines = [
        [
            one.point.plan.said(),
            f"{one.point.frames:,}", f"{one.frames:,.0f}",
            f"{one.point.console_cpu:.3f}", f"{one.console_cpu:.3f}", f"{one.console_error:+.0%}",
            f"{one.point.redis_cpu:.3f}", f"{one.redis_cpu:.3f}", f"{one.redis_error:+.0%}",
        ]
        for one in predicted
    ]  # fmt: skip
    head = (
        "processes x watchers", "frames", "said", "console CPU s", "said", "error",
        "Redis CPU s", "said", "error",
    )  # fmt: skip
    return markdown(head, lines)


def sizes_table(sized: Sequence[Sized], constants: Constants) -> str:
    """How many processes and shards each load takes, and what of it is full first."""
    head = (
        "load", "processes", "shards", "full first", "reads of an event", "delivered a second",
        "as it runs",
    )  # fmt: skip
    return markdown(head, [_sized(one, constants) for one in sized])


def _sized(sized: Sized, constants: Constants) -> list[str]:
    fleet = sized.fleet
    runs = as_it_runs(fleet.busiest, constants)
    late = "later and later" if runs.late == float("inf") else f"{runs.late * 1e3:,.0f} ms late"
    over = sorted(sized.over, key=lambda name: -fleet.used[name])
    return [
        fleet.case.name,
        _number(sized.processes, over=any(name in CONSOLE for name in sized.over)),
        _number(sized.shards, over=any(name in REDIS for name in sized.over)),
        f"over: {', '.join(over)}" if over else fleet.first,
        _about(sum(one.read for one in fleet.processes) / sum(fleet.written)),
        _about(sum(one.delivered for one in fleet.processes)),
        f"{min(runs.busy, 1):.0%}, {late}",
    ]  # fmt: skip


def used_table(sized: Sequence[Sized]) -> str:
    """How much of each resource these fleets use: the busiest of its kind."""
    lines = [
        [one.fleet.case.name, *(f"{used:,.0%}" for used in one.fleet.used.values())]
        for one in sized
    ]
    return markdown(("load", *sized[0].fleet.used), lines)


def _about(value: float) -> str:
    """Three digits that count."""
    if value >= 1e6:
        return f"{value / 1e6:.3g} million"
    return f"{float(f'{value:.3g}'):,.0f}" if value >= 100 else f"{value:.3g}"


def _number(count: int, *, over: bool) -> str:
    return f"no number suffices ({count:,})" if over else f"{count:,}"


def restarts_table(sized: Sequence[Sized], constants: Constants, machines: Machines) -> str:
    """What the end of one process asks of the others and of the database."""
    lines = []
    for one in sized:
        if any(name in CONSOLE for name in one.over):
            continue
        found = restart(one, constants, machines)
        lines.append([
            one.fleet.case.name, f"{found.sessions:,}", _about(found.by_consoles),
            _about(found.by_database), f"{found.seconds:.2f}", f"{one.fleet.openings:,.1f}",
        ])  # fmt: skip
    head = (
        "load", "sessions of a process", "openings/s, consoles", "openings/s, database",
        "seconds until all are back", "openings/s at other times",
    )  # fmt: skip
    return markdown(head, lines)
