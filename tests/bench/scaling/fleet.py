"""A load placed on processes and shards: how busy each part is, and which is the busiest.

CPU is what *must* be spent so that no line is shown later than the case allows. Where there is time
to spare tails read more often, so that lines are shown sooner: `as_it_runs` says how much sooner,
and what that costs.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from extdebug.hub.tail import MOST_KEYS
from tests.bench.scaling.batching import (
    Watched,
    cpu,
    frames_each,
    reads_per_second,
)
from tests.bench.scaling.cases import CONNECTIONS, Case, Machines
from tests.bench.scaling.costs import Constants
from tests.bench.scaling.least_squares import total
from tests.bench.scaling.placement import (
    SEED,
    bucket_of,
    capped,
    gather_watchers,
    in_whole_numbers,
    shard_of,
    spread_watchers,
    zipf,
)

ROWS: Final = 2  # of the audit trail for a session: its opening and its end
PACKET: Final = 66  # bytes of Ethernet, IP and TCP around each frame
GBIT: Final = 1e9 / 8  # bytes a second
MIB: Final = 1 << 20
GIB: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Load:
    """A case laid out: for each stream its watchers and its events a second."""

    case: Case
    watchers: Sequence[int]
    events: Sequence[float]


@dataclass(frozen=True, slots=True)
class Process:
    """One console process: its tails, and what it does in a second."""

    tails: Sequence[Sequence[Watched]]
    shards: Sequence[int]  # of each tail
    watchers: int
    streams: int
    read: float
    delivered: float
    frames: float
    busy: float


@dataclass(frozen=True, slots=True)
class Fleet:
    """How busy a placed load keeps the busiest of each kind: 1 is all that there is."""

    case: Case
    processes: Sequence[Process]
    used: Mapping[str, float]
    written: Sequence[float]  # events a second, to each shard
    openings: float  # a second

    @property
    def first(self) -> str:
        """What is full first when the load grows."""
        return max(self.used, key=lambda name: self.used[name])

    @property
    def busiest(self) -> Process:
        return max(self.processes, key=lambda process: process.busy)


def lay_out(case: Case) -> Load:
    """Watchers and events on the case's streams."""
    watchers = in_whole_numbers(zipf(case.streams, skew=case.watcher_skew), case.watchers)
    shares = zipf(case.streams, skew=case.event_skew)
    events = capped([share * case.events for share in shares], case.most_of_a_stream)
    if not case.together:
        random.Random(SEED).shuffle(events)
    return Load(case, watchers, events)


def watched(case: Case, *, watchers: int, events: float) -> Watched:
    """One stream as a process with so many of its watchers has it."""
    matching = events * case.passing
    return Watched(
        watchers=watchers, events=events, matching=matching, shown=min(matching, case.limit),
        searches=watchers if case.own_filters else 0,
        selections=watchers if case.own_filters else 1,
    )  # fmt: skip


def spread(load: Load, *, processes: int) -> list[Counter[int]]:
    """The watchers of each process."""
    if load.case.by_stream:
        return gather_watchers(load.watchers, processes)
    return spread_watchers(load.watchers, processes)


def place(load: Load, constants: Constants, *, processes: int, shards: int) -> list[Process]:
    """The processes with their watchers, and the streams that they read because of them."""
    return [
        _process(load, watching, constants, shards=shards)
        for watching in spread(load, processes=processes)
    ]


