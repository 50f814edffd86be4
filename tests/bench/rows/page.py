"""Page: Chromium on the running console, 5,000 lines a second for 60 s, 50,000 lines kept.

The longest turn of the page's main thread in CPU time, how many took over 50 ms, and what the page
keeps, for somebody who follows the newest line and for one who reads by requests. bench_page has
more ways to read, and says how a turn is measured.
"""

from __future__ import annotations

import asyncio
from typing import Final

from tests.bench.bench_page import KEPT, Console, Figures
from tests.bench.bench_page import run as run_cases
from tests.bench.cases import OURS, Case, Row, Sample
from tests.bench.runs import Run
from tests.bench.stage import Stage
from tests.fixtures.programs import CHROMIUM_NAMES, find

WAYS: Final = ("lines", "requests")
SECONDS: Final = 60.0
PER_SECOND: Final = 5_000


def row(run: Run) -> Row:
    if find(*CHROMIUM_NAMES) is None:
        return Row([], left_out=["page: Chromium is not installed"])
    seconds = 3.0 if run.quick else SECONDS

    def case(way: str) -> Case:
        return Case(f"page-{way}", OURS, lambda: page(run.stage, way=way, seconds=seconds))

    return Row([case(way) for way in WAYS])


def page(stage: Stage, *, way: str, seconds: float) -> Sample:
    """One console, one browser and one way to read."""
    with stage.console() as server:
        url = f"http://127.0.0.1:{server.port}"
        at = Console(url, stage.people[0].cookie, stage.redis_url)
        figures = asyncio.run(run_cases(at, [way], seconds, PER_SECOND))[way]
    return sample_of(way, figures)


def sample_of(way: str, figures: Figures) -> Sample:
    """Its figures; not whole if an event is neither shown nor in a gap, or one less is kept."""
    broken = ""
    kept = min(KEPT, figures.told - sum(figures.lost.values()))
    if not figures.whole:
        broken = f"{figures.told} of {figures.published} lines shown or told as gaps"
    elif figures.lines < kept:
        broken = f"{figures.lines} lines kept of {kept}"
    return Sample(
        {
            f"page-{way}-longest": figures.longest,
            f"page-{way}-over": figures.over,
            f"page-{way}-heap": figures.heap_mb,
        },
        broken,
    )
