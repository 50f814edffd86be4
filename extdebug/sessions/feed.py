"""One watching session, from its opening to its end: the one path to events for every transport.

A transport opens a feed, takes its messages one by one with `next()` and hands it what the client
said. The feed joins history and live, holds what leaves to the decision in force, and ends on time;
it is cut from outside by `end()` and `apply()`, which work even while a send of the transport is
stuck.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Final, Protocol

from extdebug.db import Bridge
from extdebug.filters.filter import Filter
from extdebug.hub.history import History
from extdebug.hub.hub import Hub
from extdebug.protocol.client_frames import ErrorCode, Fetch, ProtocolError
from extdebug.protocol.server_frames import ReadyTarget, StreamState
from extdebug.sessions import close_reasons, session_frames, store
from extdebug.sessions.accounting import Accounting
from extdebug.sessions.authority import Authority
from extdebug.sessions.close_reasons import CloseReason
from extdebug.sessions.flow_control import Events, GapNotice
from extdebug.sessions.lifetime import LoopClock
from extdebug.sessions.paging import Paging
from extdebug.sessions.playback import Playback
from extdebug.sessions.session_frames import ControlFrame
from extdebug.sessions.session_row import SessionRow
from extdebug.sessions.status import StatusTeller
from extdebug.wire.keys import Target
from extdebug.wire.positions import Start
from policies.access import Decision, Viewer

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
        clock: LoopClock | None = None,
    ) -> None:
        self.viewer = viewer
        self.target = target
        self.lease = lease
        self.finished = False
        self._owner = owner
        self._row = SessionRow(lease, viewer, target, records=owner.records)
        self._clock = clock or asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._control_frames: list[ControlFrame] = []
        now = self._clock.time()
        self._authority = Authority(decision, lease, wake=self._wake.set, now=now)
        self.ended = self._authority.ended
        self.lifetime = self._authority.lifetime
        self._playback = Playback(
            owner.hub, target, decision, lease, wanted=wanted, rev=rev, start=start,
            history=owner.history, wake=self._wake.set, clock=self._clock,
        )  # fmt: skip
        self.flow = self._playback.flow
        self._catch_up = self._playback.catch_up
        self._status = StatusTeller(self.flow, self._catch_up, self.lifetime, now=now)
        self._paging = Paging(owner.hub, target)
        self._accounting = Accounting(lease)
        self._accounting.use_filter(wanted, owner.hub.redactor, target)
        self._playback.begin()

    @property
    def decision(self) -> Decision:
        """The decision in force."""
        return self._authority.decision

    @property
    def ending(self) -> CloseReason | None:
        """Why the session ends, once it does."""
        return self._authority.ending

    def ready(self, names: ReadyTarget) -> ControlFrame:
        """The first frame of the session."""
        return session_frames.ready(
            self.lease, self.decision, names, lifetime=self.lifetime, now=self._clock.time(),
            rev=self.flow.rev, on_runners=bool(self._catch_up.on_runners),
        )  # fmt: skip

    # --- what the client says -----------------------------------------------------------------

    def ack(self, seq: int) -> None:
        if not self.flow.ack(seq):
            raise ProtocolError(ErrorCode.OUT_OF_PLACE, f"seq {seq} was never sent")
        self._wake.set()

    def set_filter(self, wanted: Filter, *, rev: int, start: Start | None = None) -> None:
        """Another filter from the last place told, or from `start` with an account begun anew."""
        self.flow.rev = rev
        self._accounting.use_filter(wanted, self._owner.hub.redactor, self.target)
        if start is not None:
            self._accounting.begin_anew(self.flow)
        self._playback.use_filter(wanted, start=start)
        self._status.answer()

    def pause(self) -> None:
        """Stop delivery and keep the place, not the memory."""
        self._playback.pause()
        self._wake.set()

    def resume(self) -> None:
        self._playback.resume()

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
        if not await self._row.extend(until):
            raise ProtocolError(ErrorCode.NOT_EXTENDABLE, "this session is over")
        self.lifetime.until(until, now=self._clock.time())
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
        self._authority.end(end, now=self._clock.time())

    def apply(self, decision: Decision, *, asked_at: float | None = None) -> None:
        """A decision made afresh: end, or go on under it. `asked_at`: the loop's time before it."""
        now = self._clock.time()
        asked_at = now if asked_at is None else asked_at
        other_scope = self._authority.apply(decision, asked_at=asked_at, now=now)
        if decision.allowed:
            self._playback.use_limits(decision)
        if other_scope:
            self.read_again()

    def read_again(self) -> None:
        """Authority or redaction rules changed: all that waits is read and redacted anew."""
        self._control_frames = [session_frames.emptied(frame) for frame in self._control_frames]
        self._paging.start_over()
        self._playback.go_on()
        self._wake.set()

    @property
    def due(self) -> bool:
        """Whether the authority of the last decision has run out by time alone."""
        return self.lifetime.due(self._clock.time())

    def unserved(self, now: float) -> bool:
        """Whether no transport takes what there is to say any more: stuck, or never begun."""
        return self._authority.unserved(now)

    # --- what the client gets -----------------------------------------------------------------

    @property
    def ttl(self) -> int:
        """Seconds left."""
        return self.lifetime.left(self._clock.time())

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
        self._authority.asked = True
        while True:
            self._wake.clear()
            message = self._step(self._clock.time())
            if message is not None:
                self._status.spoke(self._clock.time())
                return message
            if self._paging and self.flow.open:
                now = self._clock.time()
                page = await self._paging.answer(self._playback.selection, self.flow, now=now)
                if page is not None:
                    self.say(page)
            elif self.flow.open and self._catch_up.readable:
                await self._playback.read(self.ended)
            else:
                await self._sleep()

    def _step(self, now: float) -> Message | None:
        self._authority.end_on_time(now)
        failed = self._playback.failed
        if failed is not None:  # it selects nothing any more: the account would not be true
            self.end(close_reasons.bad_request(str(failed), reason=failed.code))
        if self.ending is not None:
            return self.ending
        if not self._authority.confirmed:
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
            return self._status_frame(now, always=True)
        return (
            self._playback.deliver(now)
            or self.flow.limited(now, before=None)
            or self._status_frame(now)
        )

    def _status_frame(self, now: float, *, always: bool = False) -> ControlFrame | None:
        paused, placed = self._playback.paused, self._playback.placed
        return self._status.frame(now, paused=paused, placed=placed, always=always)

    async def _sleep(self) -> None:
        now = self._clock.time()
        at = min(self.lifetime.next(now), self._status.next_at)
        if self.flow.refused_since is not None:
            at = min(at, self.flow.refused_since + 1.0)
        timer = self._clock.call_at(max(at, now + 0.001), self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()

    # --- the end ------------------------------------------------------------------------------

    @property
    def account(self) -> store.Account:
        """What was shown over the whole session, all filters and connections together."""
        return self._accounting.account(self.flow, placed=self._playback.placed)

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
        await self._row.finish(self.account, self.ending, gone=gone, code=code, reason=reason)
