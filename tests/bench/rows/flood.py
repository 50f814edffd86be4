"""Flood: as many events as the server takes, to 10, 50 and 200 watchers of one stream.

All events are published at once; the rate counts the watchers' events between the first and the
last of them. The peers get the same events and the same watchers. Ours is measured a second time
with 50 different filters (each lets everything through, so that the work is the evaluating), and
so is bare uvicorn. The seed's design gets fewer events, because it needs so much longer for them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from tests.bench.cases import OURS, Case, Round, Row, Sample
from tests.bench.deliveries import deliver, forget, frames_for
from tests.bench.peers.peers import Peer, missing, serving
from tests.bench.runs import Run
from tests.bench.watchers import not_whole, subscribe, watch

WATCHERS: Final = (10, 50, 200)
EVENTS: Final = {10: 30_000, 50: 20_000, 200: 10_000}
SEED_DELIVERED: Final = 60_000  # events of all its watchers together
DIFFERENT: Final = 50  # watchers with a filter of their own
QUICK: Final = 20  # times fewer events


def row(run: Run) -> Row:
    here = [peer for peer in Peer if not missing(peer)]
    left_out = [f"{peer}: {missing(peer)}" for peer in Peer if missing(peer)]
    cases = []
    for watchers in WATCHERS:
        cases += [flood_case(run, peer, watchers=watchers) for peer in here]
        if watchers == DIFFERENT:
            cases.append(flood_case(run, OURS, watchers=watchers, different=True))
            cases.append(flood_case(run, Peer.UVICORN, watchers=watchers, different=True))
    return Row(cases, rounds=3, derived=derived, left_out=left_out)


def flood_case(run: Run, peer: Peer, *, watchers: int, different: bool = False) -> Case:
    name = "flood-different" if different else f"flood-{watchers}"
    events = SEED_DELIVERED // watchers if peer is Peer.SEED else EVENTS[watchers]
    if run.quick:
        events = max(100, events // QUICK)
    events -= events % 100  # Nchan's messages are whole

    def measure() -> Sample:
        return flood(run, peer, name=name, watchers=watchers, events=events)

    return Case(name, peer, measure)


def flood(run: Run, peer: Peer, *, name: str, watchers: int, events: int) -> Sample:
    """One server, its watchers, and all events at once."""
    different = name == "flood-different"
    stage = run.stage
    forget(stage)
    frames = frames_for(peer, watchers)
    path = ""
    if different and peer is OURS:
        frames = [subscribe(words=f'-"nothing {number}"') for number in range(watchers)]
    elif different:
        path = "/different"
    with (
        serving(stage, peer) as server,
        watch(stage, server, frames, events=events, peer=peer, path=path) as watching,
    ):
        watching.ready(peer)
        time.sleep(1 + watchers / 200)  # a peer does not say when its watchers are ready
        done = deliver(stage, server, watching, events=events, peer=peer)
    figures = {name: done.rate}
    if not different:
        figures[f"cpu-of-{watchers}"] = done.cpu_us
    if name == "flood-50":
        figures["flood-cpu"] = done.cpu_us
    if peer is OURS:
        figures[f"gaps-of-{name}"] = done.counted.missed
    return Sample(figures, not_whole(done.counted, published=events))


def derived(values: Round) -> Mapping[str, float]:
    """What one more watcher costs, between the fewest and the most; all events told as gaps."""
    found: dict[str, float] = {}
    few, many = min(WATCHERS), max(WATCHERS)
    least, greatest = values.get((f"cpu-of-{few}", OURS)), values.get((f"cpu-of-{many}", OURS))
    if least is not None and greatest is not None:
        found["flood-marginal"] = (greatest * many - least * few) / (many - few)
    gaps = [value for (key, _), value in values.items() if key.startswith("gaps-of-")]
    if gaps:
        found["flood-gaps"] = sum(gaps)
    return found
