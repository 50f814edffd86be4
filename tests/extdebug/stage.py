"""A real feed among stand-ins: a node of paper, its hub with the stream in a list, its rows."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from extdebug.db import Bridge
from extdebug.filters.filter import EVERYTHING, Filter
from extdebug.hub.overview import Counts
from extdebug.hub.pieces import Piece
from extdebug.hub.selection import Selection
from extdebug.hub.subscription import Subscription
from extdebug.hub.watched_stream import WatchedStream
from extdebug.protocol.server_frames import ReadyTarget
from extdebug.sessions.close_reasons import CloseReason
from extdebug.sessions.feed import Feed
from extdebug.sessions.flow_control import Events
from extdebug.sessions.session_frames import ControlFrame
from extdebug.sessions.speakers import Speakers
from extdebug.sessions.store import Lease
from extdebug.streams.continuity import Continuity
from extdebug.streams.replies import Row, Snapshot
from extdebug.wire.events import Gap, GapReason
from extdebug.wire.keys import Target
from extdebug.wire.positions import ZERO_ID, Cursor, EntryId, Start
from policies.decisions.decide import Decision
from policies.decisions.facts import SessionLimits
from policies.identity.viewers import Viewer
from policies.redaction.redactor import Redactor
from tests.extdebug.entries import raw

TARGET = Target("acme", "invoice-sync")
NAMES = ReadyTarget(
    tenant="acme", extension="invoice-sync", tenant_name="A", extension_name="I", installs=()
)
VIEWER = Viewer(user_id=1, username="dan", transport="ws")


class PaperHub:
    """The stream as a list of rows; its one watch is fed by `write`."""

    def __init__(self, *, attached: bool = True) -> None:
        self.redactor = Redactor(key=None)
        self.rows: list[Row] = []
        self.subscriptions: list[Subscription] = []
        self.watched = WatchedStream(TARGET, "ext-debug:acme:invoice-sync", self.redactor)
        if attached:
            self.attach()
        self.away: Exception | None = None  # what a read of the past fails with
        self.overviews: Any = self
        self.said_problem = self.said_fallback = ""

    async def count(self, *_: Any, **__: Any) -> Counts:
        """As its process' overviews: an empty stream, counted."""
        await asyncio.sleep(0)
        return Counts({}, ZERO_ID, ZERO_ID, None, 0, done=True)

    def attach(self) -> None:
        """The stream can be read from now on."""
        newest = self.rows[-1][0] if self.rows else ZERO_ID
        self.watched.attach(Cursor(newest, len(self.rows)), Snapshot(exists=False))

    def write(self, *messages: str, ms: int | None = None, **more: str) -> None:
        """Ids count from 1-0, or from `ms`."""
        first = len(self.rows) + 1 if ms is None else ms
        new = [
            (EntryId(first + place, 0), raw(message=message, **more))
            for place, message in enumerate(messages)
        ]
        self.rows += new
        if self.watched.attached:
            self.watched.read(new)

    def mark_lost(self, count: int, *, why: str) -> None:
        """A runner's marker: so many events were dropped before they were written."""
        row = (EntryId(len(self.rows) + 1, 0), raw(src="r1", lost=str(count), why=why))
        self.rows.append(row)
        self.watched.sequence_gaps.complete = True
        self.watched.read([row])
        self.watched.flush(GapReason.RESET)

    def problem_is(self, problem: str) -> None:
        """Why nothing new comes; empty: it comes again."""
        self.said_problem = problem
        self.watched.wake()

    def ask_runners(self) -> None:
        self.said_fallback = "Lines come straight from runners"
        self.watched.begin_fallback()

    def runner_says(self, message: str, *, n: int) -> None:
        self.watched.runner_row((EntryId(n, 0), raw(message=message, src="r1", n=str(n))))

    def redis_is_back(self, *flushed: tuple[str, int]) -> None:
        """With what a runner said and wrote now, each a message and its number."""
        self.said_fallback = ""
        self.watched.end_fallback(Gap(GapReason.FAILOVER, None, detail="back"))
        self.watched.sequence_gaps.complete = True
        for message, n in flushed:
            row = (EntryId(len(self.rows) + 1, 0), raw(message=message, src="r1", n=str(n)))
            self.rows.append(row)
            self.watched.read([row])

    def use(self, redactor: Redactor) -> None:
        self.redactor = redactor
        self.watched.use(redactor)

    def subscribe(
        self, target: Target, selection: Selection, wake: Callable[[], None], *, ring_bytes: int
    ) -> Subscription:
        assert target == TARGET
        one = Subscription(self.watched, selection, wake, limit=ring_bytes)
        self.subscriptions.append(one)
        return one

    def unsubscribe(self, subscription: Subscription) -> None:
        subscription.closed = True
        self.watched.leave(subscription)
        self.subscriptions.remove(subscription)

    def problem(self, _: Target) -> str:
        return self.said_problem

    def fallback(self, _: Target) -> str:
        return self.said_fallback


