"""How one watched stream does: what operators see of it, from its reader's last snapshot."""

from __future__ import annotations

import msgspec

from extdebug.hub.watched_stream import WatchedStream
from extdebug.wire.keys import Target


class StreamHealth(msgspec.Struct, frozen=True):
    """Ages are milliseconds; None: not known (no reading yet, or a stream without an index)."""

    target: Target
    watchers: int
    problem: str
    length: int
    backlog: int | None
    lag_ms: int | None
    retention_ms: int | None
    entries: int
    delivered: int
    lost: dict[str, int]


def health_of(watched: WatchedStream, *, problem: str, now_ms: float) -> StreamHealth:
    """From the stream's last snapshot, at most six seconds old."""
    snapshot, at = watched.snapshot, watched.account.at if watched.account else None
    index = at.index if at else None
    backlog = lag = retention = None
    if snapshot is not None:
        backlog = None if index is None else max(0, snapshot.added - index)
        lag = int(now_ms - at.id.ms) if at and backlog else 0
        retention = int(now_ms - snapshot.first.ms) if snapshot.first else None
    return StreamHealth(
        target=watched.target,
        watchers=watched.subscribers,
        problem=problem,
        length=snapshot.length if snapshot else 0,
        backlog=backlog,
        lag_ms=lag,
        retention_ms=retention,
        entries=watched.counts.entries,
        delivered=watched.counts.delivered,
        lost={reason.value: count for reason, count in watched.counts.lost.items()},
    )
