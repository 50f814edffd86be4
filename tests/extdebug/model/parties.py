"""Console processes and their clients in the model: the hub's and the session's code, no I/O."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, cast

from redis.exceptions import ResponseError

from extdebug.filters.filter import Filter
from extdebug.hub.hub import Hub
from extdebug.hub.selection import Selection
from extdebug.hub.stream_reader import StreamReader
from extdebug.hub.subscription import Subscription
from extdebug.hub.watched_stream import WatchedStream
from extdebug.sessions.catch_up import CatchUp
from extdebug.sessions.delivery import deliver
from extdebug.sessions.flow_control import Events, FlowControl, GapNotice
from extdebug.sessions.release import Release
from extdebug.streams import epochs
from extdebug.streams.connection import LOST, Link
from extdebug.streams.replies import read_keys
from extdebug.streams.server_identity import ServerIdentity
from extdebug.wire.events import Gap
from extdebug.wire.keys import EPOCH_PREFIX, Target
from extdebug.wire.positions import ZERO_ID, Cursor, Span, Start
from policies.redaction.redactor import Redactor
from tests.extdebug.model.server import Server, Wire

TARGET = Target("acme", "invoice-sync")
KEY = "ext-debug:acme:invoice-sync"
REDACTOR = Redactor(key=None)  # its patterns are compiled once


class Process:
    """A console process: its one reader of the stream, and what its sessions need of a hub."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.redactor = REDACTOR
        self.watched = WatchedStream(TARGET, KEY, self.redactor)
        self.identity = ServerIdentity(clock=self._clock, monotonic=self._clock)
        self.group = f"ee-debug-ui:{name}".encode()
        self._wire = Wire(server)
        self._run = 0
        self.tail = StreamReader(
            self.watched, cast("Link", self._wire), self.identity, group=self.group,
            clock=self._clock,
        )  # fmt: skip

    def _clock(self) -> float:
        return self.server.now / 1000

    def cut_off(self) -> None:
        """Its connection breaks, and it notices at once."""
        self.identity.broke()

    def sent_on(self) -> None:
        """The server said, before the stream went, that the next one has it now."""
        self.identity.broke()
        self.identity.gave("next")

    def _connected(self) -> None:
        """What a tail does on each new connection."""
        if self._run != self.server.run:
            self._run = self.server.run
            # Whoever did not notice at once notices by its time limit, not within the same second.
            self.server.now = max(self.server.now, self.server.began + 1000)
            self.identity.broke()
            self.identity.identify(self.server.info, node="next")
            self.identity.heard()
            self.tail.reconnected()

    @property
    def up_to_date(self) -> bool:
        """Whether it has noticed the last restart and the last change of the stream."""
        if not self.watched.attached:
            return False
        epoch = self.watched.cursor.epoch
        life = self.server.life
        ours = self.server.life_of.get(epoch) is life
        proofs = {self.group, f"{EPOCH_PREFIX}{epoch}".encode()}
        if life is not None and not proofs & life.groups.keys():
            return False  # somebody removed by hand what proves to it that this is its stream
        return ours and epochs.of_run(epoch, self.server.run_id)

    async def look(self, count: int) -> None:
        self._connected()
        await self.tail.look(count)
        self.identity.heard()

    async def read(self, count: int) -> None:
        """The tail's blocking read, where it would make one."""
        self._connected()
        if not self.tail.blockable:
            return
        try:
            reply = await self._wire.call(
                "XREADGROUP", "GROUP", self.group, "c", "COUNT", count, "NOACK", "STREAMS", KEY, ">"
            )  # fmt: skip
        except ResponseError:
            self.tail.due()
            return
        for _, rows in read_keys(reply):
            self.tail.took(rows, full=len(rows) >= count)
        self.identity.heard()

    # --- what a session asks of the hub -------------------------------------------------------

    def subscribe(
        self, target: Target, selection: Selection, wake: Callable[[], None], *, ring_bytes: int
    ) -> Subscription:
        return Subscription(self.watched, selection, wake, limit=ring_bytes)

    def unsubscribe(self, subscription: Subscription) -> None:
        subscription.closed = True
        self.watched.leave(subscription)

    @contextlib.asynccontextmanager
    async def reader(self, target: Target) -> AsyncIterator[Any]:
        yield self._wire

    def run_id(self, target: Target) -> str:
        return self.identity.run_id

    def look_soon(self, target: Target) -> None:
        self.tail.due()

    def problem(self, target: Target) -> str:
        return self.watched.problem

    def fallback(self, target: Target) -> str:
        return ""


