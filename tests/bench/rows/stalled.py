"""Stalled: watchers who stop reading, among healthy ones.

20 people watch at 500 events/s, with and without 20 more who never read again once they are live.
The healthy ones' p99 beside each other, and the server's memory for each who stalls, after more was
published than it may keep for them.
"""

from __future__ import annotations

import time
from typing import Final

from tests.bench.cases import OURS, Case, Row, Sample
from tests.bench.deliveries import deliver, forget, frames_for
from tests.bench.peers.peers import Peer
from tests.bench.runs import Run
from tests.bench.stage import Stage
from tests.bench.watchers import not_whole, subscribe, watch

HEALTHY: Final = 20
STALLED: Final = 20
PER_SECOND: Final = 500
EVENTS: Final = 5_000  # 2 MB to each: several times a session's window and ring


def row(run: Run) -> Row:
    events = 500 if run.quick else EVENTS
    return Row([
        Case("stalled-none", OURS, lambda: stalled(run.stage, stalling=0, events=events)),
        Case("stalled", OURS, lambda: stalled(run.stage, stalling=STALLED, events=events)),
    ])  # fmt: skip


def stalled(stage: Stage, *, stalling: int, events: int) -> Sample:
    """One server, those who read and those who do not."""
    forget(stage)
    frames = frames_for(Peer.OURS, HEALTHY) + [f"!{subscribe()}"] * stalling
    with stage.console() as server, watch(stage, server, frames, events=events) as watching:
        watching.ready()
        time.sleep(1)
        before = server.memory_mb()
        done = deliver(stage, server, watching, events=events, per_second=PER_SECOND)
        grown = server.memory_mb() - before
    figures = {f"stalled-{'p99' if stalling else 'none-p99'}": done.counted.p99}
    if stalling:
        figures["stalled-mb"] = grown / stalling
    return Sample(figures, not_whole(done.counted, published=events))
