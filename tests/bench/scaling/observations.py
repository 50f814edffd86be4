"""What the bench of scaling measured: amounts of work and what they cost, kept as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from tests.files import ROOT

FOLDER: Final = ROOT / "docs" / "bench"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How one point is measured. `rate` in events a second; None: as fast as Redis takes them.

    Each of `processes` has `watchers` on each of `streams`; `filters` says whether these have none,
    all the same, or each their own.
    """

    processes: int
    watchers: int = 0
    streams: int = 1
    events: int = 0
    rate: float | None = None
    filters: str = "none"

    @property
    def searches(self) -> int:
        """How many filters look at each event in one process."""
        return {"none": 0, "equal": 1, "own": self.watchers}[self.filters]

    @property
    def selections(self) -> int:
        """How many different frames are made of a run of events, for each process and stream."""
        return self.watchers if self.filters == "own" else min(1, self.watchers)

    def said(self) -> str:
        rate = "flood" if self.rate is None else f"{self.rate:,.0f}/s"
        streams = f" x {self.streams} streams" if self.streams > 1 else ""
        own = {"none": "", "equal": ", one filter", "own": ", own filters"}[self.filters]
        return f"{self.processes} x {self.watchers}{streams}, {rate}{own}"


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """What happened during one plan, and its cost. Counts are of all processes together.

    `console_cpu` in seconds, of all console processes; `console_bytes` what they wrote to sockets.
    """

    plan: Plan
    seconds: float
    delivered: int
    frames: int
    reads: int  # XREADGROUP calls
    console_cpu: float
    console_bytes: int
    redis_cpu: float
    redis_in: int
    redis_out: int


class Rest(msgspec.Struct, frozen=True, kw_only=True):
    """A quiet stretch of one process: what `watchers` on `streams` cost while nothing is published.

    `memory` in MiB: what the process alone has, and its part of what it shares (PSS).
    """

    watchers: int
    streams: int
    seconds: float
    console_cpu: float
    redis_cpu: float
    database_cpu: float
    memory: float


class Openings(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions that were opened at once on each of `processes`. Sums over the processes."""

    processes: int
    opened: int
    seconds: float
    console_cpu: float
    database_cpu: float


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run of the bench."""

    where: list[str]
    date: str
    points: list[Point]
    rests: list[Rest]
    openings: list[Openings]
    event_bytes: float  # of Redis' memory


def keep(measured: Measured, *, folder: Path = FOLDER) -> Path:
    """Write it as its day's; a later run of the day takes the place of an earlier one."""
    path = folder / f"scaling-{measured.date}.json"
    path.write_text(_text(measured))
    return path


def _text(measured: Measured) -> str:
    """JSON with a line for each point, so that two runs can be compared."""
    parts = []
    for name, value in msgspec.to_builtins(measured).items():
        text = msgspec.json.encode(value).decode()
        if isinstance(value, list):
            text = "[\n" + ",\n".join(msgspec.json.encode(one).decode() for one in value) + "\n]"
        parts.append(f'"{name}": {text}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def load(path: Path | None = None) -> Measured:
    """This run, or the newest that is kept."""
    path = path or max(FOLDER.glob("scaling-*.json"))
    return msgspec.json.decode(path.read_bytes(), type=Measured)
