"""One watching session, from its opening to its end: the one path to events for every transport.

A transport opens a feed, takes its messages one by one with `next()` and hands it what the client
said. The feed decides, records, joins history and live, keeps the credit and ends on time; it is
cut from outside by `end()` and `apply()`, which work even while the transport is stuck in a send.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
from collections import deque
from typing import TYPE_CHECKING, Final

from redis.exceptions import RedisError

from extdebug import endings, frames, sessions
from extdebug.bridge import records
from extdebug.endings import End
from extdebug.events import CloseCode, Cursor, iso
from extdebug.filters import Filter, compile_filter
from extdebug.flow import Events, Flow, Ledger, Lost
from extdebug.frames import State
from extdebug.history import History, fetch
from extdebug.protocol import ErrorCode, Fetch, ProtocolError, Start
from extdebug.ring import Piece
from extdebug.streams import LOST, Target, jittered
from extdebug.watch import FRAME_BYTES, FRAME_EVENTS, Selection, Subscription
from policies.access import Decision, Viewer

if TYPE_CHECKING:
    from extdebug.console import Console

log = logging.getLogger(__name__)

WARN_BEFORE: Final = 60.0  # seconds before the end
ACCOUNT: Final = 5.0  # seconds between two `status` frames while the account moves
IDLE: Final = 15.0  # seconds without a frame until a `status` carries the cursor on
PAGE_BYTES: Final = 128 * 1024  # of one `page` frame
FILTERS_KEPT: Final = 20  # distinct filters named in the close record


class Note:
    """A small frame outside the numbered order, or a `page`."""

    __slots__ = ("data", "kind")

    def __init__(self, kind: str, data: bytes) -> None:
        self.kind = kind
        self.data = data

    def text(self) -> str:
        return self.data.decode()


Message = Events | Lost | Note | End


class Feed:
    """A session that was decided and recorded. Make it with `opening.open_feed`."""

    def __init__(
        self,
        console: Console,
        viewer: Viewer,
        target: Target,
        decision: Decision,
        held: sessions.Held,
        *,
        wanted: Filter,
        rev: int,
        start: Start,
    ) -> None:
        self.console = console
        self.viewer = viewer
        self.target = target
        self.decision = decision
        self.held = held
        self.ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._end: End | None = None
        self._finished = False
        self._noted = 0
        self._filter = wanted
        self._filters: list[dict[str, object]] = []
        self._total = Ledger(held.shown, held.filtered, dict(held.lost or {}))
        place = start.cursor or Cursor.parse("0-0")
        limits = decision.limits
        self.flow = Flow(
            position=place, rev=rev, window=limits.window_bytes,
            events_per_second=limits.events_per_second, bytes_per_second=limits.bytes_per_second,
        )  # fmt: skip
        self._placed = start.cursor is not None
        self._notes: deque[Note] = deque()
        self._fetches: deque[Fetch] = deque()
        self._pieces: deque[Piece] = deque()
        self._paused = False
        self._attempt = 0
        self._problem = ""
        self._state: State | None = None
        self._spoke = self._told = self._loop.time()
        self._told_entries = 0
        self._warned = False
        self._until(held.expires_at)
        self._sub: Subscription | None = None
        self._history: History | None = None
        self._note_filter()
        self._begin(start)

    # --- beginning and beginning again --------------------------------------------------------

    def _begin(self, start: Start) -> None:
        """Join live first, then read history up to where live began: no hole, no double."""
        self._start = start
        selection = Selection(self.decision.installs, self._filter)
        if self._sub is None:
            self._sub = self.console.hub.subscribe(
                self.target, selection, self._wake.set, ring_bytes=self.decision.limits.ring_bytes
            )
        else:
            self._sub.restart(selection)
        self._pieces.clear()
        self._history = History(self.console.hub, self._sub, start)
        self._begun = False
        self._wake.set()

    def _again(self) -> None:
        """Go on from the last place that was sent, read anew: what was queued is not lost."""
        self._begin(Start(cursor=self.flow.position) if self._placed else self._start)

    def _until(self, expires_at: dt.datetime) -> None:
        now = dt.datetime.now(dt.UTC)
        self.expires_at = expires_at
        self._ends = self._loop.time() + (expires_at - now).total_seconds()
        self._warned = self._ends - self._loop.time() <= 1
        self._decide_at = self._authority_ends()

    def _authority_ends(self) -> float | None:
        """When the present decision must be made again, by the loop's clock."""
        until = self.decision.until
        if until is None:
            return None
        return self._loop.time() + (until - self.decision.now).total_seconds()

    def _note_filter(self) -> None:
        shown = self._filter.to_json()
        redactor = self.console.hub.redactor
        mask = redactor.mask(str(self.target), f"{dt.datetime.now(dt.UTC):%Y-%m-%d}")
        for key in ("q", "request"):
            if shown.get(key):
                shown[key] = redactor.text(str(shown[key]), mask)[0]
        if shown not in self._filters and len(self._filters) < FILTERS_KEPT:
            self._filters.append(shown)

    def ready(self, names: frames.ReadyTarget) -> Note:
        """The first frame of the session."""
        decision, limits = self.decision, self.decision.limits
        grant = None
        if decision.grant_id is not None:
            until = decision.until.isoformat() if decision.until else self.expires_at.isoformat()
            grant = frames.ReadyGrant(id=decision.grant_id, label=decision.grant_label, until=until)
        return Note(
            "ready",
            frames.Ready(
                session=self.held.id,
                target=names,
                expires_at=_iso(self.expires_at),
                ttl=self.ttl,
                extendable_until=_iso(self.held.extendable_until),
                limits=frames.ReadyLimits(
                    events_per_second=limits.events_per_second,
                    bytes_per_second=limits.bytes_per_second,
                    window=limits.window_bytes,
                    ring=limits.ring_bytes,
                ),
                mode="runner" if self.console.hub.fallback(self.target) else "redis",
                environment=decision.environment,
                grant=grant,
                resumed=self.held.resumed,
                rev=self.flow.rev,
            ).encode(),
        )

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
            self._leave()

    def pause(self) -> None:
        """Stop delivery and keep the place, not the memory."""
        self._paused = True
        self._leave()
        self._wake.set()

    def _leave(self) -> None:
        if self._sub is not None:
            self.console.hub.unsubscribe(self._sub)
        self._sub = self._history = None
        self._pieces.clear()

    def resume(self) -> None:
        if self._paused:
            self._paused = False
            self._again()

    def fetch(self, wanted: Fetch) -> None:
        if len(self._fetches) >= 4:
            raise ProtocolError(ErrorCode.TOO_FAST, "wait for the pages you asked for")
        self._fetches.append(wanted)
        self._wake.set()

    async def extend(self) -> None:
        """As much time again as a session begins with, within what the policy allows."""
        now = dt.datetime.now(dt.UTC)
        ttl = dt.timedelta(seconds=self.decision.limits.ttl_seconds)
        until = min(self.held.extendable_until, now + ttl)
        if until <= self.expires_at + dt.timedelta(seconds=1):
            raise ProtocolError(
                ErrorCode.NOT_EXTENDABLE, "this session cannot last longer; open a new one"
            )
        if not await records(sessions.extend, self.held, self.viewer, self.target, until=until):
            raise ProtocolError(ErrorCode.NOT_EXTENDABLE, "this session is over")
        self._until(until)
        self._state = None
        self._wake.set()

    def say(self, note: Note) -> None:
        """A small frame to send when its turn comes; the oldest of too many goes."""
        if len(self._notes) >= 64:
            self._notes.popleft()
        self._notes.append(note)
        self._wake.set()

    # --- what policy says ---------------------------------------------------------------------

    def end(self, end: End) -> None:
        """End now, for this reason; the first reason stands."""
        if self._end is None:
            self._end = end
            self.ended.set()
            self._wake.set()

    def apply(self, decision: Decision) -> None:
        """A decision made afresh: end, or go on under it."""
        if not decision.allowed:
            self.end(endings.cut(decision))
            return
        before, self.decision = self.decision, decision
        limits = decision.limits
        self.flow.limit(
            events_per_second=limits.events_per_second, bytes_per_second=limits.bytes_per_second
        )
        self._decide_at = self._authority_ends()
        if decision.installs != before.installs and not self._paused:
            self._again()

    @property
    def due(self) -> bool:
        """Whether the authority of the last decision has run out by time alone."""
        return self._decide_at is not None and self._loop.time() >= self._decide_at

    @property
    def caught_up(self) -> bool:
        """Whether everything that the stream holds now was handed out: what comes next is new."""
        ring = self._sub.ring if self._sub is not None else None
        current = self._state in (State.LIVE, State.FALLBACK)
        return current and not self._pieces and not ring

    @property
    def finished(self) -> bool:
        return self._finished

    @property
    def ending(self) -> End | None:
        return self._end

    # --- what the client gets -----------------------------------------------------------------

    @property
    def ttl(self) -> int:
        return max(0, round(self._ends - self._loop.time()))

    async def next(self) -> Message:
        """The next message; after an End there is none. Waits until there is something to say."""
        while True:
            self._wake.clear()
            message = self._step()
            if message is not None:
                self._spoke = self._loop.time()
                return message
            if self._fetches and self.flow.open:
                await self._page(self._fetches.popleft())
            elif self._can_read():
                await self._read()
            else:
                await self._sleep()

    def _step(self) -> Message | None:
        now = self._loop.time()
        if self._end is None and now >= self._ends:
            self.end(endings.TIME_UP)
        failed = compile_filter(self._filter).failed
        if failed is not None:  # it selects nothing any more: the account would not be true
            self.end(endings.bad_request(str(failed), reason=failed.code))
        if self._end is not None:
            return self._end
        if self.due:  # nothing more under an authority that ended: the patrol decides afresh
            self.console.patrol.decide_soon(self)
            return None
        if self._notes:
            return self._notes.popleft()
        if not self._warned and now >= self._ends - WARN_BEFORE:
            self._warned = True
            ttl, until = self.ttl, _iso(self.expires_at)
            return Note("expiring", frames.Expiring(expires_at=until, ttl=ttl).encode())
        if now - self._told >= ACCOUNT and self.flow.ledger.entries != self._told_entries:
            return self._status(now, always=True)
        message: Message | None = self._events(now) if not self._paused else None
        if message is None:
            message = self.flow.limited(now, before=None)
        if message is None:
            message = self._status(now)
        return message

    def _take(self) -> Piece | None:
        if self._pieces:
            return self._pieces.popleft()
        sub = self._sub
        if sub is None:
            return None
        if sub.foreign is not None and sub.foreign.waiting:
            return sub.foreign.take(self.flow.position)
        return None if self._history is not None else sub.ring.take(self.flow.position)

    def _events(self, now: float) -> Message | None:
        flow = self.flow
        while flow.open and (piece := self._take()) is not None:
            if piece.chunk is None:
                lost = flow.tell(piece)
                if lost is not None:
                    return lost
                continue
            if not flow.fits(piece.chunk.size):
                self._pieces.appendleft(piece)
                return None
            if not piece.history and not flow.admits(piece.chunk, now):
                flow.refuse(piece, now)
                continue
            limited = flow.limited(now, before=str(piece.chunk.first))
            if limited is not None:
                self._pieces.appendleft(piece)
                return limited
            return flow.show([piece, *self._more(piece, now)])
        return None

    def _more(self, first: Piece, now: float) -> list[Piece]:
        """Chunks that fit into the same frame: what gathered while the last send ran."""
        chunk = first.chunk
        if chunk is None or chunk.count >= FRAME_EVENTS:
            return []
        count, size = chunk.count, chunk.size
        pieces: list[Piece] = []
        while (piece := self._take()) is not None:
            chunk = piece.chunk
            if chunk is None and piece.gap is None:
                pieces.append(piece)
                continue
            fits = (
                chunk is not None
                and count + chunk.count <= FRAME_EVENTS
                and size + chunk.size <= FRAME_BYTES
                and self.flow.fits(size + chunk.size)
            )
            if chunk is None or not fits:
                self._pieces.appendleft(piece)
                break
            if not piece.history and not self.flow.admits(chunk, now):
                self._pieces.appendleft(piece)
                break
            count, size = count + chunk.count, size + chunk.size
            pieces.append(piece)
        return pieces

    # --- history ------------------------------------------------------------------------------

    def _can_read(self) -> bool:
        ready = self._sub is not None and self._sub.boundary is not None
        return self._history is not None and ready and not self._pieces and self.flow.open

    async def _read(self) -> None:
        history = self._history
        if history is None or self._sub is None:
            return
        try:
            if not self._begun:
                cursor = await history.begin()
                if self._history is not history:
                    return  # begun anew while we read
                self._begun = True
                if not self._placed:
                    self.flow.position, self._placed = cursor, True
            pieces = await history.page()
        except (RedisError, *LOST) as error:
            self._problem = f"Redis does not answer ({type(error).__name__})"
            log.info("history of %s: %s", self.target, error)
            self._attempt += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), jittered(self._attempt))
            return
        self._problem, self._attempt = "", 0
        if self._history is not history:
            return
        self._pieces.extend(pieces)
        if history.done:
            self._history = None
            if self._sub is not None:
                self._sub.ring.release()

    async def _page(self, wanted: Fetch) -> None:
        hub, before = self.console.hub, wanted.before_cursor
        selection = Selection(self.decision.installs, self._filter)
        try:
            found, cursor, done = await fetch(
                hub, self.target, selection=selection, after=wanted.after_cursor,
                before_id=before.id if before else None, limit=wanted.limit,
            )  # fmt: skip
        except (RedisError, *LOST):
            error = ProtocolError(ErrorCode.UNAVAILABLE, "Redis does not answer; ask again")
            self.say(Note("error", frames.error_frame(error)))
            return
        parts: list[bytes] = []
        size, last = 0, None
        for prepared in found:
            if parts and size + len(prepared.json) > PAGE_BYTES:
                done, cursor = False, last
                break
            parts.append(prepared.json)
            size += len(prepared.json)
            last = Cursor(prepared.id)
        seq = self.flow.number(size)
        self.say(Note("page", frames.page_frame(wanted.id, cursor, parts, done=done, seq=seq)))

    # --- state --------------------------------------------------------------------------------

    @property
    def problem(self) -> str:
        return self._problem or (self.console.hub.problem(self.target) if self._sub else "")

    def _now_state(self) -> tuple[State, str]:
        if self._paused:
            return State.PAUSED, "Delivery is paused; your place is kept."
        if self._sub is not None and (limited := self.console.hub.fallback(self.target)):
            return State.FALLBACK, limited
        if problem := self.problem:
            return State.DEGRADED, f"{problem}. New lines will follow when it is back."
        if self._history is not None:
            return State.HISTORY, "Reading what the stream still holds."
        return State.LIVE, ""

    def _status(self, now: float, *, always: bool = False) -> Note | None:
        state, message = self._now_state()
        changed = state is not self._state and not (
            state is State.HISTORY and self._state is None and self._sub and not self._sub.boundary
        )
        if not changed and not always and now - self._spoke < IDLE:
            return None
        self._state, self._told, self._told_entries = state, now, self.flow.ledger.entries
        return self.status(state, message)

    def status(self, state: State, message: str) -> Note:
        frame = frames.Status(
            state=state,
            message=message,
            lag_ms=self._lag() if state is State.LIVE else None,
            ledger=self.flow.ledger.frame(),
            cursor=str(self.flow.position) if self._placed else None,
            expires_at=_iso(self.expires_at),
            ttl=self.ttl,
        )
        return Note("status", frame.encode())

    def _lag(self) -> int:
        held = bool(self._pieces) or (self._sub is not None and bool(self._sub.ring))
        if not held:
            return 0
        return max(0, int(dt.datetime.now(dt.UTC).timestamp() * 1000) - self.flow.position.id.ms)

    async def _sleep(self) -> None:
        now = self._loop.time()
        at = [self._ends, self._spoke + IDLE]
        if not self._warned:
            at.append(self._ends - WARN_BEFORE)
        if self.flow.limited_since is not None:
            at.append(self.flow.limited_since + 1.0)
        if self._decide_at is not None:
            at.append(max(self._decide_at, now + 0.05))
        timer = self._loop.call_at(max(min(at), now + 0.001), self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()

    # --- the end ------------------------------------------------------------------------------

    @property
    def account(self) -> sessions.Account:
        """What was shown over the whole session, all filters and connections together."""
        ledger = Ledger()
        ledger.add(self._total)
        ledger.add(self.flow.ledger)
        return sessions.Account(
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
        return changed and not self._finished

    async def finish(self, *, gone: bool, code: int = 1000, reason: str = "") -> None:
        """Leave the hub and write the row's end. `gone`: lost, not closed, so it may be resumed."""
        if self._finished:
            return
        self._finished = True
        self._leave()
        self.console.patrol.forget(self)
        end = self._end
        if end is endings.TAKEN:
            return
        if end is not None and end.code is not CloseCode.RESTARTING:
            code, reason, gone = int(end.code), end.reason, False
        if gone or (end is not None and end.code is CloseCode.RESTARTING):
            await records(sessions.detach, self.held, self.account)
        else:
            await records(
                sessions.close, self.held, self.viewer, self.target, self.account,
                code=code, reason=reason,
            )  # fmt: skip


def _iso(moment: dt.datetime) -> str:
    return iso(int(moment.timestamp() * 1000))
