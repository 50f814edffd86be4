"""What 1, 2 and 4 console processes cost, and the costs of one of each thing fitted to that.

    python -m tests.bench.bench_scaling [--keep]

Real processes: redis-server, PostgreSQL, `manage.py serve`, up to 200 watchers of each. What counts
is the CPU time of the processes, so that four of them on one core can be told from one; the clock
on the wall could not. Five to six minutes. Prints what was measured and the fitted costs; `--keep`
writes what was measured into docs/bench, where `simulate_scaling` finds it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.bench.processes import ELSE, keep_to
from tests.bench.record import where
from tests.bench.scaling import observations
from tests.bench.scaling.costs import fits
from tests.bench.scaling.measuring import Fleet, fleet
from tests.bench.scaling.observations import Measured, Openings, Plan, Point
from tests.bench.scaling.tables import costs_table, points_table
from tests.bench.stage import Stage
from tests.bench.watchers import compile_watchers
from tests.fixtures.postgres import PostgresCluster

PROCESSES: Final = (1, 2, 4)
COMERS: Final = 300  # sessions that come to a process at once
# Watchers, events, events a second. Of the last, four processes have too little of their one core:
# they read fuller batches.
PACED: Final = ((1, 600, 200), (5, 450, 150), (20, 180, 60), (50, 75, 25), (20, 1_000, 500))


def plans() -> Iterator[Plan]:
    """Every point: Redis alone, then the same for each number of processes."""
    yield Plan(processes=0, events=60_000)
    yield Plan(processes=0, events=30_000)
    yield Plan(processes=0, events=2_000, rate=1_000)
    yield Plan(processes=0, events=500, rate=250)
    yield Plan(processes=1, watchers=20, events=8_000, filters="equal")
    for processes in PROCESSES:
        for watchers, events in ((1, 20_000), (5, 20_000), (20, 10_000), (50, 8_000)):
            yield Plan(processes=processes, watchers=watchers, events=events)
        for watchers, events in ((20, 8_000), (50, 4_000)):
            yield Plan(processes=processes, watchers=watchers, events=events, filters="own")
        for watchers, events, rate in PACED:
            yield Plan(processes=processes, watchers=watchers, events=events, rate=rate)
        yield Plan(processes=processes, watchers=20, events=120, rate=40, filters="own")
        yield Plan(processes=processes, watchers=1, streams=200, events=20_000)
        yield Plan(processes=processes, watchers=1, streams=200, events=600, rate=200)
        yield Plan(processes=processes, watchers=4, streams=50, events=450, rate=150)


def run(folder: Path) -> Measured:
    """The whole bench, in a folder of its own."""
    with ExitStack() as open_:
        compile_watchers(folder)
        cluster = PostgresCluster()
        open_.callback(cluster.remove)
        url = cluster.start().create_database()
        keep_to(ELSE, cluster.pid)
        stage = Stage(folder, database_url=url)
        open_.callback(stage.close)
        consoles = open_.enter_context(fleet(stage, processes=max(PROCESSES), database=cluster.pid))
        rests = consoles.rests()
        _tell(f"{len(rests)} at rest")
        opened = _openings(consoles)
        return Measured(
            where=where(when="before the first point"),
            date=dt.datetime.now(tz=dt.UTC).date().isoformat(),
            points=[_point(consoles, plan) for plan in plans()], rests=rests, openings=opened,
            event_bytes=consoles.event_bytes(),
        )  # fmt: skip


def _openings(consoles: Fleet) -> list[Openings]:
    found = []
    for processes in PROCESSES:
        found.append(consoles.openings(processes=processes, each=COMERS))
        _tell(f"{found[-1].opened} opened on {processes}: {found[-1].console_cpu:.2f} s of CPU")
    return found


def _point(consoles: Fleet, plan: Plan) -> Point:
    point = consoles.point(plan)
    _tell(f"{plan.said()}: console {point.console_cpu:.3f} s, Redis {point.redis_cpu:.3f} s of CPU")
    return point


def _tell(line: str) -> None:
    print(f"{time.monotonic() - BEGAN:5.0f} s  {line}", file=sys.stderr, flush=True)


BEGAN: Final = time.monotonic()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep", action="store_true", help="write what was measured to docs/bench")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = run(Path(folder))
    print(
        "\n".join(
            ["", *measured.where, "", points_table(measured), "", costs_table(fits(measured))]
        )
    )
    if options.keep:
        print(f"\nkept as {observations.keep(measured)}")


if __name__ == "__main__":
    main()
