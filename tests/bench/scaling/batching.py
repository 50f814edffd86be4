"""How often a tail reads, and how many frames its watchers get: pure arithmetic.

A tail that has time reads each event as it comes, and every watcher of it gets a frame of its own.
Each cycle costs time, in which more comes: a busy tail reads fuller batches, and costs per event
fall. Above some rates of deliveries it waits on purpose (`extdebug.hub.linger`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from extdebug.hub.linger import STEPS
from extdebug.hub.selection import FRAME_EVENTS
from tests.bench.scaling.least_squares import Row, total

Costs = Mapping[str, float]  # of a console: see costs.TERMS
MOST_READS: Final = 20_000.0  # a second, of one tail: more than any does


@dataclass(frozen=True, slots=True)
class Watched:
    """One stream as one process has it, in a second.

    `events` are read, `matching` of them pass a watcher's filter and `shown` of these its rate
    limit; `searches` filters look at each event, `selections` are different.
    """

    watchers: int
    events: float
    matching: float
    shown: float
    searches: int
    selections: int


def per_event(streams: Iterable[Watched]) -> Row:
    """What one second of these streams costs their process, however it is batched."""
    watchers = count = 0
    read = search = delivered = 0.0
    for stream in streams:
        count += 1
        watchers += stream.watchers
        read += stream.events
        search += stream.events * stream.searches
        delivered += stream.watchers * stream.shown
    return {
        "watcher": watchers, "stream": count, "read": read, "search": search,
        "delivered": delivered,
    }  # fmt: skip


def frames_each(stream: Watched, reads: float) -> float:
    """Frames a second to each watcher, when the tail reads so often."""
    shown = stream.shown
    return max(min(shown, reads), shown / FRAME_EVENTS)


def per_batch(streams: Sequence[Watched], reads: float) -> Row:
    """Cycles, runs and frames in a second, when their tail reads at most so often."""
    frames = runs = comes = 0.0
    for stream in streams:
        each = frames_each(stream, reads)
        frames += stream.watchers * each
        runs += stream.selections * each
        comes += stream.events
    return {"cycle": min(comes, reads), "run": runs, "frame": frames}


def lingers(streams: Sequence[Watched]) -> float:
    """Seconds that the tail of these waits between two reads."""
    rate = sum(stream.watchers * stream.matching for stream in streams)
    return next((seconds for least, seconds in STEPS if rate > least), 0.0)


def reads_per_second(
    costs: Costs, tails: Sequence[Sequence[Watched]], *, share: float = 1.0
) -> list[float]:
    """How often each tail of one process reads, whose loop has this share of a core.

    As often as something comes, unless the loop has no time left for that: then all tails read as
    often as it has, each after its pause. 0 where the events alone are too many.
    """
    fixed = cpu_of_events(costs, tails)
    pauses = [lingers(tail) for tail in tails]
    comes = [sum(stream.events for stream in tail) for tail in tails]

    def at(most: float) -> list[float]:
        return [min(comes[number], 1 / (1 / most + pause)) for number, pause in enumerate(pauses)]

    def fits(most: float) -> bool:
        """One loop serves all: the pauses of a tail are the others' time, not its own work's."""
        cpu = fixed
        for tail, reads in zip(tails, at(most), strict=True):
            cpu += total(costs, per_batch(tail, reads))
        return cpu <= share

    if fits(MOST_READS):
        return at(MOST_READS)
    low, high = 0.0, MOST_READS
    for _ in range(40):
        middle = (low + high) / 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return at(low) if low > 1e-3 else [0.0] * len(tails)


def cpu_of_events(costs: Costs, tails: Sequence[Sequence[Watched]]) -> float:
    """Seconds of CPU in a second of a process that has these tails, without their reads."""
    here = {"process": 1.0, "serving": 1.0 if tails else 0.0}
    return total(costs, here) + sum(total(costs, per_event(tail)) for tail in tails)


def cpu(costs: Costs, tails: Sequence[Sequence[Watched]], reads: Sequence[float]) -> float:
    """Seconds of CPU in a second of a process whose tails read so often."""
    return cpu_of_events(costs, tails) + sum(
        total(costs, per_batch(tail, often)) for tail, often in zip(tails, reads, strict=True)
    )