class _AsHub:
    """`Process` under the names that a Hub has, where both need one."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.look = process.look_soon

    def __getattr__(self, name: str) -> Any:
        return getattr(self._process, name)


@dataclass(frozen=True, slots=True)
class Told:
    """One thing a client was told: an entry by its number, or a gap; and the cursor it has then."""

    cursor: Cursor
    number: int = 0
    gap: Gap | None = None
    moment: int = 0  # by the server's count


class Client:
    """One session over all its connections, and everything that reached its client."""

    def __init__(self, *, ring_bytes: int, per_second: int) -> None:
        self.log: list[Told] = []
        self.start: Cursor | None = None
        self.place: Cursor | None = None  # with which it comes back
        self.began = 0  # disruptions before
        self.visited: set[int] = set()  # processes it was on
        self.moment = 0
        self.uncounted = False  # whether it ever went on from a place without a count
        self.wanted = Filter()
        self.filters: list[tuple[int, Filter]] = [(0, self.wanted)]  # from behind which number on
        self.process: Process | None = None
        self.release = Release()
        self.flow = self._flow_at(Cursor(ZERO_ID), per_second)
        self._ring_bytes = ring_bytes
        self._per_second = per_second
        self._catch_up: CatchUp | None = None
        self._placed = False

    def _flow_at(self, place: Cursor, per_second: int) -> FlowControl:
        return FlowControl(
            position=place, rev=1, events_per_second=per_second, bytes_per_second=0, window=1 << 30
        )

    @property
    def shown(self) -> int:
        """The number of the last entry shown."""
        return max((told.number for told in self.log), default=0)

    def come(self, process: Process, start: Start) -> None:
        """Connect, for the first time or again."""
        if not self.log and self.start is None:
            self.began = process.server.disruptions - (not process.up_to_date)
        self.process = process
        self.visited.add(id(process))
        self.flow = self._flow_at(start.cursor or Cursor(ZERO_ID), self._per_second)
        self._placed = start.cursor is not None
        self._catch_up = CatchUp(
            cast("Hub", _AsHub(process)), TARGET, wake=lambda: None, ring_bytes=self._ring_bytes,
            keeps_up=lambda: False, step_aside=lambda: None,
        )  # fmt: skip
        self._begin(start)

    def _begin(self, start: Start) -> None:
        if start.cursor is not None and start.cursor.index is None:
            self.uncounted = True
        if self._catch_up is not None:
            rounds = self.release.pace is not None
            self._catch_up.begin(Selection(None, self.wanted), start, rounds=rounds)

    def leave(self, received: int) -> None:
        """The connection is lost; only the first `received` of what was sent had arrived."""
        if self._catch_up is not None:
            self._catch_up.leave()
        self._catch_up = self.process = None
        if received < len(self.log):
            del self.log[received:]
            self.place = self.log[-1].cursor if self.log else self.start
        elif self._placed:
            self.place = self.flow.position  # as a status frame tells it

    def use(self, wanted: Filter) -> None:
        """Another filter, from the last place told on."""
        self.wanted = wanted
        self.filters.append((self.shown, wanted))
        self._again()

    def reads(self, span: Span) -> None:
        """Another range and speed, from the last place told on."""
        self.release = Release(span)
        if self.start is not None:
            self._again()

    def _again(self) -> None:
        self.flow.stand_at(self.flow.position)
        self._begin(Start(cursor=self.flow.position))

    async def read(self) -> bool:
        """One page of history, where some is to be read."""
        if self._catch_up is None or not self._catch_up.readable:
            return False
        try:
            found = await self._catch_up.read()
        except LOST:  # its process has not noticed yet what the stream is now: tried again
            return False
        if found is not None and (not self._placed or found.id == self.flow.position.id):
            self.flow.stand_at(found)
            self._placed = True
            if self.start is None:
                self.start = found
                self.moment = self.process.server.moment if self.process else 0
        return True

    def take(self, now: float) -> bool:
        """The next message, where there is one."""
        if self._catch_up is None:
            return False
        release = self.release
        message = deliver(self.flow, self._catch_up, now, release)
        if message is None and release.over and release.until is not None:
            message = self.flow.limited(now, before=str(release.until))
            if message is None:
                self._catch_up.leave()  # it stands there until it reads on
        elif message is None and self._catch_up.exhausted:
            self._again()
        message = message or self.flow.limited(now, before=None)
        match message:
            case Events():
                for decoded, cursor in message.places():
                    number = decoded.event.message.split()[1] if decoded.event else ""
                    self.log.append(Told(cursor, int(number)))
                if message.through != self.log[-1].cursor:
                    self.log[-1] = Told(message.through, self.log[-1].number)
            case GapNotice():
                moment = self.process.server.moment if self.process else 0
                self.log.append(Told(message.through, gap=message.gap, moment=moment))
            case None:
                return False
        self.flow.ack(self.flow.seq)
        return True
