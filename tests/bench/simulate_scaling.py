"""Places loads on processes and shards with the costs that `bench_scaling` measured.

    python -m tests.bench.simulate_scaling [--from FILE] [--watchers N --events N --streams N ...]

Without a load: the fitted costs, what the model says of the measured points, and the cases of
docs/scaling.md; a minute or two. With one (`--watchers`): how many processes and shards it takes,
and what saturates first. No server is started.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.bench.scaling import tables
from tests.bench.scaling.cases import CASES, Case, Machines
from tests.bench.scaling.costs import constants_of, fits
from tests.bench.scaling.observations import load
from tests.bench.scaling.prediction import predict
from tests.bench.scaling.sizing import size


def main() -> None:
    options = _options()
    measured = load(options.file)
    found = fits(measured)
    constants = constants_of(found, event_bytes=measured.event_bytes)
    machines = Machines()
    if options.watchers:
        case = Case(
            name="this load", watchers=options.watchers, events=options.events,
            streams=options.streams, watcher_skew=options.watcher_skew,
            event_skew=options.event_skew, together=options.together, passing=options.passing,
            own_filters=options.own_filters, late=options.late,
            by_stream=options.by_stream,
        )  # fmt: skip
        one = [size(case, constants, machines)]
        print(f"{tables.sizes_table(one, constants)}\n\n{tables.used_table(one)}")
        return
    predicted = [predict(point, constants) for point in measured.points]
    sized = [size(case, constants, machines) for case in CASES]
    parts = (
        "\n".join(measured.where),
        "## Costs",
        tables.costs_table(found),
        "## Predicted and measured",
        tables.errors_table(predicted),
        tables.predicted_table(predicted),
        "## Cases",
        tables.sizes_table(sized, constants),
        tables.used_table(sized),
        "## A rolling restart",
        tables.restarts_table(sized, constants, machines),
    )
    print("\n\n".join(parts))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--from", dest="file", type=Path, help="a run of the bench; the newest")
    parser.add_argument("--watchers", type=int, help="how many; the other options say of what")
    parser.add_argument("--events", type=float, default=1_000, help="a second, of all streams")
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--watcher-skew", type=float, default=1.0, help="of Zipf's law; 0: equal")
    parser.add_argument("--event-skew", type=float, default=0.7)
    parser.add_argument("--together", action="store_true", help="the busiest is the most watched")
    parser.add_argument("--passing", type=float, default=1.0, help="share that filters let through")
    parser.add_argument("--own-filters", action="store_true", help="a filter for each watcher")
    parser.add_argument("--late", type=float, default=0.1, help="seconds a line may be shown late")
    parser.add_argument("--by-stream", action="store_true", help="watchers of a stream together")
    return parser.parse_args()


if __name__ == "__main__":
    main()
