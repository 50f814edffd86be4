"""What traces say of a session that is sampled: its reading of the past, decisions and deliveries.

A delivery span sums up some seconds. It is made from figures that the session keeps anyway, looked
at once a second, so that nothing is asked of a trace for an event, a frame or a turn. The other
spans of an opening are made where it happens: sessions/opening.py, the transports.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from audit.tracing import spans
from audit.tracing.spans import Place, Value
from extdebug.hub.history import History
from extdebug.hub.hub import Hub
from extdebug.hub.pieces import Piece
from extdebug.hub.subscription import Subscription
from extdebug.sessions.catch_up import ReadPast
from extdebug.sessions.flow_control import FlowControl
from extdebug.sessions.store import Lease
from extdebug.wire.keys import Target
from extdebug.wire.positions import Start
from extdebug.wire.stopping import stop
from policies.access import Decision

LOOK: Final = 1.0  # seconds between two looks at a session's figures
SUM: Final = 10.0  # seconds that one delivery span sums up
AFRESH: Final = 15.0  # seconds after which nothing but time asks for a decision: Timings.afresh


class Served(Protocol):
    """A feed, as far as its spans go."""

    flow: FlowControl

    @property
    def lease(self) -> Lease: ...

    @property
    def due(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Figures:
    """What a session was sent so far; events by its account, which a new filter may begin anew."""

    frames: int = 0
    events: int = 0
    filtered: int = 0
    bytes: int = 0
    gaps: int = 0

    @classmethod
    def of(cls, flow: FlowControl) -> Figures:
        ledger = flow.ledger
        return cls(flow.seq, ledger.shown, ledger.filtered, flow.told_bytes, flow.told_gaps)

    def since(self, before: Figures) -> dict[str, Value]:
        events = self.events - before.events
        filtered = self.filtered - before.filtered
        return {
            "frames": self.frames - before.frames,
            "events": events if events >= 0 else self.events,
            "filtered": filtered if filtered >= 0 else self.filtered,
            "bytes": self.bytes - before.bytes,
            "gaps": self.gaps - before.gaps,
        }


@dataclass(slots=True)
class Reading:
    """One reading of the past: from its first page to where the live stream takes over."""

    began: int = 0
    pages: int = 0
    events: int = 0
    gaps: int = 0

    def add(self, pieces: Sequence[Piece]) -> None:
        self.pages += 1
        self.events += sum(piece.chunk.count for piece in pieces if piece.chunk is not None)
        self.gaps += sum(piece.gap is not None for piece in pieces)

    def figures(self) -> dict[str, Value]:
        return {"pages": self.pages, "events": self.events, "gaps": self.gaps}


@dataclass(slots=True)
class Followed:
    """A session whose spans are recorded, all of them under the one of its opening."""

    place: Place
    about: dict[str, Value]
    flow: FlowControl | None = None
    figures: Figures = field(default_factory=Figures)
    since: int = 0
    waited: float = 0.0
    decided_at: float | None = None
    reading: Reading | None = None
    first_page: bool = False

    def say(self, name: str, began: int, **attributes: Value) -> None:
        spans.record(
            name, under=self.place, began=began, ended=time.time_ns(), **self.about, **attributes
        )

    def deliver(self) -> None:
        """The span of what was sent since the last one, if anything was or should have been."""
        if self.flow is None:
            return
        figures = Figures.of(self.flow)
        if figures != self.figures or self.waited:
            self.say(
                "session.deliver", self.since, **figures.since(self.figures),
                window_full_seconds=self.waited, unacknowledged_bytes=self.flow.unacked,
            )  # fmt: skip
        self.figures, self.since, self.waited = figures, time.time_ns(), 0.0

    def page(self, reading: Reading, pieces: Sequence[Piece], *, done: bool) -> None:
        """A page was read; the first of the session has a span of its own."""
        reading.add(pieces)
        if not self.first_page:
            self.first_page = True
            self.say("session.first_page", reading.began, **reading.figures())
        if done:
            self.close_reading(whole=True)

    def close_reading(self, *, whole: bool) -> None:
        """The reading is over: it came to its end, or another begins, or the session ends."""
        reading, self.reading = self.reading, None
        if reading is not None and reading.pages:
            self.say("session.read_past", reading.began, whole=whole, **reading.figures())


class TracedHistory(History):
    """The reading of a session that is followed."""

    def __init__(self, hub: Hub, live: Subscription, start: Start, *, followed: Followed) -> None:
        super().__init__(hub, live, start)
        followed.close_reading(whole=False)
        self._followed = followed
        self._reading = followed.reading = Reading(time.time_ns())

    async def page(self) -> list[Piece]:
        pieces = await super().page()
        if self._followed.reading is self._reading:
            self._followed.page(self._reading, pieces, done=self.done)
        return pieces


class SessionSpans:
    """Owned by the Node. Nobody is followed while traces are off, or sampled out."""

    def __init__(self, process: str) -> None:
        self._process = process
        self._followed: dict[str, Followed] = {}  # by the holder of the lease
        self._looking: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._followed)

    def begin(self, lease: Lease, target: Target) -> None:
        """Within the span of an opening: follow the session, if that span is recorded."""
        place = spans.here()
        about: dict[str, Value] = {
            "session": lease.id, "tenant": target.tenant, "extension": target.extension,
            "process": self._process,
        }  # fmt: skip
        spans.note(resumed=lease.resumed, **about)
        if place is not None:
            self._followed[lease.holder] = Followed(place, about, since=time.time_ns())
            if self._looking is None:
                self._looking = asyncio.create_task(self._look_for_ever(), name="session_spans")

    def history_of(self, lease: Lease) -> ReadPast:
        """What reads the past for this session."""
        followed = self._followed.get(lease.holder)
        return History if followed is None else partial(TracedHistory, followed=followed)

    def attend(self, feed: Served) -> None:
        """The session is served by this feed: deliveries count from here."""
        followed = self._followed.get(feed.lease.holder)
        if followed is not None:
            followed.flow, followed.figures = feed.flow, Figures.of(feed.flow)

    def decided(self, feed: Served, decision: Decision, *, asked_at: float) -> None:
        """A fresh decision about a session, before it holds; `asked_at` as the loop counts."""
        followed = self._followed.get(feed.lease.holder)
        if followed is None:
            return
        now, before = asyncio.get_running_loop().time(), followed.decided_at
        followed.decided_at = now
        if before is None:
            why = "opening"
        elif feed.due:
            why = "due"
        else:
            why = "time" if asked_at - before >= AFRESH else "change"
        failed = decision.failed
        followed.say(
            "session.decide", time.time_ns() - int((now - asked_at) * 1e9), why=why,
            allowed=decision.allowed, failed_rule=failed.rule if failed is not None else "",
        )  # fmt: skip

    def left(self, lease: Lease) -> None:
        """The session is no more served here, or could not begin."""
        followed = self._followed.pop(lease.holder, None)
        if followed is not None:
            followed.close_reading(whole=False)
            followed.deliver()

    def look(self, *, now: int) -> None:
        """At every session that is followed; `now` in nanoseconds."""
        for followed in self._followed.values():
            if followed.flow is not None and not followed.flow.open:
                followed.waited += LOOK
            if now - followed.since >= SUM * 1e9:
                followed.deliver()

    async def _look_for_ever(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            self.look(now=time.time_ns())

    async def stop(self) -> None:
        looking, self._looking = self._looking, None
        if looking is not None:
            await stop({looking})
