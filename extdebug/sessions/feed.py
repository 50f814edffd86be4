"""One watching session, from its opening to its end: the one path to events for every transport.

A transport opens a feed, takes its messages one by one with `next()` and hands it what the client
said. The feed decides, records, joins history and live, keeps the credit and ends on time; it is
cut from outside by `end()` and `apply()`, which work even while the transport is stuck in a send.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from redis.exceptions import RedisError

from extdebug.db import in_record_threads
from extdebug.filters.filter import Filter, compile_filter
from extdebug.hub.history import fetch
from extdebug.hub.selection import Selection
from extdebug.protocol import server_frames
from extdebug.protocol.client_frames import ErrorCode, Fetch, ProtocolError
from extdebug.protocol.close_codes import CloseCode
from extdebug.protocol.server_frames import StreamState
from extdebug.sessions import close_reasons, session_frames, store
from extdebug.sessions.catch_up import CatchUp
from extdebug.sessions.close_reasons import CloseReason
from extdebug.sessions.flow_control import Events, FlowControl, GapNotice, Ledger, deliver
from extdebug.sessions.lifetime import Lifetime
from extdebug.sessions.session_frames import ControlFrame
from extdebug.streams.connection import LOST
from extdebug.wire.backoff import jittered
from extdebug.wire.keys import Target
from extdebug.wire.positions import Cursor, Start
from policies.access import Decision, Viewer

if TYPE_CHECKING:
    from extdebug.sessions.node import Node

ACCOUNT: Final = 5.0  # seconds between two `status` frames while the account moves
IDLE: Final = 15.0  # seconds without a frame until a `status` carries the cursor on
PAGES_ASKED: Final = 4  # `fetch` requests that may wait
UNSERVED: Final = 5.0  # seconds after its end, or unasked from its beginning: nobody serves it
NOTES_KEPT: Final = 64  # small frames that may wait for a slow client

Message = Events | GapNotice | ControlFrame | CloseReason


class Feed:
    """A session that was decided and recorded. Make it with `opening.open_feed`."""

    def __init__(
        self,
        node: Node,
        viewer: Viewer,
        target: Target,
        decision: Decision,
        lease: store.Lease,
        *,
        wanted: Filter,
        rev: int,
        start: Start,
    ) -> None:
        self.node = node
        self.viewer = viewer
        self.target = target
        self.decision = decision
        self.lease = lease
        self.ended = asyncio.Event()
        self.finished = False
        self.ending: CloseReason | None = None
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._filter = wanted
        self._filters: list[Mapping[str, object]] = list(lease.filters)
        self._total = Ledger(lease.shown, lease.filtered, dict(lease.lost or {}))
        self._noted = 0
        limits = decision.limits
        self.flow = FlowControl(
            position=start.cursor or Cursor.parse("0-0"), rev=rev, window=limits.window_bytes,
            events_per_second=limits.events_per_second, bytes_per_second=limits.bytes_per_second,
        )  # fmt: skip
        self._placed = start.cursor is not None
        self._control_frames: list[ControlFrame] = []
        self._fetches: list[Fetch] = []
        self._paused = False
        self._attempt = 0
        self._state: StreamState | None = None
        self._confirmed = False  # decided again since the supervisor knows of us
        self._asked = False
        now = self._loop.time()
        self._spoke = self._told = self._born = now
        self._ended_at: float | None = None
        self._told_entries = 0
        self.lifetime = Lifetime()
        self.lifetime.until(lease.expires_at, now=now)
        self.lifetime.authority(decision.until, decided=decision.now, now=now)
        self._catch_up = CatchUp(
            node.hub, target, wake=self._wake.set, ring_bytes=limits.ring_bytes
        )
        self._note_filter()
        self._begin(start)

    def _begin(self, start: Start) -> None:
        self._start = start
        self._catch_up.begin(Selection(self.decision.installs, self._filter), start)

    def _again(self) -> None:
        """Go on from the last place that was sent, read anew: what was queued is not lost."""
        self._begin(Start(cursor=self.flow.position) if self._placed else self._start)

    def _note_filter(self) -> None:
        shown = store.shown_filter(self._filter, self.node.hub.redactor, self.target)
        self._filters = store.noted(self._filters, shown)

    def ready(self, names: server_frames.ReadyTarget) -> ControlFrame:
        """The first frame of the session."""
        return session_frames.ready(
            self.lease, self.decision, names, lifetime=self.lifetime, now=self._loop.time(),
            rev=self.flow.rev, on_runners=bool(self._catch_up.on_runners),
        )  # fmt: skip

    # --- what the client says -----------------------------------------------------------------

    def ack(self, seq: int) -> None:
        if not self.flow.ack(seq):
            raise ProtocolError(ErrorCode.OUT_OF_PLACE, f"seq {seq} was never sent")
        self._wake.set()

    def set_filter(self, wanted: Filter, *, rev: int, start: Start | None = None) -> None:
        """Another filter from the last place sent, or from `start` with an account begun anew."""
        self._filter = wanted
        self.flow.rev = rev
        self._note_filter()
        if start is None:
            self._again()
        else:
            self._total.add(self.flow.ledger)
            self.flow.ledger = Ledger()
            self._placed = start.cursor is not None
            if start.cursor is not None:
                self.flow.position = start.cursor
            self._begin(start)
        self._state = None  # answered by a status
        if self._paused:
            self._catch_up.leave()

    def pause(self) -> None:
        """Stop delivery and keep the place, not the memory."""
        self._paused = True
        self._catch_up.leave()
        self._wake.set()

    def resume(self) -> None:
        if self._paused:
            self._paused = False
            self._again()

    def fetch(self, wanted: Fetch) -> None:
        if len(self._fetches) >= PAGES_ASKED:
            raise ProtocolError(ErrorCode.TOO_FAST, "wait for the pages you asked for")
        self._fetches.append(wanted)
        self._wake.set()

    async def extend(self) -> None:
        """As much time again as a session begins with, within what the policy allows."""
        ttl = dt.timedelta(seconds=self.decision.limits.ttl_seconds)
        until = min(self.lease.extendable_until, dt.datetime.now(dt.UTC) + ttl)
        if until <= self.lifetime.expires_at + dt.timedelta(seconds=1):
            raise ProtocolError(
                ErrorCode.NOT_EXTENDABLE, "this session cannot last longer; open a new one"
            )
        if not await in_record_threads(
            store.extend, self.lease, self.viewer, self.target, until=until
        ):
            raise ProtocolError(ErrorCode.NOT_EXTENDABLE, "this session is over")
        self.lifetime.until(until, now=self._loop.time())
        self._state = None
        self._wake.set()

    def say(self, note: ControlFrame) -> None:
        """A small frame to send when its turn comes; the oldest of too many goes."""
        if len(self._control_frames) >= NOTES_KEPT:
            del self._control_frames[0]
        self._control_frames.append(note)
        self._wake.set()

    # --- what policy says ---------------------------------------------------------------------

    def end(self, end: CloseReason) -> None:
        """End now, for this reason; the first reason stands."""
        if self.ending is None:
            self.ending = end
            self._ended_at = self._loop.time()
            self.ended.set()
            self._wake.set()

    def apply(self, decision: Decision, *, asked_at: float | None = None) -> None:
        """A decision made afresh: end, or go on under it. `asked_at`: the loop's time before it."""
        if not decision.allowed:
            self.end(close_reasons.cut(decision))
            return
        self._confirmed = True
        before, self.decision = self.decision, decision
        limits = decision.limits
        self.flow.limit(
            events_per_second=limits.events_per_second, bytes_per_second=limits.bytes_per_second
        )
        now = self._loop.time()
        # Counted from the question: an answer that was long on its way prolongs nothing.
        self.lifetime.authority(
            decision.until, decided=decision.now, now=now if asked_at is None else asked_at
        )
        if decision.installs != before.installs:
            self._control_frames = [session_frames.emptied(note) for note in self._control_frames]
            if not self._paused:
                self._again()
        self._wake.set()

    @property
    def due(self) -> bool:
        """Whether the authority of the last decision has run out by time alone."""
        return self.lifetime.due(self._loop.time())

    def unserved(self, now: float) -> bool:
        """Whether no transport takes what there is to say any more: stuck, or never begun."""
        if self.lifetime.over(now):
            self.end(close_reasons.TIME_UP)  # who is stuck in a send does not ask for the time
        if self._ended_at is not None:
            return now - self._ended_at >= UNSERVED
        if self._asked or now - self._born < UNSERVED:
            return False
        self.end(close_reasons.unavailable("Nobody came for the stream."))
        return True

    # --- what the client gets -----------------------------------------------------------------

    @property
    def ttl(self) -> int:
        """Seconds left."""
        return self.lifetime.left(self._loop.time())

    @property
    def problem(self) -> str:
        """Why nothing new comes, in a person's words."""
        return self._catch_up.problem

    @property
    def state(self) -> str:
        """What the client was last told; `opening` before it was told anything."""
        return self._state or "opening"

    @property
    def caught_up(self) -> bool:
        """Whether everything that the stream holds now was handed out: what comes next is new."""
        return (
            self._state in (StreamState.LIVE, StreamState.FALLBACK) and not self._catch_up.waiting
        )

    @property
    def stuck(self) -> bool:
        """Whether nothing can come now, because its source is away."""
        return self._state is StreamState.DEGRADED and not self._catch_up.waiting

    async def next(self) -> Message:
        """The next message; after an End there is none. Waits until there is something to say."""
        self._asked = True
        while True:
            self._wake.clear()
            message = self._step(self._loop.time())
            if message is not None:
                self._spoke = self._loop.time()
                return message
            if self._fetches and self.flow.open:
                await self._page(self._fetches.pop(0))
            elif self.flow.open and self._catch_up.readable:
                await self._read()
            else:
                await self._sleep()

    def _step(self, now: float) -> Message | None:
        if self.lifetime.over(now):
            self.end(close_reasons.TIME_UP)
        failed = compile_filter(self._filter).failed
        if failed is not None:  # it selects nothing any more: the account would not be true
            self.end(close_reasons.bad_request(str(failed), reason=failed.code))
        if self.ending is not None:
            return self.ending
        if not self._confirmed:
            return None  # a change while we opened counts: the supervisor decides first
        if self.lifetime.due(now):
            # Nothing more under an authority that ended: the supervisor decides afresh.
            self.node.supervisor.decide_soon(self)
            return None
        if self._control_frames:
            return self._control_frames.pop(0)
        if self.lifetime.warn(now):
            return session_frames.expiring(self.lifetime, now=now)
        if now - self._told >= ACCOUNT and self.flow.ledger.entries != self._told_entries:
            return self._status(now, always=True)
        message: Message | None = None if self._paused else deliver(self.flow, self._catch_up, now)
        return message or self.flow.limited(now, before=None) or self._status(now)

    async def _read(self) -> None:
        try:
            found = await self._catch_up.read()
        except (RedisError, *LOST):
            self._attempt += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), jittered(self._attempt))
            return
        self._attempt = 0
        if found is not None and not self._placed:
            self.flow.position, self._placed = found, True

    async def _page(self, wanted: Fetch) -> None:
        before, installs = wanted.before_cursor, self.decision.installs
        try:
            found, cursor, done = await fetch(
                self.node.hub, self.target, selection=Selection(installs, self._filter),
                after=wanted.after_cursor, before_id=before.id if before else None,
                limit=wanted.limit,
            )  # fmt: skip
        except (RedisError, *LOST):
            error = ProtocolError(ErrorCode.UNAVAILABLE, "Redis does not answer; ask again")
            self.say(ControlFrame("error", server_frames.error_frame(error)))
            return
        if installs != self.decision.installs:
            self._fetches.insert(0, wanted)  # found for a scope that is no longer ours
            return
        self.say(session_frames.page(wanted.id, found, flow=self.flow, cursor=cursor, done=done))

    def _now_state(self) -> tuple[StreamState, str]:
        catch_up = self._catch_up
        if self._paused:
            return StreamState.PAUSED, "Delivery is paused; your place is kept."
        if limited := catch_up.on_runners:
            return StreamState.FALLBACK, limited
        if problem := catch_up.problem:
            return StreamState.DEGRADED, f"{problem}. New lines will follow when it is back."
        if catch_up.reading:
            return StreamState.HISTORY, "Reading what the stream still holds."
        return StreamState.LIVE, ""

    def _status(self, now: float, *, always: bool = False) -> ControlFrame | None:
        state, message = self._now_state()
        opening = (
            state is StreamState.HISTORY and self._state is None and not self._catch_up.attached
        )
        changed = state is not self._state and not opening
        if not changed and not always and now - self._spoke < IDLE:
            return None
        self._state, self._told, self._told_entries = state, now, self.flow.ledger.entries
        return session_frames.status(
            state, message, flow=self.flow, lifetime=self.lifetime, now=now, placed=self._placed,
            lag_ms=self._lag() if state is StreamState.LIVE else None,
        )  # fmt: skip

    def _lag(self) -> int:
        if not self._catch_up.waiting:
            return 0
        return max(0, int(dt.datetime.now(dt.UTC).timestamp() * 1000) - self.flow.position.id.ms)

    async def _sleep(self) -> None:
        now = self._loop.time()
        at = min(self.lifetime.next(now), self._spoke + IDLE)
        if self.flow.limited_since is not None:
            at = min(at, self.flow.limited_since + 1.0)
        timer = self._loop.call_at(max(at, now + 0.001), self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()

    # --- the end ------------------------------------------------------------------------------

    @property
    def account(self) -> store.Account:
        """What was shown over the whole session, all filters and connections together."""
        ledger = Ledger()
        ledger.add(self._total)
        ledger.add(self.flow.ledger)
        return store.Account(
            shown=ledger.shown,
            filtered=ledger.filtered,
            lost=ledger.lost,
            unknown=sorted(ledger.unknown),
            cursor=str(self.flow.acked_position) if self._placed else "",
            filters=self._filters,
        )

    def changed(self) -> bool:
        """Whether the account moved since this was last asked."""
        entries = self._total.entries + self.flow.ledger.entries
        changed, self._noted = entries != self._noted, entries
        return changed and not self.finished

    async def finish(self, *, gone: bool, code: int = 1000, reason: str = "") -> None:
        """Leave the hub and write the row's end. `gone`: lost, not closed, so it may be resumed."""
        if self.finished:
            return
        self.finished = True
        self._catch_up.leave()
        self.node.supervisor.forget(self)
        self.node.stats.over(self, gone=gone)
        end = self.ending
        if end is close_reasons.TAKEN:
            return
        if end is not None:
            gone = end.code is CloseCode.RESTARTING
            code, reason = int(end.code), end.reason
        if gone:
            await in_record_threads(store.detach, self.lease, self.account)
        else:
            await in_record_threads(
                store.close, self.lease, self.viewer, self.target, self.account,
                code=code, reason=reason,
            )  # fmt: skip
