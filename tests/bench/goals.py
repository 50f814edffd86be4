"""The one table of figures: what each is, in which order they are shown, and what must be reached.

A goal is a number of our own (`per` is None) or a ratio within the same round: to a peer, or to
another figure of ours. Numbers of our own were set on one machine with 2 cores, ratios hold
anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tests.bench.peers.peers import Peer


class Unit(StrEnum):
    """How a figure is written."""

    RATE = "/s"
    US = "us"
    MS = "ms"
    SECONDS = "s"
    MB = "MB"
    PERCENT = "%"
    COUNT = ""


@dataclass(frozen=True, slots=True)
class Goal:
    """What ours must reach: `limit` at least (`high`) or at most, as it is or `per` something."""

    limit: float
    high: bool = False
    per: Peer | str | None = None  # a peer's same figure, or another figure of ours by its key

    def said(self) -> str:
        sign = ">=" if self.high else "<="
        if self.per is None:
            return f"{sign} {self.limit:,.10g}"
        of = f"of {self.per}" if isinstance(self.per, Peer) else f"of `{self.per}`"
        return f"{sign} {self.limit:g} {of}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; `key` is what rows call it and `row` the row that measures it."""

    row: str
    key: str
    title: str
    unit: Unit
    goals: tuple[Goal, ...] = ()


def least(limit: float, *, per: Peer | str | None = None) -> Goal:
    return Goal(limit, True, per)


def most(limit: float, *, per: Peer | str | None = None) -> Goal:
    return Goal(limit, False, per)


FIGURES: Final = (
    Figure("flood", "flood-10", "flood, 10 watchers: delivered", Unit.RATE, (
        least(0.9, per=Peer.UVICORN),)),
    Figure("flood", "flood-50", "flood, 50 watchers: delivered", Unit.RATE, (
        least(2_800_000), least(0.5, per=Peer.NCHAN), least(30, per=Peer.SEED))),
    Figure("flood", "flood-200", "flood, 200 watchers: delivered", Unit.RATE, (
        least(0.8, per=Peer.NCHAN),)),
    Figure("flood", "flood-different", "50 different filters: delivered", Unit.RATE, (
        least(0.8, per="flood-50"),)),
    Figure("flood", "flood-gaps", "events told as gaps to watchers who acknowledge", Unit.COUNT, (
        most(0),)),
    Figure("flood", "flood-cpu", "server CPU per delivered event, 50 watchers", Unit.US, (
        most(0.35),)),
    Figure("flood", "flood-marginal", "the same, of one more watcher", Unit.US, (most(0.2),)),
    Figure("latency", "latency-p50", "500 events/s x 20 watchers: p50", Unit.MS, (most(1),)),
    Figure("latency", "latency-p99", "the same: p99", Unit.MS, (most(3),)),
    Figure("latency", "latency-cpu", "the same: server CPU per delivered event", Unit.US, (
        most(20),)),
    Figure("once", "once-11", "one event, once: 11 fields", Unit.US, (most(5),)),
    Figure("once", "once-4", "the same: 4 fields of its own", Unit.US, (most(6),)),
    Figure("once", "once-nested", "the same: nested fields", Unit.US, (most(9),)),
    Figure("once", "once-secret", "the same: a secret", Unit.US, (most(10),)),
    Figure("redaction", "redaction-clean", "redaction of a clean line, 200 bytes", Unit.US, (
        most(1.8),)),
    Figure("redaction", "redaction-secret", "the same with a secret, the dearest", Unit.US, (
        most(12),)),
    Figure("redaction", "redaction-longer", "a byte of 12,800, of one of 200", Unit.COUNT, (
        most(2),)),
    Figure("redaction", "redaction-named", "families masked, with a name beside", Unit.PERCENT, (
        least(95),)),
    Figure("redaction", "redaction-bare", "families masked, bare", Unit.PERCENT, (least(60),)),
    Figure("redaction", "redaction-ordinary", "ordinary lines masked", Unit.PERCENT, (most(0.1),)),
    Figure("idle", "idle-mb", "2,000 idle sessions: memory above the base", Unit.MB, (most(60),)),
    Figure("idle", "idle-cut", "the same: all cut after plain SQL", Unit.SECONDS, (most(1),)),
    Figure("idle", "idle-open", "the same: opened in", Unit.SECONDS, (most(6),)),
    Figure("decisions", "decide-ms", "decide, 10,000 installs, 1,000 grants", Unit.MS, (most(3),)),
    Figure("decisions", "decide-queries", "the same: queries", Unit.COUNT),
    Figure("decisions", "opening-ms", "an opening at that size", Unit.MS, (most(5),)),
    Figure("decisions", "opening-queries", "the same: queries", Unit.COUNT),
    Figure("decisions", "lists-ms", "admin lists at that size: the slowest", Unit.MS, (
        most(150),)),
    Figure("decisions", "lists-queries", "the same: the most queries of one", Unit.COUNT, (
        most(12),)),
    Figure("openings", "openings-2000", "2,000 sessions opened at that size", Unit.SECONDS, (
        most(6),)),
    Figure("openings", "openings-rate", "the same: openings", Unit.RATE),
    Figure("streams", "streams-idle", "1,000 streams watched: CPU when idle", Unit.PERCENT, (
        most(3),)),
    Figure("streams", "streams-event", "the same: CPU of an event above that", Unit.US, (
        most(200),)),
    Figure("streams", "streams-p99", "the same: p99 at 500 events/s over all", Unit.MS),
    Figure("history", "history-first", "tail of 20,000: first event", Unit.SECONDS, (most(0.05),)),
    Figure("history", "history-all", "the same: all", Unit.SECONDS, (most(0.5),)),
    Figure("history", "history-cpu", "the same: server CPU per event", Unit.US),
    Figure("history", "history-live-p99", "20 watchers at 500/s: p99", Unit.MS),
    Figure("history", "history-beside-p99", "the same beside 4 readers of 20,000", Unit.MS),
    Figure("stalled", "stalled-none-p99", "20 healthy watchers at 500/s: p99", Unit.MS),
    Figure("stalled", "stalled-p99", "the same among 20 who stopped reading", Unit.MS, (
        most(1.25, per="stalled-none-p99"),)),
    Figure("stalled", "stalled-mb", "memory for each who stopped reading", Unit.MB, (most(1),)),
    Figure("page", "page-lines-longest", "page, 5,000 lines/s: longest task, CPU", Unit.MS, (
        most(50),)),
    Figure("page", "page-lines-over", "the same: tasks over 50 ms", Unit.COUNT, (most(0),)),
    Figure("page", "page-lines-heap", "the same: heap with 50,000 lines", Unit.MB),
    Figure("page", "page-requests-longest", "the same by requests: longest task", Unit.MS, (
        most(50),)),
    Figure("page", "page-requests-over", "the same: tasks over 50 ms", Unit.COUNT, (most(0),)),
    Figure("page", "page-requests-heap", "the same: heap", Unit.MB),
)  # fmt: skip
ROWS: Final = tuple(dict.fromkeys(figure.row for figure in FIGURES))
