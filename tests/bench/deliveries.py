"""One delivery: events published to the watchers of a running server, what came, and its CPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.peers.peers import Peer
from tests.bench.publishers import Template, to_nchan, to_redis
from tests.bench.stage import STREAM, Server, Stage
from tests.bench.watchers import SILENT, Counted, Watchers, subscribe


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the watchers counted, and the server's CPU seconds from the first publish to the end."""

    counted: Counted
    cpu_seconds: float

    @property
    def cpu_us(self) -> float:
        """For each delivered event."""
        return self.cpu_seconds / max(self.counted.events, 1) * 1e6

    @property
    def rate(self) -> float:
        """Delivered events per second, between the first and the last."""
        return self.counted.events / max(self.counted.seconds, 1e-6)


def frames_for(peer: Peer, count: int) -> list[str]:
    """First frames of `count` watchers: subscriptions to the bench's stream, or nothing to say."""
    return [subscribe() if peer is Peer.OURS else SILENT] * count


def forget(stage: Stage, *streams: str) -> None:
    """Empty the bench's stream, or these: events are numbered from 0 in each round."""
    with stage.client() as client:
        client.delete(*(streams or (STREAM,)))


def deliver(
    stage: Stage,
    server: Server,
    watching: Watchers,
    *,
    events: int,
    peer: Peer = Peer.OURS,
    per_second: float | None = None,
    templates: Sequence[Template] = (),
) -> Delivery:
    """Publish `events` and wait until the watchers have them or their time is up."""
    before = server.cpu_seconds()
    if peer is Peer.NCHAN:
        to_nchan(server.port, count=events, per_second=per_second)
    else:
        to_redis(stage.redis_port, count=events, per_second=per_second, templates=templates)
    counted = watching.counted()
    return Delivery(counted, server.cpu_seconds() - before)
