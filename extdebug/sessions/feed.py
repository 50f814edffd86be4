"""One watching session, from its opening to its end: the one path to events for every transport.

A transport opens a feed, takes its messages one by one with `next()` and hands it what the client
said. The feed joins history and live, holds what leaves to the decision in force, and ends on time;
it is cut from outside by `end()` and `apply()`, which work even while a send is stuck.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from extdebug.db import Bridge
from extdebug.filters.filter import Filter
from extdebug.hub.hub import Hub
from extdebug.protocol.client_frames import ErrorCode, Fetch, ProtocolError
from extdebug.protocol.server_frames import ReadyTarget, StreamState
from extdebug.sessions import close_reasons, session_frames, store
from extdebug.sessions.account import Account
from extdebug.sessions.accounting import Accounting
from extdebug.sessions.at_once import AtOnce, Write
from extdebug.sessions.authority import Authority
from extdebug.sessions.bell import Bell
from extdebug.sessions.catch_up import ReadPast
from extdebug.sessions.close_reasons import CloseReason
from extdebug.sessions.following import Following
from extdebug.sessions.lifetime import LoopClock
from extdebug.sessions.overview_requests import OverviewRequests
from extdebug.sessions.paging import Paging
from extdebug.sessions.playback import Playback
from extdebug.sessions.presence import Presence
from extdebug.sessions.session_frames import ControlFrame
from extdebug.sessions.session_row import SessionRow
from extdebug.sessions.speakers import Speakers
from extdebug.sessions.status import StatusTeller
from extdebug.sessions.turn import Message, Turn
from extdebug.wire.keys import Target
from extdebug.wire.light_waits import Gate
from extdebug.wire.positions import ENDLESS, Span, Start
from policies.access import Decision, Viewer


class FeedOwner(Protocol):
    """What a feed needs of the process it runs in; the Node."""

    hub: Hub
    records: Bridge
    speakers: Speakers

    def history_of(self, lease: store.Lease) -> ReadPast:
        """What reads the past for this session."""

    def decide_soon(self, *feeds: Feed) -> None:
        """Decide afresh who may watch, for these."""

    def left(self, feed: Feed, *, gone: bool) -> None:
        """The feed is over."""


class Feed:
    """A session that was decided and recorded. Make it with `opening.open_feed`."""

    def __init__(
        self, owner: FeedOwner, viewer: Viewer, target: Target, decision: Decision,
        lease: store.Lease, *, wanted: Filter, rev: int, start: Start, span: Span = ENDLESS,
        clock: LoopClock | None = None,
    ) -> None:  # fmt: skip
        self.viewer = viewer
        self.target = target
        self.lease = lease
        self.finished = False
        self._owner = owner
        self._row = SessionRow(lease, viewer, target, records=owner.records)
        self._clock = clock or asyncio.get_running_loop()
        self._bell = Bell(self._clock)
        self._at_once = AtOnce(self._bell, self._step, self._task_needed, speakers=owner.speakers)
        now = self._clock.time()
        self._authority = Authority(decision, lease, wake=self._bell.ring, now=now)
        self.ended = self._authority.ended
        self.lifetime = self._authority.lifetime
        self._playback = Playback(
            owner.hub, target, decision, lease, wanted=wanted, rev=rev, start=start,
            history=owner.history_of(lease), wake=self._at_once.moved,
            lines_came=self._at_once.lines_came, clock=self._clock, span=span,
        )  # fmt: skip
        self.flow = self._playback.flow
        self._catch_up = self._playback.catch_up
        self._status = StatusTeller(self._playback, self.lifetime, now=now)
        self._paging = Paging(owner.hub, target)
        self.overviews = OverviewRequests(
            owner.hub, target, self._playback, say=self.say, clock=self._clock
        )
        self.presence = Presence(viewer, target, decision, hub=owner.hub, wake=self._bell.ring)
        self._turn = Turn(
            self._authority, self._playback, self.presence, self._status,
            decide_soon=lambda: owner.decide_soon(self),
        )  # fmt: skip
        self._at_once.told_all = self._turn.told_all
        self._at_once.following = Following(
            self._authority, self._playback, self._status, self._paging, clock=self._clock
        )
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
        held = not self.flow.open or self._catch_up.waiting
        if not self._playback.ack(seq):
            raise ProtocolError(ErrorCode.OUT_OF_PLACE, f"seq {seq} was never sent")
        if held:  # there was no room in the window: nothing else waits for an acknowledgement
            self._at_once.lines_came()

    def set_filter(
        self, wanted: Filter, *, rev: int, start: Start | None = None, span: Span = ENDLESS
    ) -> None:
        """Another filter from the last place told, or from `start` with an account begun anew."""
        self.flow.rev = rev
        self._accounting.use_filter(wanted, self._owner.hub.redactor, self.target)
        if start is not None:
            self._accounting.begin_anew(self.flow)
        self._playback.use_filter(wanted, start=start, span=span)
        self._status.answer()

    def pause(self) -> None:
        """Stop delivery and keep the place, not the memory."""
        self._playback.pause()
        self._bell.ring()

    def resume(self) -> None:
        self._playback.resume()

    def fetch(self, wanted: Fetch) -> None:
        if (shows := self._paging.ask(wanted)) is not None:
            self._accounting.use_filter(shows, self._owner.hub.redactor, self.target)
        self._bell.ring()

    async def extend(self) -> None:
        """As much time again as a session begins with, within what the policy allows."""
        until = await self._row.extend(
            ends=self.lifetime.expires_at, ttl=self.decision.limits.ttl_seconds
        )
        self.lifetime.until(until, now=self._clock.time())
        self._status.answer()
        self._bell.ring()

    def say(self, frame: ControlFrame) -> None:
        """A small frame to send when its turn comes; the oldest of too many goes."""
        self._turn.say(frame)
        self._bell.ring()

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
        self._turn.empty()
        self._paging.start_over()
        self._playback.go_on()
        self._bell.ring()

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

    def speak_by(self, write: Write, *, room: Gate | None = None) -> None:
        """What can be said while `next` sleeps goes to `write`, if there is `room`; see AtOnce."""
        self._at_once.write, self._at_once.room = write, room

    def end_by(self, say: Callable[[CloseReason], None]) -> None:
        """Whoever can say the reason within the very call that ends the session is told of it."""
        self._authority.told = say

    async def next(self) -> Message:
        """The next message; after a CloseReason there is none. Waits until there is one."""
        self._authority.asked = True
        while True:
            await self._at_once.roomy()
            self._bell.clear()
            unwritten = self._at_once.unwritten()
            message = unwritten if unwritten and self.ending is None else self._step()
            if message is not None:
                return message
            now = self._clock.time()
            if self._paging and self.flow.open:
                page = await self._paging.answer(self._playback.selection, self.flow, now=now)
                if page is not None:
                    self.say(page)
            elif self.flow.open and self._catch_up.readable:
                await self._playback.read(self.ended)
            else:
                await self._bell.sleep(max(self._turn.next_at(now), now + 0.001))

    def _step(self) -> Message | None:
        now = self._clock.time()
        if (message := self._turn.step(now)) is not None:
            self._status.spoke(now)
        return message

    def _task_needed(self) -> bool:
        """Whether `next` has to look itself: for a page, into the past, or for a moment."""
        to_read = bool(self._paging) or self._catch_up.readable
        return (to_read and self.flow.open) or self._turn.timed

    # --- the end ------------------------------------------------------------------------------

    @property
    def account(self) -> Account:
        """What was shown over the whole session, all filters and connections together."""
        return self._accounting.account(self.flow, placed=self._playback.placed)

    def pass_on(self) -> Account:
        """End: another connection of this process goes on with the session and its account."""
        self._row.passed_on = True
        self.end(close_reasons.TAKEN)
        return self.account

    def wrote(self, account: Account) -> None:
        """The session's row says this now."""
        self._row.wrote(account)

    def changed(self) -> bool:
        """Whether the account moved since this was last asked."""
        return self._accounting.changed(self.flow) and not self.finished

    async def finish(self, *, gone: bool, code: int = 1000, reason: str = "") -> None:
        """Leave the hub and write the row's end. `gone`: lost, not closed, so it may be resumed."""
        if self.finished:
            return
        self.finished = True
        self._bell.still()
        self.overviews.leave()
        self._catch_up.leave()
        self._owner.left(self, gone=gone)
        await self._row.finish(self.account, self.ending, gone=gone, code=code, reason=reason)
