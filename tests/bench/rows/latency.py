"""Latency: 500 events in each second to 20 watchers, from the publisher's stamp to the watcher.

An idle server must show an event at once, and must not spend a core on doing so: beside p50 and
p99 the row has the server's CPU for each delivered event. Bare uvicorn sends each event by itself.
"""

from __future__ import annotations

import time
from typing import Final

from tests.bench.cases import Case, Row, Sample
from tests.bench.deliveries import deliver, forget, frames_for
from tests.bench.peers.peers import Peer, missing, serving
from tests.bench.runs import Run
from tests.bench.watchers import not_whole, watch

WATCHERS: Final = 20
PER_SECOND: Final = 500
EVENTS: Final = 2_500


def row(run: Run) -> Row:
    events = EVENTS // 5 if run.quick else EVENTS
    cases = [_case(run, peer, events) for peer in Peer if not missing(peer)]
    left_out = [f"{peer}: {missing(peer)}" for peer in Peer if missing(peer)]
    return Row(cases, rounds=5, left_out=left_out)


def _case(run: Run, peer: Peer, events: int) -> Case:
    return Case("latency", peer, lambda: latency(run, peer, events=events))


def latency(run: Run, peer: Peer, *, events: int) -> Sample:
    """One server, its watchers, and events at a steady rate."""
    stage = run.stage
    forget(stage)
    with (
        serving(stage, peer, frame=1) as server,
        watch(stage, server, frames_for(peer, WATCHERS), events=events, peer=peer) as watching,
    ):
        watching.ready(peer)
        time.sleep(1)  # a peer does not say when its watchers are ready
        done = deliver(stage, server, watching, events=events, peer=peer, per_second=PER_SECOND)
    figures = {
        "latency-p50": done.counted.p50,
        "latency-p99": done.counted.p99,
        "latency-cpu": done.cpu_us,
    }
    return Sample(figures, not_whole(done.counted, published=events))
