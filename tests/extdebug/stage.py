"""A real feed among stand-ins: a hub with its stream in a list, a patrol, and rows on paper."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from extdebug.filters.filter import EVERYTHING, Filter
from extdebug.hub.redacting_decoder import RedactingDecoder
from extdebug.hub.ring_buffer import Piece
from extdebug.hub.selection import Selection, make_chunk
from extdebug.hub.watched_stream import Subscription, WatchedStream
from extdebug.sessions.feed import Feed
from extdebug.sessions.stats import SessionStats
from extdebug.sessions.store import Lease
from extdebug.streams.replies import Row, Snapshot
from extdebug.wire.keys import Target
from extdebug.wire.positions import ZERO_ID, Cursor, EntryId, Start
from policies.decisions.decide import Decision
from policies.decisions.facts import SessionLimits
from policies.identity.viewers import Viewer
from policies.redaction.redactor import Redactor
from tests.extdebug.entries import raw

TARGET = Target("acme", "invoice-sync")
VIEWER = Viewer(user_id=1, username="dan", transport="ws")


class PaperHub:
    """The stream as a list of rows; its one watch is fed by `write`."""

    def __init__(self) -> None:
        self.redactor = Redactor(key=None)
        self.rows: list[Row] = []
        self.subscriptions: list[Subscription] = []
        self.watch = WatchedStream(TARGET, "ext-debug:acme:invoice-sync", self.redactor)
        self.watch.attach(Snapshot(exists=False), run_id="r")

    def write(self, *messages: str, **more: str) -> None:
        first = len(self.rows) + 1
        new = [
            (EntryId(first + place, 0), raw(message=message, **more))
            for place, message in enumerate(messages)
        ]
        self.rows += new
        assert self.watch.account is not None
        self.watch.deliver(self.watch.account.got([row[0] for row in new]), new)

    def subscribe(
        self, target: Target, selection: Selection, wake: Callable[[], None], *, ring_bytes: int
    ) -> Subscription:
        assert target == TARGET
        one = Subscription(self.watch, selection, wake, limit=ring_bytes)
        self.subscriptions.append(one)
        return one

    def unsubscribe(self, subscription: Subscription) -> None:
        subscription.closed = True
        self.watch.leave(subscription)
        self.subscriptions.remove(subscription)

    def problem(self, _: Target) -> str:
        return ""

    def fallback(self, _: Target) -> str:
        return ""


class PaperHistory:
    """Reads the hub's list in one page, up to where the live ring begins."""

    def __init__(self, hub: PaperHub, live: Subscription, start: Start) -> None:
        self._hub, self._live, self._start = hub, live, start
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
            self._after = Cursor(EntryId(at, 0), at)
        return self._after

    async def page(self) -> list[Piece]:
        await asyncio.sleep(0)
        boundary = self._live.ring.floor or self._live.boundary
        assert boundary is not None
        prepare = RedactingDecoder(self._hub.redactor, TARGET)
        rows = [row for row in self._hub.rows if self._after.id < row[0] <= boundary.id]
        part = [prepare(row) for row in rows]
        chosen = self._live.selection.choose([one.event for one in part if one.event])
        self.done = True
        if not chosen:
            return [Piece(boundary, len(part))]
        chunk = make_chunk(part, chosen)
        return [Piece(boundary, len(part) - chunk.count, chunk, history=True)]


@dataclass(eq=False)
class PaperSupervisor:
    """Remembers what it was asked; decisions come from the test."""

    soon: list[Feed] = field(default_factory=list)
    forgot: list[Feed] = field(default_factory=list)

    def decide_soon(self, *feeds: Feed) -> None:
        self.soon += feeds

    def forget(self, feed: Feed) -> None:
        self.forgot.append(feed)


@dataclass(eq=False)
class PaperNode:
    """As much of a console as a feed knows."""

    hub: PaperHub = field(default_factory=PaperHub)
    supervisor: PaperSupervisor = field(default_factory=PaperSupervisor)
    stats: SessionStats = field(default_factory=SessionStats)


class Clock:
    """The loop's clock, set forward by the test."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ahead = 0.0

    def forward(self, seconds: float) -> None:
        self._ahead += seconds

    def time(self) -> float:
        return self._loop.time() + self._ahead

    def call_at(self, at: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        return self._loop.call_at(at - self._ahead, callback)


class Stage:
    """Opens feeds; `written` are the calls that would have reached the database, in order."""

    def __init__(self) -> None:
        self.node = PaperNode()
        self.written: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.ours = True  # whether the rows are still held by us
        self.feeds: list[Feed] = []

    @property
    def hub(self) -> PaperHub:
        return self.node.hub

    async def records(self, function: Any, *args: Any, **kwargs: Any) -> bool:
        await asyncio.sleep(0)
        self.written.append((function.__name__, args, kwargs))
        return self.ours

    def open(
        self,
        *,
        ttl: float = 600,
        most: float = 3600,
        limits: SessionLimits = SessionLimits(),  # noqa: B008 - frozen
        wanted: Filter = EVERYTHING,
        start: Start = Start(tail=1000),  # noqa: B008 - frozen
        decided: bool = True,
        **lease: Any,
    ) -> Feed:
        """A feed that ends in `ttl` seconds and can be made to last `most`."""
        now = dt.datetime.now(dt.UTC)
        row = Lease(
            id="session-1", holder="h", opened_at=now, expires_at=now + dt.timedelta(seconds=ttl),
            extendable_until=now + dt.timedelta(seconds=most), **lease,
        )  # fmt: skip
        node: Any = self.node
        feed = Feed(
            node, VIEWER, TARGET, allowed(limits=limits), row, wanted=wanted, rev=0, start=start
        )
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
