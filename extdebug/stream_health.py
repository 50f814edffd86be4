"""One watched stream as operators see it: how far behind, how far back, what was lost."""

from __future__ import annotations

from dataclasses import dataclass

from extdebug.watch import Watch
from extdebug.wire.keys import Target


@dataclass(frozen=True, slots=True)
class StreamHealth:
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


def health_of(watch: Watch, *, problem: str, now_ms: float) -> StreamHealth:
    """From the watch's last snapshot, at most two seconds old."""
    snapshot, account = watch.snapshot, watch.account
    index = account.index if account else None
    backlog = lag = retention = None
    if snapshot is not None:
        backlog = None if index is None else max(0, snapshot.added - index)
        lag = int(now_ms - account.cursor.ms) if account and backlog else 0
        retention = int(now_ms - snapshot.first.ms) if snapshot.first else None
    return StreamHealth(
        target=watch.target,
        watchers=watch.subscribers,
        problem=problem,
        length=snapshot.length if snapshot else 0,
        backlog=backlog,
        lag_ms=lag,
        retention_ms=retention,
        entries=watch.counts.entries,
        delivered=watch.counts.delivered,
        lost={reason.value: count for reason, count in watch.counts.lost.items()},
    )
