"""Measures the points, rests and openings of the scaling bench on a running stage.

The consoles share one core and all else the other (`processes.py`). Four processes on one core say
nothing by the clock on the wall, and everything by their CPU time, which is what is read here.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from tests.bench.deliveries import forget
from tests.bench.processes import (
    family_cpu_seconds,
    own_memory_mb,
    precise_cpu_seconds,
    written_bytes,
)
from tests.bench.publishers import to_redis, xadd
from tests.bench.scaling.observations import Openings, Plan, Point, Rest
from tests.bench.stage import EXTENSION, STREAM, TENANT, Server, Stage
from tests.bench.watchers import Watchers, not_whole, subscribe, watch

STREAMS: Final = 200  # the most of one point
GREETINGS: Final = 3  # frames of each watcher before the first event: ready and two of its state
SETTLE: Final = 0.5  # seconds for the work of opening and closing to end
REST: Final = 5.0
WITHIN: Final = 60.0
ROOM: Final = 10_000  # events that a stream of the writes alone keeps: XADD trims as in production
SAMPLE: Final = 20_000  # events whose memory is measured
# Watchers of one stream, watchers who have one each: added to one process one after the other.
STEPS: Final = ((0, 0), (100, 0), (300, 0), (0, 100), (0, 200))


class Fleet:
    """Console processes on one stage, and the streams they watch."""

    def __init__(self, stage: Stage, consoles: Sequence[Server], database: int) -> None:
        self.stage = stage
        self.consoles = consoles
        self._database = database  # process id of PostgreSQL
        self._many = stage.extensions(STREAMS, prefix="many")
        self._more = stage.extensions(STREAMS, prefix="more")

    # --- points -------------------------------------------------------------------------------

    def point(self, plan: Plan) -> Point:
        """Measure one plan; AssertionError when an event was neither delivered nor told."""
        if not plan.processes:
            return self._writes(plan)
        extensions = [EXTENSION] if plan.streams == 1 else self._many[: plan.streams]
        keys = [f"ext-debug:{TENANT}:{extension}" for extension in extensions]
        forget(self.stage, *keys)
        templates = [
            xadd(key, extension=extension) for key, extension in zip(keys, extensions, strict=True)
        ]
        frames = _frames(plan, extensions)
        each = plan.events // plan.streams
        consoles = self.consoles[: plan.processes]
        with ExitStack() as open_:
            watching = [
                open_.enter_context(self._watch(console, frames, plan, events=each))
                for console in consoles
            ]
            for one in watching:
                one.ready()
            time.sleep(SETTLE)
            before, began = self._figures(consoles), time.monotonic()
            to_redis(
                self.stage.redis_port, count=each * plan.streams, per_second=plan.rate,
                templates=templates,
            )  # fmt: skip
            counted = [one.counted() for one in watching]
            seconds, after = time.monotonic() - began, self._figures(consoles)
        for found in counted:
            broken = not_whole(found, published=each) or ("gaps" if found.missed else "")
            assert not broken, f"{plan.said()}: {broken}"
        time.sleep(SETTLE)
        return Point(
            plan=plan, seconds=seconds, delivered=sum(one.events for one in counted),
            frames=sum(one.frames - GREETINGS * one.watchers for one in counted),
            **{name: after[name] - before[name] for name in before},
        )  # fmt: skip

    def _watch(self, console: Server, frames: list[str], plan: Plan, *, events: int) -> Watchers:
        people = plan.streams if plan.streams > 1 else None
        return watch(
            self.stage, console, frames, events=events, people=people, at_once=50, seconds=WITHIN
        )

    def _writes(self, plan: Plan) -> Point:
        """Redis alone: writes to a stream that is full and is trimmed by each of them."""
        template = xadd(STREAM, kept=ROOM)
        forget(self.stage)
        to_redis(self.stage.redis_port, count=ROOM, templates=[template])
        before, began = self._figures([]), time.monotonic()
        to_redis(
            self.stage.redis_port, count=plan.events, per_second=plan.rate, templates=[template]
        )
        seconds, after = time.monotonic() - began, self._figures([])
        changes: dict[str, Any] = {name: after[name] - before[name] for name in before}
        return Point(plan=plan, seconds=seconds, delivered=0, frames=0, **changes)

    def _figures(self, consoles: Sequence[Server]) -> dict[str, Any]:
        """What only grows: CPU and bytes of these consoles and of Redis."""
        with self.stage.client() as client:
            calls = client.info("commandstats").get("cmdstat_xreadgroup", {"calls": 0})
            net = client.info("stats")
        return {
            "console_cpu": sum(precise_cpu_seconds(one.pid) for one in consoles),
            "console_bytes": sum(written_bytes(one.pid) for one in consoles),
            "redis_cpu": self.stage.redis_cpu_seconds(),
            "redis_in": net["total_net_input_bytes"],
            "redis_out": net["total_net_output_bytes"],
            "reads": calls["calls"],
        }

    # --- at rest ------------------------------------------------------------------------------

    def rests(self) -> list[Rest]:
        """The first console with more and more watchers, then with more and more streams."""
        console = self.consoles[0]
        found, extra = [], iter((self._many, self._more))
        with ExitStack() as open_:
            watchers = streams = 0
            for together, alone in STEPS:
                frames = [subscribe()] * together
                if alone:
                    frames = [subscribe(extension=name) for name in next(extra)[:alone]]
                if frames:
                    watching = open_.enter_context(self._idle(console, frames))
                    watching.ready()
                watchers += len(frames)
                streams += alone or (1 if together and not streams else 0)
                time.sleep(SETTLE * 3)
                found.append(self._rest(console, watchers=watchers, streams=streams))
        time.sleep(SETTLE * 3)
        return found

    def _idle(self, console: Server, frames: list[str]) -> Watchers:
        return watch(self.stage, console, frames, events=1, at_once=20, seconds=WITHIN * 4)

    def _rest(self, console: Server, *, watchers: int, streams: int) -> Rest:
        before = self._resting(console)
        time.sleep(REST)
        after = self._resting(console)
        cpu = [now - then for then, now in zip(before, after, strict=True)]
        return Rest(
            watchers=watchers, streams=streams, seconds=REST, console_cpu=cpu[0],
            redis_cpu=cpu[1], database_cpu=cpu[2], memory=own_memory_mb(console.pid),
        )  # fmt: skip

    def _resting(self, console: Server) -> tuple[float, float, float]:
        return (
            precise_cpu_seconds(console.pid),
            self.stage.redis_cpu_seconds(),
            family_cpu_seconds(self._database),
        )

    # --- openings -----------------------------------------------------------------------------

    def openings(self, *, processes: int, each: int) -> Openings:
        """`each` sessions that come to each of the processes at once, as after a restart."""
        consoles = self.consoles[:processes]
        before, began = self._opening(consoles), time.monotonic()
        with ExitStack() as open_:
            comers = [
                open_.enter_context(
                    watch(self.stage, one, [subscribe()] * each, events=1, seconds=WITHIN)
                )
                for one in consoles
            ]
            for one in comers:
                one.ready()
            seconds, after = time.monotonic() - began, self._opening(consoles)
        time.sleep(SETTLE * 3)
        return Openings(
            processes=processes, opened=each * processes, seconds=seconds,
            console_cpu=after[0] - before[0], database_cpu=after[1] - before[1],
        )  # fmt: skip

    def _opening(self, consoles: Sequence[Server]) -> tuple[float, float]:
        cpu = sum(precise_cpu_seconds(one.pid) for one in consoles)
        return cpu, family_cpu_seconds(self._database)

    # --- memory of Redis ----------------------------------------------------------------------

    def event_bytes(self) -> float:
        """Bytes of Redis' memory for one event of a stream."""
        forget(self.stage)
        to_redis(self.stage.redis_port, count=SAMPLE)
        with self.stage.client() as client:
            used: Any = client.memory_usage(STREAM, samples=0)
        forget(self.stage)
        return float(used) / SAMPLE


def _frames(plan: Plan, extensions: Sequence[str]) -> list[str]:
    """First frames of one process' watchers: every stream in turn, so often as it has watchers."""
    return [
        subscribe(extension=extension, words=_words(plan, number))
        for number in range(plan.watchers)
        for extension in extensions
    ]


def _words(plan: Plan, number: int) -> str:
    """A filter that looks for two words in each message and lets all of them through."""
    return {"none": "", "equal": '-"nothing"', "own": f'-"nothing {number}"'}[plan.filters]


@contextmanager
def fleet(stage: Stage, *, processes: int, database: int) -> Iterator[Fleet]:
    """So many console processes on this stage, ended with it."""
    with ExitStack() as open_:
        consoles = [open_.enter_context(stage.console()) for _ in range(processes)]
        yield Fleet(stage, consoles, database)
