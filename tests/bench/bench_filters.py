"""What a different filter for every watcher costs, beside an equal one for all.

    python -m tests.bench.bench_filters [--watchers 50] [--rounds 7]

One process, no network: batches of 100 encoded events are selected from and joined for as many
watchers, as the hub does. Prints CPU microseconds per event and filter, and for the whole path a
ratio to the equal-filter figure, with all the rest of one delivered event taken as SEND.
`tests/bench/run flood` measures the same through a server. Rounds alternate; medians.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Final

from extdebug.filters.batch import Batch
from extdebug.filters.filter import Filter, FilterParts, Selector, compile_filter
from extdebug.wire.events import Event, Level, Output, encode_json
from extdebug.wire.positions import EntryId

SEND: Final = 0.25  # us per delivered event in frames of 100, uvicorn with a shared tail
EVENTS: Final = 100
BATCHES: Final = 40

Kind = Callable[[int], FilterParts]
KINDS: Final[dict[str, Kind]] = {
    "equal (level, word)": lambda i: {"level": "info", "q": "took="},
    "level, another word each": lambda i: {"level": "info", "q": f"took= -x{i}"},
    "one word, all match": lambda i: {"q": f"worker -zz{i}"},
    "rare word": lambda i: {"q": f"zebra{i}"},
    "request": lambda i: {"request": f"req-{i}"},
    "install, level, stream": lambda i: {
        "installs": [f"inst-{i % 4}"],
        "level": list(Level)[i % 5],
        "streams": [list(Output)[i % 3]],
    },
    "OR of three, NOT": lambda i: {"q": f"(zeb{i} OR timeout OR took) -level:trace"},
    "regex, rare": lambda i: {"q": f"/zeb{i}ra[0-9]+/"},
    "regex, all match": lambda i: {"q": rf"/took=\d+ms(x{i})?/"},
    "field": lambda i: {"q": f"field.ms>={i}"},
    "mixed": lambda i: _mixed(i)[i % 5],
}


def _mixed(i: int) -> list[FilterParts]:
    return [
        {"q": f"took= -x{i}"},
        {"level": "warn", "q": f"customer -y{i}"},
        {"request": f"req-{i}"},
        {"installs": [f"inst-{i % 4}"], "q": f"check -{i}z"},
        {"q": f"/status=[45]\\d\\d{i}/"},
    ]


def sample(first: int) -> list[Event]:
    """A batch as a lively stream has them; no two batches alike."""
    return [
        Event(
            ts="2026-01-01T00:00:00.000Z",
            level=list(Level)[number % 5],
            stream=list(Output)[number % 3],
            message=(
                f"request {number} handled by worker {number % 7} took={number * 3 % 97}ms "
                f"status=200 checkout completed for customer {number * 7919 % 10007}"
            ),
            id=str(EntryId(number, 0)),
            tenant_id="acme",
            extension_id="invoice-sync",
            install_id=f"inst-{number % 4}",
            request_id=f"req-{number % 25}",
            fields={"ms": number, "ok": True} if number % 4 == 0 else None,
        )
        for number in range(first, first + EVENTS)
    ]


def run(
    selectors: Sequence[Selector], batches: Sequence[tuple[Sequence[Event], Sequence[bytes]]]
) -> tuple[float, float, int]:
    """CPU us per event and filter: of selecting alone, of selecting and joining; and delivered."""
    selecting = joining = 0.0
    delivered = 0
    for events, encoded in batches:
        began = time.process_time()
        batch = Batch(events)
        chosen = [selector.select(batch) for selector in selectors]
        selected = time.process_time()
        made: dict[int, bytes] = {}
        for places in chosen:  # as the hub does: an equal choice is joined once, and everything
            key = 0 if len(places) == EVENTS else id(places)
            if key not in made:
                made[key] = b",".join([encoded[place] for place in places])
            delivered += len(places)
        selecting += selected - began
        joining += time.process_time() - began
    evaluated = len(batches) * EVENTS * len(selectors)
    return selecting / evaluated * 1e6, joining / evaluated * 1e6, delivered


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--watchers", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    batches = []
    for number in range(BATCHES):
        events = sample(number * EVENTS)
        batches.append((events, [encode_json(event) for event in events]))
    selectors = {
        name: [compile_filter(Filter.parse(kind(i))) for i in range(options.watchers)]
        for name, kind in KINDS.items()
    }
    figures: dict[str, list[tuple[float, float, int]]] = {name: [] for name in KINDS}
    for _ in range(options.rounds):
        for name in KINDS:
            figures[name].append(run(selectors[name], batches))
    equal = statistics.median(joined for _, joined, _ in figures["equal (level, word)"])
    evaluated = BATCHES * EVENTS * options.watchers
    print(f"{options.watchers} watchers, batches of {EVENTS}; CPU us per event and filter")
    print(f"{'':28}{'select':>8}{'+ join':>8}{'chosen':>8}{'whole path, all delivered':>28}")
    for name, rounds in figures.items():
        select = statistics.median(one for one, _, _ in rounds)
        joined = statistics.median(one for _, one, _ in rounds)
        share = rounds[0][2] / evaluated
        # The same number of delivered events on both sides: what the extra work leaves of it.
        ratio = (SEND + equal) / (SEND + joined)
        print(f"{name:28}{select:8.3f}{joined:8.3f}{share:8.0%}{ratio:27.0%}")


if __name__ == "__main__":
    main()
