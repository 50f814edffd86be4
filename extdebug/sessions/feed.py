"""One watching session, from its opening to its end: the one path to events for every transport.

A transport opens a feed, takes its messages one by one with `next()` and hands it what the client
said. The feed joins history and live, holds what leaves to the decision in force, and ends on time;
it is cut from outside by `end()` and `apply()`, which work even while a send of the transport is
stuck.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from typing import Final, Protocol

from redis.exceptions import RedisError

from extdebug.db import Bridge
from extdebug.filters.filter import Filter, compile_filter
from extdebug.hub.history import History
from extdebug.hub.hub import Hub
from extdebug.hub.selection import Selection
from extdebug.protocol.client_frames import ErrorCode, Fetch, ProtocolError
from extdebug.protocol.close_codes import CloseCode
from extdebug.protocol.server_frames import ReadyTarget, StreamState
from extdebug.sessions import close_reasons, session_frames, store
from extdebug.sessions.accounting import Accounting
from extdebug.sessions.catch_up import CatchUp
from extdebug.sessions.close_reasons import CloseReason
from extdebug.sessions.delivery import deliver
from extdebug.sessions.flow_control import Events, FlowControl, GapNotice
from extdebug.sessions.ledger import Ledger
from extdebug.sessions.lifetime import Lifetime
from extdebug.sessions.paging import Paging
from extdebug.sessions.session_frames import ControlFrame
from extdebug.sessions.status import StatusTeller
from extdebug.streams.connection import LOST
from extdebug.wire.backoff import jittered
from extdebug.wire.keys import Target
from extdebug.wire.positions import ZERO_ID, Cursor, Start
from policies.access import Decision, Viewer

UNSERVED: Final = 5.0  # seconds after its end, or unasked from its beginning: nobody serves it
FRAMES_KEPT: Final = 64  # small frames that may wait for a slow client

Message = Events | GapNotice | ControlFrame | CloseReason


class FeedOwner(Protocol):
    """What a feed needs of the process it runs in; the Node."""

    hub: Hub
    records: Bridge
    history: type[History]

    def decide_soon(self, *feeds: Feed) -> None:
        """Decide afresh who may watch, for these."""

    def left(self, feed: Feed, *, gone: bool) -> None:
        """The feed is over."""


class Feed:
    """A session that was decided and recorded. Make it with `opening.open_feed`."""

    def __init__(
        self,
        owner: FeedOwner,
        viewer: Viewer,
        target: Target,
        decision: Decision,
        lease: store.Lease,
        *,
        wanted: Filter,
        rev: int,
        start: Start,
    ) -> None:
        self.viewer = viewer
        self.target = target
        self.decision = decision
        self.lease = lease
        self.ended = asyncio.Event()
        self.finished = False
        self.ending: CloseReason | None = None
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._filter = wanted
        self._start = start
        self._placed = start.cursor is not None
        self._control_frames: list[ControlFrame] = []
        self._paused = self._confirmed = self._asked = False
        self._attempt = 0
        self._born = now = self._loop.time()
        self._ended_at: float | None = None
        limits = decision.limits
        self.flow = FlowControl(
            position=start.cursor or Cursor(ZERO_ID), rev=rev, window=limits.window_bytes,
            events_per_second=limits.events_per_second, bytes_per_second=limits.bytes_per_second,
            ledger=Ledger.of(
                shown=lease.shown, filtered=lease.filtered, lost=lease.lost or {},
                unknown=lease.unknown,
            ),
        )  # fmt: skip
        self.lifetime = Lifetime()
        self.lifetime.until(lease.expires_at, now=now)
        self.lifetime.authority(decision.until, decided=decision.now, now=now)
        self._catch_up = CatchUp(
            owner.hub, target, wake=self._wake.set, ring_bytes=limits.ring_bytes,
            keeps_up=self._keeps_up, history=owner.history,
        )  # fmt: skip
        self._status = StatusTeller(self.flow, self._catch_up, self.lifetime, now=now)
        self._paging = Paging(owner.hub, target)
        self._accounting = Accounting(lease)
        self._accounting.use_filter(wanted, owner.hub.redactor, target)
        self._catch_up.begin(self._selection, start)

    @property
    def _selection(self) -> Selection:
        return Selection(self.decision.installs, self._filter)

    def _keeps_up(self) -> bool:
        return not self._paused and self.flow.keeps_up(self._loop.time())

    def _again(self) -> None:
        """Go on from the last place that was told, read anew: what was queued is not lost."""
        self.flow.stand_at(self.flow.position)
        start = Start(cursor=self.flow.position) if self._placed else self._start
        self._catch_up.begin(self._selection, start)

    def ready(self, names: ReadyTarget) -> ControlFrame:
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
        """Another filter from the last place told, or from `start` with an account begun anew."""
        self._filter = wanted
        self.flow.rev = rev
        self._accounting.use_filter(wanted, self._owner.hub.redactor, self.target)
        if start is None:
            self._again()
        else:
            self._accounting.begin_anew(self.flow)
            self._placed = start.cursor is not None
            self.flow.stand_at(start.cursor or self.flow.position)
            self._start = start
            self._catch_up.begin(self._selection, start)
        self._status.answer()
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
        self._paging.ask(wanted)
        self._wake.set()

    async def extend(self) -> None:
        """As much time again as a session begins with, within what the policy allows."""
        ttl = dt.timedelta(seconds=self.decision.limits.ttl_seconds)
        until = min(self.lease.extendable_until, dt.datetime.now(dt.UTC) + ttl)
        if until <= self.lifetime.expires_at + dt.timedelta(seconds=1):
            raise ProtocolError(
                ErrorCode.NOT_EXTENDABLE, "this session cannot last longer; open a new one"
            )
        extended = await self._owner.records(
            store.extend, self.lease, self.viewer, self.target, until=until
        )
        if not extended:
            raise ProtocolError(ErrorCode.NOT_EXTENDABLE, "this session is over")
        self.lifetime.until(until, now=self._loop.time())
        self._status.answer()
        self._wake.set()

    def say(self, frame: ControlFrame) -> None:
        """A small frame to send when its turn comes; the oldest of too many goes."""
        if len(self._control_frames) >= FRAMES_KEPT:
            del self._control_frames[0]
        self._control_frames.append(frame)
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
            self.prepare_again()
        self._wake.set()

    def prepare_again(self) -> None:
        """Authority or redaction rules changed: all that waits is read and prepared anew."""
        self._control_frames = [session_frames.emptied(frame) for frame in self._control_frames]
        self._paging.start_over()
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
        return self._status.state or "opening"

    @property
    def caught_up(self) -> bool:
        """Whether everything that the stream holds now was handed out: what comes next is new."""
        told = self._status.state in (StreamState.LIVE, StreamState.FALLBACK)
        return told and not self._catch_up.waiting

    @property
    def stuck(self) -> bool:
        """Whether nothing can come now, because its source is away."""
        return self._status.state is StreamState.DEGRADED and not self._catch_up.waiting

    async def next(self) -> Message:
        """The next message; after a CloseReason there is none. Waits until there is one."""
        self._asked = True
        while True:
            self._wake.clear()
            message = self._step(self._loop.time())
            if message is not None:
                self._status.spoke(self._loop.time())
                return message
            if self._paging and self.flow.open:
                now = self._loop.time()
                page = await self._paging.answer(self._selection, self.flow, now=now)
                if page is not None:
                    self.say(page)
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
            self._owner.decide_soon(self)
            return None
        if self._control_frames:
            return self._control_frames.pop(0)
        if self.lifetime.warn(now):
            return session_frames.expiring(self.lifetime, now=now)
        if self._status.account_due(now):
            return self._status.frame(now, paused=self._paused, placed=self._placed, always=True)
        message: Message | None = None if self._paused else deliver(self.flow, self._catch_up, now)
        return (
            message
            or self.flow.limited(now, before=None)
            or self._status.frame(now, paused=self._paused, placed=self._placed)
        )

    async def _read(self) -> None:
        try:
            found = await self._catch_up.read()
        except (RedisError, *LOST):
            self._attempt += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), jittered(self._attempt))
            return
        self._attempt = 0
        if found is not None and (not self._placed or found.id == self.flow.position.id):
            self.flow.stand_at(found)
            self._placed = True

    async def _sleep(self) -> None:
        now = self._loop.time()
        at = min(self.lifetime.next(now), self._status.next_at)
        if self.flow.refused_since is not None:
            at = min(at, self.flow.refused_since + 1.0)
        timer = self._loop.call_at(max(at, now + 0.001), self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()

    # --- the end ------------------------------------------------------------------------------

    @property
    def account(self) -> store.Account:
        """What was shown over the whole session, all filters and connections together."""
        return self._accounting.account(self.flow, placed=self._placed)

    def changed(self) -> bool:
        """Whether the account moved since this was last asked."""
        return self._accounting.changed(self.flow) and not self.finished

    async def finish(self, *, gone: bool, code: int = 1000, reason: str = "") -> None:
        """Leave the hub and write the row's end. `gone`: lost, not closed, so it may be resumed."""
        if self.finished:
            return
        self.finished = True
        self._catch_up.leave()
        self._owner.left(self, gone=gone)
        end = self.ending
        if end is close_reasons.TAKEN:
            return
        if end is not None:
            gone = end.code is CloseCode.RESTARTING
            code, reason = int(end.code), end.reason
        if gone:
            await self._owner.records(store.detach, self.lease, self.account)
        else:
            await self._owner.records(
                store.close, self.lease, self.viewer, self.target, self.account,
                code=code, reason=reason,
            )  # fmt: skip