def _process(
    load: Load, watching: Mapping[int, int], constants: Constants, *, shards: int
) -> Process:
    by_tail: dict[tuple[int, int], list[Watched]] = {}
    room = Counter[int]()
    for stream, count in watching.items():
        bucket = bucket_of(stream) if shards > 1 else 0
        tail = (bucket, room[bucket] // MOST_KEYS)
        room[bucket] += 1
        events = load.events[stream]
        by_tail.setdefault(tail, []).append(watched(load.case, watchers=count, events=events))
    tails = list(by_tail.values())
    each = [stream for tail in tails for stream in tail]
    costs = constants.costs["console"]
    return Process(
        tails=tails,
        shards=[shard_of(bucket, shards) if shards > 1 else 0 for bucket, _ in by_tail],
        watchers=sum(watching.values()), streams=len(watching),
        read=sum(stream.events for stream in each),
        delivered=sum(stream.watchers * stream.shown for stream in each),
        frames=sum(stream.watchers * frames_each(stream, load.case.reads) for stream in each),
        busy=cpu(costs, tails, [load.case.reads] * len(tails)),
    )  # fmt: skip


def fleet(
    load: Load, constants: Constants, machines: Machines, *, processes: int, shards: int
) -> Fleet:
    """The load on so many processes and shards."""
    placed = place(load, constants, processes=processes, shards=shards)
    case, openings = load.case, load.case.watchers / (load.case.session_minutes * 60)
    homes = [shard_of(bucket_of(s), shards) if shards > 1 else 0 for s in range(case.streams)]
    written = _sums(zip(homes, load.events, strict=True), shards)
    kept = _sums(
        (
            (home, min(events * case.retention, case.kept))
            for home, events in zip(homes, load.events, strict=True)
        ),
        shards,
    )
    console = max(
        (_network(one, constants) * min(machines.cores, processes) for one in placed), default=0.0
    )
    cpus, networks = _shards(case, placed, written, constants)
    memory = constants.costs["memory"]
    database = constants.costs["database"]
    used = {
        "console CPU": max(one.busy for one in placed),
        "console memory": max(
            memory["process"] + memory["watcher"] * one.watchers + memory["stream"] * one.streams
            for one in placed
        ) / machines.memory_mib,
        "console network": console / (machines.node_gbit * GBIT),
        "Redis CPU": max(cpus),
        "Redis memory": max(kept) * constants.event_bytes / (machines.shard_gib * GIB),
        "Redis network": max(networks) / (machines.shard_gbit * GBIT),
        "database CPU": total(database, {
            "process": processes, "watcher": case.watchers, "opening": openings,
        }) / machines.database_cores,
        "audit trail": ROWS * openings / machines.trail_rows,
        "database connections": processes * CONNECTIONS / machines.database_connections,
    }  # fmt: skip
    return Fleet(case, placed, used, written, openings)


def _sums(pairs: Iterable[tuple[int, float]], count: int) -> list[float]:
    found = [0.0] * count
    for index, amount in pairs:
        found[index] += amount
    return found


def _network(process: Process, constants: Constants) -> float:
    """Bytes a second of one process, the larger of out and in."""
    out = total(
        constants.costs["console out"], {"frame": process.frames, "delivered": process.delivered}
    )
    comes = total(constants.costs["redis out"], {"read": process.read})
    return max(out + PACKET * process.frames, comes)


def _shards(
    case: Case,
    placed: Sequence[Process],
    written: Sequence[float],
    constants: Constants,
) -> tuple[list[float], list[float]]:
    """CPU and network of each shard: writes, and reads by every process."""
    amounts = [
        {
            "server": 1.0, "process": float(len(placed)), "written": events,
            "write": events / case.in_one_write, "stream": 0.0, "read": 0.0, "cycle": 0.0,
            "listed": 0.0,
        }
        for events in written
    ]  # fmt: skip
    for process in placed:
        for tail, shard in zip(process.tails, process.shards, strict=True):
            on, comes = amounts[shard], sum(stream.events for stream in tail)
            cycles = min(comes, case.reads)
            on["stream"] += len(tail)
            on["read"] += comes
            on["cycle"] += cycles
            on["listed"] += cycles * len(tail)
    costs = constants.costs

    def of(resource: str, row: Mapping[str, float]) -> float:
        return total(costs[resource], {name: row[name] for name in costs[resource]})

    return (
        [of("redis", row) for row in amounts],
        [max(of("redis in", row), of("redis out", row)) for row in amounts],
    )


@dataclass(frozen=True, slots=True)
class AsItRuns:
    """The busiest process when its tails read as often as they can."""

    busy: float
    late: float  # seconds between two reads of the tail that reads most seldom though more comes


def as_it_runs(process: Process, constants: Constants, *, share: float = 1.0) -> AsItRuns:
    """How this process would be seen in `top`, and how late its lines are shown."""
    costs = constants.costs["console"]
    reads = reads_per_second(costs, process.tails, share=share)
    late = [
        1 / often if often else float("inf")
        for tail, often in zip(process.tails, reads, strict=True)
        if often < sum(stream.events for stream in tail) * 0.999
    ]
    return AsItRuns(min(cpu(costs, process.tails, reads), share), max(late, default=0.0))
