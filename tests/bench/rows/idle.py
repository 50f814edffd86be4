"""Idle: what 2,000 sessions on one process cost, how fast they open, and how fast all are cut.

Memory is counted above the server with ten watchers. Ours: the sessions open at once, as after a
restart, then plain SQL suspends their tenant, and the clock runs until the last socket is closed.
The peers have as many watchers who are told nothing; the seed's Redis connections are not counted
in, though Redis pays for them too.
"""

from __future__ import annotations

import time
from typing import Final

from tests.bench.cases import OURS, Case, Row, Sample
from tests.bench.deliveries import forget, frames_for
from tests.bench.peers.peers import Peer, missing, serving
from tests.bench.runs import Run
from tests.bench.stage import TENANT, Stage
from tests.bench.watchers import watch

SESSIONS: Final = 2_000
BASE: Final = 10  # watchers of the server whose memory is the base
OPEN_WITHIN: Final = 300.0  # seconds
CUT_WITHIN: Final = 60.0
SUSPEND: Final = f"UPDATE policies_tenant SET suspended_at = {{when}} WHERE key = '{TENANT}'"


def row(run: Run) -> Row:
    sessions = 100 if run.quick else SESSIONS
    here = [peer for peer in Peer if not missing(peer)]
    left_out = [f"{peer}: {missing(peer)}" for peer in Peer if missing(peer)]

    def case(peer: Peer) -> Case:
        return Case("idle", peer, lambda: idle(run.stage, peer, sessions=sessions))

    return Row([case(peer) for peer in here], left_out=left_out)


def idle(stage: Stage, peer: Peer, *, sessions: int) -> Sample:
    """One server with these sessions, which nobody writes to."""
    forget(stage)
    most = OPEN_WITHIN + CUT_WITHIN
    with (
        serving(stage, peer) as server,
        watch(stage, server, frames_for(peer, BASE), events=1, peer=peer, seconds=most) as first,
    ):
        first.ready(peer)
        time.sleep(1)
        base = server.memory_mb()
        with watch(
            stage, server, frames_for(peer, sessions), events=1, peer=peer, seconds=most
        ) as watching:
            figures = {"idle-open": watching.ready(peer)}
            time.sleep(2)  # a peer goes on opening its own connections
            figures["idle-mb"] = server.memory_mb() - base
            if peer is not OURS:
                return Sample(figures)
            began = time.monotonic()
            stage.sql(SUSPEND.format(when="'2020-01-01 00:00:00'"))
            try:
                closed = watching.counted().closed  # they end with their last connection
                figures["idle-cut"] = time.monotonic() - began
            finally:
                stage.sql(SUSPEND.format(when="NULL"))
    return Sample(figures, "" if closed == sessions else f"{closed} of {sessions} were cut")
