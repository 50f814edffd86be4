"""History: a tail of 20,000 events, and what reading it does to those who watch something live.

One person asks for the whole of a full stream: seconds from asking to the first event and to the
last, and the server's CPU for each. Then four such readers come while 20 people watch another
stream at 500 events/s: the p99 of these people, beside the same without the readers.
"""

from __future__ import annotations

import time
from functools import cache
from typing import Final

from tests.bench.cases import OURS, Case, Row, Sample
from tests.bench.deliveries import deliver, forget, frames_for
from tests.bench.peers.peers import Peer
from tests.bench.publishers import to_redis, xadd
from tests.bench.runs import Run
from tests.bench.stage import TENANT, Stage
from tests.bench.watchers import not_whole, subscribe, watch

TAIL: Final = 20_000  # the most that may be asked for, and the default length of a stream
READERS: Final = 4
WATCHERS: Final = 20
PER_SECOND: Final = 500
SECONDS: Final = 5


def row(run: Run) -> Row:
    events = TAIL // 20 if run.quick else TAIL
    seconds = 1 if run.quick else SECONDS
    stage = run.stage
    return Row([
        Case("history", OURS, lambda: tail(stage, events=events)),
        Case("history-live", OURS, lambda: live(stage, events=events, seconds=seconds, readers=0)),
        Case("history-beside", OURS, lambda: live(
            stage, events=events, seconds=seconds, readers=READERS)),
    ])  # fmt: skip


@cache
def _extension(stage: Stage) -> str:
    """One that nobody else watches; the first of the people develops it."""
    return stage.extensions(1, prefix="history")[0]


def _fill(stage: Stage, events: int) -> str:
    """A stream with this many events; its extension."""
    extension = _extension(stage)
    key = f"ext-debug:{TENANT}:{extension}"
    forget(stage, key)
    template = xadd(key, extension=extension, install=f"inst-{extension}")
    to_redis(stage.redis_port, count=events, templates=[template])
    return extension


def tail(stage: Stage, *, events: int) -> Sample:
    """One server and one reader."""
    extension = _fill(stage, events)
    frame = subscribe(start={"tail": events}, extension=extension)
    with stage.console() as server:
        # A first session pays for what a process does once.
        with watch(stage, server, frames_for(Peer.OURS, 1), events=1) as first:
            first.ready()
        before = server.cpu_seconds()
        with watch(stage, server, [frame], events=events) as watching:
            counted = watching.counted()
        used = server.cpu_seconds() - before
    figures = {
        "history-first": counted.first,
        "history-all": counted.last,
        "history-cpu": used / events * 1e6,
    }
    return Sample(figures, not_whole(counted, published=events))


def live(stage: Stage, *, events: int, seconds: int, readers: int) -> Sample:
    """One server, people who watch live, and readers of another stream's history meanwhile."""
    extension = _fill(stage, events)
    forget(stage)
    frame = subscribe(start={"tail": events}, extension=extension)
    published = PER_SECOND * seconds
    with (
        stage.console() as server,
        watch(stage, server, frames_for(Peer.OURS, WATCHERS), events=published) as watching,
    ):
        watching.ready()
        time.sleep(1)
        if not readers:
            done = deliver(stage, server, watching, events=published, per_second=PER_SECOND)
            return Sample(
                {"history-live-p99": done.counted.p99},
                not_whole(done.counted, published=published),
            )
        with watch(stage, server, [frame] * readers, events=events, people=1) as reading:
            done = deliver(stage, server, watching, events=published, per_second=PER_SECOND)
            read = reading.counted()
    broken = not_whole(done.counted, published=published) or not_whole(read, published=events)
    return Sample({"history-beside-p99": done.counted.p99}, broken)
