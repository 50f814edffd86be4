"""A run of the bench becomes costs, and the costs say again what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.bench.bench_scaling import PROCESSES, plans
from tests.bench.scaling.costs import TERMS, amounts, constants_of, fits, only
from tests.bench.scaling.least_squares import total
from tests.bench.scaling.observations import (
    Measured,
    Openings,
    Plan,
    Point,
    Rest,
    keep,
    load,
)
from tests.bench.scaling.prediction import errors, predict
from tests.bench.scaling.tables import costs_table, errors_table, points_table, predicted_table
from tests.bench.scaling.test_fleet import CONSTANTS

KNOWN: Final = CONSTANTS.costs


def made_up() -> Measured:
    """What the bench would measure where the costs are those of CONSTANTS, to the digit."""
    points = []
    for plan in plans():
        # As often as something comes; a tenth of the reads find nothing.
        each = plan.processes * plan.watchers * plan.events
        frames = each / 100 if plan.rate is None else each
        reads = plan.processes * plan.events / (480 if plan.rate is None else 0.9)
        seconds = plan.events / (plan.rate or 20_000)
        row = amounts(plan, seconds=seconds, frames=frames, reads=reads)

        def cost(resource: str, row=row) -> float:
            return total(KNOWN[resource], only(resource, row))

        points.append(
            Point(
                plan=plan, seconds=seconds, delivered=each, frames=round(frames),
                reads=round(reads), console_cpu=cost("console"),
                console_bytes=round(cost("console out")), redis_cpu=cost("redis"),
                redis_in=round(cost("redis in")), redis_out=round(cost("redis out")),
            )
        )  # fmt: skip
    return Measured(
        where=["- machine: none"], date="2026-01-02", points=points, event_bytes=500.0,
        rests=[rest(n, streams=s) for n, s in ((0, 0), (100, 1), (400, 1), (600, 201), (800, 401))],
        openings=[openings(n) for n in PROCESSES],
    )  # fmt: skip


def rest(watchers: int, *, streams: int) -> Rest:
    row = {
        "server": 6.0, "process": 6.0, "serving": 6.0 if watchers else 0.0,
        "watcher": 6.0 * watchers, "stream": 6.0 * streams,
    }  # fmt: skip
    memory = {name: amount / 6 for name, amount in row.items()}
    return Rest(
        watchers=watchers, streams=streams, seconds=6,
        memory=total(KNOWN["memory"], only("memory", memory)),
        console_cpu=total(KNOWN["console"], only("console", row)),
        redis_cpu=total(KNOWN["redis"], only("redis", row)),
        database_cpu=total(KNOWN["database"], only("database", row)),
    )  # fmt: skip


def openings(processes: int) -> Openings:
    opened, seconds = 300 * processes, 2.0 * processes
    row = {"opening": opened, "process": processes * seconds}
    return Openings(
        processes=processes, opened=opened, seconds=seconds,
        console_cpu=total(KNOWN["opening"], only("opening", row)),
        database_cpu=total(KNOWN["database"], only("database", row)),
    )  # fmt: skip


@pytest.fixture(scope="module")
def measured() -> Measured:
    return made_up()


@pytest.mark.parametrize("resource", TERMS)
def test_known_costs_are_found_in_what_they_made(resource: str, measured: Measured):
    """Frames and reads are whole numbers in a measurement: that is the error that is granted."""
    found = fits(measured)[resource]

    assert not found.missing
    assert found.costs == pytest.approx(KNOWN[resource], rel=0.05)
    assert found.typical < 0.01


def test_the_model_says_a_flood_as_it_was_made(measured: Measured):
    constants = constants_of(fits(measured), event_bytes=measured.event_bytes)
    floods = [one for one in measured.points if one.plan.rate is None and one.plan.streams == 1]
    said = [predict(point, constants) for point in floods if point.plan.processes]

    assert len(said) > 10
    assert max(abs(one.console_error) for one in said) < 0.05
    assert max(abs(one.redis_error) for one in said) < 0.1


def test_errors_are_told_for_each_number_of_processes(measured: Measured):
    constants = constants_of(fits(measured), event_bytes=measured.event_bytes)
    said = [predict(point, constants) for point in measured.points]
    found = errors(said)

    assert [one.processes for one in found] == [0, *PROCESSES]
    assert sum(one.points for one in found) == len(measured.points)
    assert errors_table(said).count("\n") == 1 + len(found)
    assert predicted_table(said).count("\n") == 1 + len(said)


def test_a_run_is_kept_and_the_newest_is_taken(measured: Measured, tmp_path: Path):
    path = keep(measured, folder=tmp_path)

    assert path.name == "scaling-2026-01-02.json"
    assert load(path) == measured
    assert len(path.read_text().splitlines()) > len(measured.points)  # a line for each


def test_every_point_is_in_the_table(measured: Measured):
    table = points_table(measured)
    assert table.count("\n") == 1 + len(measured.points)
    assert "| 4 x 50, flood, own filters |" in table


def test_what_was_not_measured_is_written_so(measured: Measured):
    found = fits(measured)
    assert "not measured" not in costs_table(found)

    without = [one for one in measured.points if one.plan.filters == "none"]
    fewer = Measured(
        where=measured.where, date=measured.date, points=without, rests=measured.rests,
        openings=measured.openings, event_bytes=500.0,
    )  # fmt: skip
    assert "a filter with a word | not measured |" in costs_table(fits(fewer))


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (Plan(processes=2, watchers=20, events=8_000), "2 x 20, flood"),
        (Plan(processes=1, watchers=5, events=10, rate=1_500), "1 x 5, 1,500/s"),
        (
            Plan(processes=4, watchers=1, streams=200, events=1, filters="own"),
            "4 x 1 x 200 streams, flood, own filters",
        ),
    ],
)
def test_a_plan_is_said_in_a_few_words(plan: Plan, said: str):
    assert plan.said() == said


def test_own_filters_are_as_many_searches_and_selections_as_watchers():
    plan = Plan(processes=1, watchers=7, filters="own")
    assert (plan.searches, plan.selections) == (7, 7)
    assert Plan(processes=1, watchers=7, filters="equal").searches == 1
    assert Plan(processes=1, watchers=7).selections == 1