class PaperHistory:
    """Reads the hub's list in one page, up to where the live ring begins."""

    def __init__(self, hub: Any, live: Subscription, start: Start) -> None:
        self._hub: PaperHub = hub
        self._live, self._start = live, start
        self._after = Cursor(ZERO_ID, 0)
        self.done = False

    async def begin(self) -> Cursor:
        await asyncio.sleep(0)
        start, boundary = self._start, self._live.ring.floor or self._live.boundary
        assert boundary is not None
        if start.cursor is not None:
            self._after = start.cursor
        else:
            at = max(0, boundary.id.ms - (start.tail or 0))
            if start.since_ms is not None:
                at = min(start.since_ms - 1, boundary.id.ms)
            index = sum(row[0].ms <= at for row in self._hub.rows)
            self._after = Cursor(EntryId(at, 0), index)
        return self._after

    async def page(self) -> list[Piece]:
        await asyncio.sleep(0)
        if self._hub.away is not None:
            raise self._hub.away
        boundary = self._live.ring.floor or self._live.boundary
        assert boundary is not None
        private = WatchedStream(TARGET, "private", self._hub.redactor)
        private.account = Continuity(self._after)
        one = Subscription(private, self._live.selection, lambda: None, limit=1 << 30)
        one.ring.parked = False
        one.runner_buffer = self._live.runner_buffer
        private.sequence_gaps.complete = True
        private.read([row for row in self._hub.rows if self._after.id < row[0] <= boundary.id])
        private.flush(GapReason.RESET)
        pieces: list[Piece] = []
        while (piece := one.ring.take()) is not None:
            piece.history = True
            pieces.append(piece)
        self.done = True
        return [*pieces, Piece(boundary)]


@dataclass(eq=False)
class PaperNode:
    """A FeedOwner: as much of a node as a feed knows. Decisions come from the test.

    `written` are the calls that would have reached the database, in order.
    """

    hub: Any = field(default_factory=PaperHub)
    history: Any = PaperHistory
    soon: list[Feed] = field(default_factory=list)  # to be decided afresh
    over: list[tuple[Feed, bool]] = field(default_factory=list)  # and whether they are gone
    written: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    ours: bool = True  # whether the rows are still held by us
    speakers: Speakers = field(default_factory=Speakers)
    records: Bridge = field(init=False)

    def __post_init__(self) -> None:
        self.records = self._write

    async def _write(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        self.written.append((function.__name__, args, kwargs))
        return self.ours

    def history_of(self, lease: Lease) -> Any:
        return self.history

    def decide_soon(self, *feeds: Feed) -> None:
        self.soon += feeds

    def left(self, feed: Feed, *, gone: bool) -> None:
        self.over.append((feed, gone))


class Clock:
    """The loop's clock, set forward by the test."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ahead = 0.0

    def forward(self, seconds: float) -> None:
        self._ahead += seconds

    def time(self) -> float:
        return self._loop.time() + self._ahead

    def call_at(self, when: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        return self._loop.call_at(when - self._ahead, callback)


class Stage:
    """Opens feeds on a paper node."""

    def __init__(self) -> None:
        self.node = PaperNode()
        self.feeds: list[Feed] = []

    @property
    def hub(self) -> PaperHub:
        hub: PaperHub = self.node.hub
        return hub

    def open(
        self,
        *,
        ttl: float = 600,
        most: float = 3600,
        limits: SessionLimits = SessionLimits(),  # noqa: B008 - frozen
        wanted: Filter = EVERYTHING,
        start: Start = Start(tail=1000),  # noqa: B008 - frozen
        decided: bool = True,
        clock: Clock | None = None,
        **lease: Any,
    ) -> Feed:
        """A feed that ends in `ttl` seconds and can be made to last `most`."""
        now = dt.datetime.now(dt.UTC)
        row = Lease(
            id="session-1", holder="h", opened_at=now, expires_at=now + dt.timedelta(seconds=ttl),
            extendable_until=now + dt.timedelta(seconds=most), **lease,
        )  # fmt: skip
        feed = Feed(
            self.node, VIEWER, TARGET, allowed(limits=limits), row, wanted=wanted, rev=0,
            start=start, clock=clock,
        )  # fmt: skip
        self.feeds.append(feed)
        if decided:
            feed.apply(feed.decision)
        return feed


def allowed(*, limits: SessionLimits = SessionLimits(), **more: Any) -> Decision:  # noqa: B008 - frozen
    """A decision without a grant; `more` replaces what a test is about."""
    given: dict[str, Any] = {
        "allowed": True, "checks": (), "installs": None, "limits": limits, "until": None,
        "grant_id": None, "grant_label": "", "environment": "development", "related": True,
        "code": "", "reason": "", "hint": "", "can_request": False, "privileged": False,
        "retry_after": 0, "now": dt.datetime.now(dt.UTC), **more,
    }  # fmt: skip
    return Decision(**given)


async def said(feed: Feed) -> list[Any]:
    """What there is to say now, up to where the feed waits; each event frame is acknowledged."""
    out: list[Any] = []
    while not (out and isinstance(out[-1], CloseReason)):
        task = asyncio.create_task(feed.next())
        for _ in range(20):  # the stand-ins give way to the loop a few times, and never sleep
            await asyncio.sleep(0)
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return out
        out.append(task.result())
        if isinstance(out[-1], Events):
            feed.ack(out[-1].seq)
    return out


def shown(messages: list[Any]) -> list[str]:
    """The messages of the events among them."""
    return [
        event["message"]
        for message in messages
        if isinstance(message, Events)
        for event in json.loads(message.text())["events"]
    ]


def kinds(messages: list[Any]) -> list[str]:
    return [message.kind for message in messages if isinstance(message, ControlFrame)]


def frames(messages: list[Any], kind: str) -> list[dict[str, Any]]:
    """The control frames of this kind, read as a client reads them."""
    return [
        json.loads(message.text())
        for message in messages
        if isinstance(message, ControlFrame) and message.kind == kind
    ]


def status(messages: list[Any]) -> dict[str, Any]:
    """The last `status` frame."""
    return frames(messages, "status")[-1]
