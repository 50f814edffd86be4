"""The loads of docs/scaling.md, and the machines they run on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from extdebug.runner.declared import RATE, REDIS_MAXLEN
from extdebug.runner.publish.outgoing import BATCH_EVENTS
from policies.decisions.facts import SessionLimits

LIMITS: Final = SessionLimits()
CONNECTIONS: Final = 21  # of a console process to PostgreSQL, at most: docs/operations.md


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A load. Watchers and events fall on the streams by Zipf's law; `skew` 0: equally.

    `late`: how long after it was written a line may be shown. Consoles and runners may gather for
    that long; they do so when they have no time for less.

    `together`: the busiest stream is also the most watched; else which is busy is shuffled.
    `passing` is the share of a stream's events that a watcher's filter lets through, `own_filters`
    whether each watcher has one of their own.
    """

    name: str
    watchers: int
    events: float  # a second
    streams: int
    watcher_skew: float = 1.0
    event_skew: float = 0.7
    together: bool = False
    passing: float = 1.0
    own_filters: bool = False
    late: float = 0.1  # seconds
    by_stream: bool = False  # a balancer keeps watchers of a stream together, as none can today
    runner_events: float = 500.0  # a second, of one runner to one shard's bucket
    most_of_a_stream: float = 10 * RATE.default  # ten runners of one extension at their limit
    session_minutes: float = 30.0
    retention: float = 900.0  # seconds
    kept: int = REDIS_MAXLEN.default
    limit: float = LIMITS.events_per_second  # shown to one watcher in a second

    @property
    def reads(self) -> float:
        """A second, of one tail."""
        return 1 / self.late

    @property
    def in_one_write(self) -> float:
        """Events of one batch of a runner."""
        return min(BATCH_EVENTS, max(1.0, self.runner_events * self.late))


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """What there is of each kind. A Redis shard works on one core, a console process too."""

    cores: int = 8  # of a node of consoles, one process on each
    memory_mib: float = 1024  # of a process, as deploy/kubernetes limits it
    node_gbit: float = 10
    shard_gib: float = 32
    shard_gbit: float = 10
    database_cores: int = 8
    database_connections: int = 1_000
    trail_rows: float = 1_700  # a second: one writer at a time, docs/decisions/0010


HUNDRED: Final = Case(name="100 watchers, 1,000 events/s", watchers=100, events=1_000, streams=50)
THOUSANDS: Final = Case(
    name="2,000 watchers, 20,000 events/s", watchers=2_000, events=20_000, streams=1_000
)
TENTH: Final = Case(
    name="10,000 watchers, 100,000 events/s", watchers=10_000, events=100_000, streams=5_000
)
THIRD: Final = Case(
    name="30,000 watchers, 300,000 events/s", watchers=30_000, events=300_000, streams=10_000
)
MILLION: Final = Case(
    name="100,000 watchers, 1,000,000 events/s", watchers=100_000, events=1e6, streams=20_000
)
TOGETHER: Final = replace(
    MILLION, name="100,000 and 1,000,000, the busiest are the most watched", together=True
)
GATHERED: Final = replace(
    MILLION, name="100,000 and 1,000,000, watchers of a stream together", by_stream=True
)
ONE_STREAM: Final = Case(
    name="100,000 watchers of one stream, 2,000 events/s", watchers=100_000, events=RATE.default,
    streams=1,
)  # fmt: skip
ALL_IN_ONE: Final = replace(
    ONE_STREAM, name="100,000 watchers of one stream, 1,000,000 events/s", events=1e6,
    most_of_a_stream=1e6,
)  # fmt: skip
CASES: Final = (
    HUNDRED, THOUSANDS, TENTH, THIRD, MILLION, TOGETHER, GATHERED, ONE_STREAM, ALL_IN_ONE,
)  # fmt: skip
