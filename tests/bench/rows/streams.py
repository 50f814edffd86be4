"""Streams: 1,000 streams watched by one process, each by one person.

First nothing happens: the CPU that looking after them costs. Then 500 events a second go round all
of them: what an event costs above that, each in a stream of its own, where nothing is shared.
"""

from __future__ import annotations

import time
from functools import cache
from typing import Final

from tests.bench.cases import OURS, Case, Row, Sample
from tests.bench.deliveries import deliver, forget
from tests.bench.publishers import xadd
from tests.bench.runs import Run
from tests.bench.stage import TENANT, Stage
from tests.bench.watchers import not_whole, subscribe, watch

STREAMS: Final = 1_000
PER_SECOND: Final = 500
EACH: Final = 3  # events of each stream
IDLE_SECONDS: Final = 10.0
AT_ONCE: Final = 20  # openings at a time: how many come at once is another row
SETTLE: Final = 3.0  # seconds for the work of opening to end


def row(run: Run) -> Row:
    count = 50 if run.quick else STREAMS
    return Row([Case("streams", OURS, lambda: streams(run.stage, count=count))])


@cache
def _extensions(stage: Stage, count: int) -> list[str]:
    return stage.extensions(count)


def streams(stage: Stage, *, count: int) -> Sample:
    """One server, and a watcher for each stream."""
    extensions = _extensions(stage, count)
    keys = [f"ext-debug:{TENANT}:{extension}" for extension in extensions]
    forget(stage, *keys)
    templates = [
        xadd(key, extension=extension, install=f"inst-{extension}")
        for key, extension in zip(keys, extensions, strict=True)
    ]
    frames = [subscribe(extension=extension) for extension in extensions]
    with (
        stage.console() as server,
        watch(stage, server, frames, events=EACH, at_once=AT_ONCE, seconds=240) as watching,
    ):
        watching.ready()
        time.sleep(SETTLE)
        before = server.cpu_seconds()
        time.sleep(IDLE_SECONDS)
        idle = (server.cpu_seconds() - before) / IDLE_SECONDS
        began = time.monotonic()
        done = deliver(
            stage, server, watching, events=EACH * count, per_second=PER_SECOND,
            templates=templates,
        )  # fmt: skip
        above = done.cpu_seconds - idle * (time.monotonic() - began)
    figures = {
        "streams-idle": idle * 100,
        "streams-event": above / (EACH * count) * 1e6,
        "streams-p99": done.counted.p99,
    }
    return Sample(figures, not_whole(done.counted, published=EACH))
