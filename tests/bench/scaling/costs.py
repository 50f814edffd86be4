"""What one of each thing costs, fitted to a run of the bench: the constants of docs/scaling.md.

Each resource has the things that it pays for. A console pays for being there, for watchers and
streams at rest, for reads and the events in them, for searches, for runs of events made into
frames, for frames and the events in them; Redis for writes, and for reads and what they name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from extdebug.hub.tail import MOST_KEYS
from tests.bench.scaling.least_squares import Fit, Row, fit
from tests.bench.scaling.observations import Measured, Openings, Plan, Point, Rest

IN_ONE_WRITE: Final = 500  # events of one pipeline of the publisher, when it writes at full speed
NOISE_CPU: Final = 0.05  # seconds of CPU below which a point says little
NOISE_BYTES: Final = 50_000.0
NOISE_MIB: Final = 5.0


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that a resource pays for."""

    title: str
    unit: str  # in which its cost is written
    factor: float  # from seconds, bytes or MiB to that unit


US: Final = ("us", 1e6)
MS: Final = ("ms", 1e3)
SHARE: Final = ("% of a core", 1e2)
BYTES: Final = ("bytes", 1.0)
KIB: Final = ("KiB", 1024.0)
TERMS: Final[dict[str, dict[str, Term]]] = {
    "console": {
        "process": Term("a process", *SHARE),
        "serving": Term("a process with sessions, besides", *SHARE),
        "watcher": Term("a watcher at rest, each second", *US),
        "stream": Term("a watched stream at rest, each second", *US),
        "cycle": Term("a read of all streams with news", *US),
        "read": Term("an event read: decoded, redacted, encoded", *US),
        "search": Term("an event looked at by a filter with a word", *US),
        "run": Term("a run of up to 100 events, for each different selection", *US),
        "frame": Term("a frame to one watcher, with its acknowledgement", *US),
        "delivered": Term("an event in a watcher's frame", *US),
    },
    "redis": {
        "server": Term("the server", *SHARE),
        "process": Term("a console process", *SHARE),
        "stream": Term("a stream watched by a process, each second", *US),
        "written": Term("an event written", *US),
        "write": Term("a batch of them", *US),
        "read": Term("an event given to one process", *US),
        "cycle": Term("a read by one process", *US),
        "listed": Term("a stream named in a read", *US),
    },
    "database": {
        "process": Term("a console process", *SHARE),
        "watcher": Term("a watcher, each second", *US),
        "opening": Term("an opening", *MS),
    },
    "opening": {"opening": Term("an opening, on the console", *MS)},
    "memory": {
        "process": Term("a process", "MiB", 1.0),
        "watcher": Term("a watcher at rest", *KIB),
        "stream": Term("a watched stream", *KIB),
    },
    "console out": {
        "frame": Term("a frame", *BYTES),
        "delivered": Term("an event in it", *BYTES),
    },
    "redis in": {
        "written": Term("an event written", *BYTES),
        "cycle": Term("a read", *BYTES),
        "listed": Term("a stream named in it", *BYTES),
    },
    "redis out": {
        "written": Term("the answer to a write", *BYTES),
        "read": Term("an event given to one process", *BYTES),
        "cycle": Term("a read", *BYTES),
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Constants:
    """Costs of each resource, as in TERMS, and bytes of Redis' memory for an event."""

    costs: Mapping[str, Mapping[str, float]]
    event_bytes: float


def amounts(plan: Plan, *, seconds: float, frames: float, reads: float) -> Row:
    """How much there is of everything in this plan, of all processes together."""
    processes, watchers, streams = plan.processes, plan.watchers, plan.streams
    runs = frames / watchers * plan.selections if watchers else 0.0
    return {
        "server": seconds,
        "process": processes * seconds,
        "serving": processes * seconds,
        "watcher": processes * watchers * streams * seconds,
        "stream": processes * streams * seconds,
        "written": plan.events,
        "write": plan.events / IN_ONE_WRITE if plan.rate is None else plan.events,
        "cycle": reads,
        "listed": reads * (1 if plan.rate is None else _listed(streams)),
        "read": processes * plan.events,
        "search": processes * plan.events * plan.searches,
        "run": runs,
        "frame": frames,
        "delivered": processes * plan.events * watchers,
    }


def _listed(streams: int) -> float:
    """Streams that one read names. Behind a flood each stream is read by itself."""
    return streams / -(-streams // MOST_KEYS)


def row_of(point: Point) -> Row:
    """The amounts of what was measured."""
    return amounts(point.plan, seconds=point.seconds, frames=point.frames, reads=point.reads)


def _resting(rest: Rest, *, seconds: float) -> Row:
    return {
        "server": seconds, "process": seconds, "serving": seconds if rest.watchers else 0.0,
        "watcher": rest.watchers * seconds, "stream": rest.streams * seconds,
    }  # fmt: skip


def only(resource: str, row: Row) -> Row:
    """Of these amounts what this resource pays for."""
    return {name: row.get(name, 0.0) for name in TERMS[resource]}


def fits(measured: Measured) -> dict[str, Fit]:
    """The costs of each resource."""
    points = [(row_of(point), point) for point in measured.points]
    served = [(row, point) for row, point in points if point.plan.processes]
    rests = [(_resting(rest, seconds=rest.seconds), rest) for rest in measured.rests]

    def of(resource: str, floor: float, seen: Sequence[tuple[Row, float]]) -> Fit:
        rows = [only(resource, row) for row, _ in seen]
        return fit(rows, [cost for _, cost in seen], floor=floor)

    def bytes_of(resource: str, cost: Callable[[Point], float], some: Sequence) -> Fit:
        return of(resource, NOISE_BYTES, [(row, cost(point)) for row, point in some])

    return {
        "console": of("console", NOISE_CPU, [
            *((row, point.console_cpu) for row, point in served),
            *((row, rest.console_cpu) for row, rest in rests),
        ]),
        "redis": of("redis", NOISE_CPU, [
            *((row, point.redis_cpu) for row, point in points),
            *((row, rest.redis_cpu) for row, rest in rests),
        ]),
        "database": of("database", NOISE_CPU, [
            *((row, rest.database_cpu) for row, rest in rests),
            *((_opened(one), one.database_cpu) for one in measured.openings),
        ]),
        "opening": of("opening", NOISE_CPU, [
            (_opened(one), one.console_cpu) for one in measured.openings
        ]),
        "memory": of("memory", NOISE_MIB, [
            (_resting(rest, seconds=1), rest.memory) for rest in measured.rests
        ]),
        "console out": bytes_of("console out", lambda point: point.console_bytes, served),
        "redis in": bytes_of("redis in", lambda point: point.redis_in, points),
        "redis out": bytes_of("redis out", lambda point: point.redis_out, points),
    }  # fmt: skip


def constants_of(found: Mapping[str, Fit], *, event_bytes: float) -> Constants:
    """The costs as the model takes them: what was not measured costs nothing, and is so listed."""
    costs = {
        resource: {name: fit.costs.get(name, 0.0) for name in TERMS[resource]}
        for resource, fit in found.items()
    }
    return Constants(costs, event_bytes)


def _opened(one: Openings) -> Row:
    return {"process": one.processes * one.seconds, "opening": one.opened}
