"""How many processes and shards a load takes, and what a rolling restart asks of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.bench.scaling.cases import Case, Machines
from tests.bench.scaling.costs import Constants
from tests.bench.scaling.fleet import ROWS, Fleet, fleet, lay_out

TARGET: Final = 0.6  # of each resource
FEWEST: Final = 2  # processes: one may end
MOST_PROCESSES: Final = 2_000
SHARDS: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)  # 64 buckets are what can be spread
CONSOLE: Final = ("console CPU", "console memory", "console network")
REDIS: Final = ("Redis CPU", "Redis memory", "Redis network")


@dataclass(frozen=True, slots=True)
class Sized:
    """A fleet within the target; `over`: what no number of processes or shards suffices for."""

    fleet: Fleet
    shards: int
    over: tuple[str, ...]

    @property
    def processes(self) -> int:
        return len(self.fleet.processes)


def size(case: Case, constants: Constants, machines: Machines) -> Sized:
    """The fewest processes and then the fewest shards that stay within TARGET."""
    load = lay_out(case)

    def over(names: tuple[str, ...], found: Fleet) -> float:
        return max(found.used[name] for name in names) / TARGET

    def built(processes: int, shards: int) -> Fleet:
        return fleet(load, constants, machines, processes=processes, shards=shards)

    processes = fewest(lambda count: over(CONSOLE, built(count, 1)))
    found, shards = built(processes, 1), 1
    if over(REDIS, found) > 1:  # on a cluster, however small, a process has a tail for each bucket
        processes = fewest(lambda count: over(CONSOLE, built(count, 2)), start=processes)
        for shards in SHARDS[1:]:
            found = built(processes, shards)
            if over(REDIS, found) <= 1:
                break
    return Sized(found, shards, tuple(name for name in found.used if found.used[name] > TARGET))


def fewest(over: Callable[[int], float], *, start: int = FEWEST) -> int:
    """The least count for which `over` is at most 1; MOST_PROCESSES if there is none."""
    tried: dict[int, float] = {}

    def asked(count: int) -> float:
        if count not in tried:
            tried[count] = over(count)
        return tried[count]

    high = start
    low = FEWEST - 1
    while asked(high) > 1:
        low = high
        if high == MOST_PROCESSES:
            return high
        high = min(MOST_PROCESSES, max(high + 1, int(high * min(max(asked(high), 1.05), 4.0))))
    while high - low > max(1, high // 50):  # two in a hundred are within the model's error
        middle = (low + high) // 2
        if asked(middle) > 1:
            low = middle
        else:
            high = middle
    return high


@dataclass(frozen=True, slots=True)
class Restart:
    """One process of the fleet ends, and its sessions come back to the others at once."""

    sessions: int
    by_consoles: float  # openings a second that the others' spare CPU allows
    by_database: float  # openings a second that its spare CPU and the audit trail allow

    @property
    def seconds(self) -> float:
        """Until all are back."""
        return self.sessions / min(self.by_consoles, self.by_database)


def restart(sized: Sized, constants: Constants, machines: Machines) -> Restart:
    """What happens when the process with the most sessions ends, as in a rolling restart."""
    processes = sized.fleet.processes
    ended = max(processes, key=lambda process: process.watchers)
    spare = sum(max(0.0, 1 - process.busy) for process in processes if process is not ended)
    cost = constants.costs
    cores = machines.database_cores * max(0.0, 1 - sized.fleet.used["database CPU"])
    rows = machines.trail_rows * max(0.0, 1 - sized.fleet.used["audit trail"])
    return Restart(
        sessions=ended.watchers, by_consoles=spare / cost["opening"]["opening"],
        by_database=min(cores / cost["database"]["opening"], rows / ROWS),
    )  # fmt: skip
