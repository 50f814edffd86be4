"""One blocking read for up to 128 streams, and looks at each that prove nothing was missed.

A tail owns its connection: it attaches, looks, catches up and blocks one after the other, so that
a snapshot and the replies around it are in the order in which Redis gave them. It reads by its
process' own consumer group: a group dies with its stream, so another stream under the same key is
an error and never data. What takes no group (memory, a replica, a failing disk) is read plainly.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from redis.exceptions import ResponseError

from extdebug.hub.agenda import Agenda
from extdebug.hub.blocking_read import BlockingRead
from extdebug.hub.linger import Linger
from extdebug.hub.stream_reader import StreamReader
from extdebug.hub.waking import unblock
from extdebug.hub.watched_stream import WatchedStream
from extdebug.streams.connection import LOST, Link
from extdebug.streams.replies import read_keys
from extdebug.streams.server_identity import ServerIdentity
from extdebug.wire.backoff import jittered
from extdebug.wire.redis_causes import SlotAway, cause
from extdebug.wire.ticks import round_after

log = logging.getLogger(__name__)

MOST_KEYS: Final = 128  # waking one read costs Redis ~0.5 us per key it lists
BLOCK: Final = 1.0  # seconds between the rounds at which a read ends that brings nothing
PROVE_EVERY: Final = 0.5  # seconds between two pipelines of proofs, at the least
PROVE_AT_ONCE: Final = 32  # streams of one: a millisecond of ours
PACED: Final = 0.02  # seconds between two looks at whether a watcher has caught up


class Tail:
    """Reads its streams until stopped. `on_state(problem)` hears of every change of the link."""

    def __init__(
        self, url: str, *, name: str, group: bytes, on_state: Callable[[str], None],
        bucket: int | None = None,
    ) -> None:  # fmt: skip
        self.problem = ""
        self._readers: dict[bytes, StreamReader] = {}
        self._agenda = Agenda()
        self._joined = 0  # and left: which streams there are
        self._blocking = BlockingRead((), group=group, count=1)
        self._blocking_of: tuple[int, frozenset[bytes]] | None = None
        self._prove_at = 0.0
        self.bucket = bucket
        self._link = Link(url, bucket=bucket)
        self._control = Link(url, bucket=bucket)
        self._name = name
        self._group = group
        self._on_state = on_state
        self._server = ServerIdentity()
        self._client_id = b""
        self._wanted = 0
        self._sent = 0
        self._pause = Linger(time.monotonic())
        self._kick: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._left: list[bytes] = []  # keys whose group may go

    @property
    def room(self) -> bool:
        return len(self._readers) < MOST_KEYS

    @property
    def links(self) -> tuple[Link, Link]:
        return self._link, self._control

    @property
    def run_id(self) -> str:
        return self._server.run_id

    @property
    def watched(self) -> Sequence[WatchedStream]:
        return [reader.watched for reader in self._readers.values()]

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"tail-{self._name}")

    async def stop(self) -> None:
        for task in (self._kick, self._task):
            while task is not None and not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=0.2)
        left = [*self._left, *self._readers]
        self._readers.clear()
        await self._destroy_groups(left)
        await self._link.close()
        await self._control.close()

    def add(self, watched: WatchedStream) -> None:
        """Watch one more stream now, not when the running read times out."""
        reader = StreamReader(watched, self._link, self._server, group=self._group)
        self._readers[watched.key] = reader
        self._joined += 1
        self._agenda.wake(reader)
        self.wake()

    def remove(self, watched: WatchedStream) -> None:
        """Read it no more; its group goes in the next pause."""
        reader = self._readers.pop(watched.key, None)
        if reader is not None:
            self._joined += 1
            self._agenda.forget(reader)
            self._left.append(watched.key)

    def look(self, watched: WatchedStream) -> None:
        """Take a snapshot of this stream now: somebody saw it change."""
        reader = self._readers.get(watched.key)
        if reader is not None:
            reader.due()
            self._agenda.wake(reader)
            self.wake()

    def read_again(self, watched: WatchedStream) -> None:
        """Read this stream anew from the place of its account."""
        reader = self._readers.get(watched.key)
        if reader is not None:
            reader.read_again()
            self._agenda.wake(reader)
            self.wake()

    def wake(self) -> None:
        self._wanted += 1
        if self._link.connected and (self._kick is None or self._kick.done()):
            self._kick = asyncio.create_task(self._unblock(), name=f"unblock-{self._name}")

    async def _unblock(self) -> None:
        while self._sent < self._wanted and self._link.connected and self._readers:
            try:
                await unblock(self._control, self._client_id, key=next(iter(self._readers)))
            except ResponseError as error:
                log.warning("CLIENT UNBLOCK refused, new streams wait up to 1 s: %s", error)
                return
            except LOST:
                return  # the tail notices by itself
            await asyncio.sleep(0.001)

    async def _run(self) -> None:
        attempt = 0
        while True:
            try:
                await self._connect()
                while True:
                    await self._cycle()
                    self._say("")  # a link that carries no whole reply is not one that answers
                    attempt = 0
            except LOST as error:
                self._server.broke()
                self._server.gave(error.heir if isinstance(error, SlotAway) else "")
                if attempt or not (isinstance(error, SlotAway) and error.place):
                    self._say(f"Redis does not answer ({type(error).__name__})", why=cause(error))
            except ResponseError as error:
                self._say(f"Redis refuses: {str(error)[:200]}", why=cause(error))
            except Exception:  # a bug in one reply must not end every session's stream silently
                log.exception("tail %s failed", self._name)
                self._say("the console could not read its reply; trying again")
            await self._link.close()
            await asyncio.sleep(jittered(attempt))
            attempt = min(attempt + 1, 8)

    def _say(self, problem: str, *, why: str = "") -> None:
        """To the watchers what there is to know, to the log also what would mend it."""
        if problem != self.problem:
            if why:
                log.warning("tail %s: Redis cannot be read: %s", self._name, why)
            self.problem = problem
            self._on_state(problem)

    async def _connect(self) -> None:
        await self._link.connect()
        self._client_id = b"%d" % await self._link.call("CLIENT", "ID")
        asked = time.monotonic()
        try:
            info = await self._link.call("INFO", "server", "replication", "stats")
        except ResponseError:  # the embedded server has no INFO, an ACL may refuse it
            info = None
        await self._control.follow(self._link)
        self._server.identify(info, asked=asked, node=await self._link.node_id())
        self._server.heard(asked)
        for reader in self._readers.values():
            reader.reconnected()
            self._agenda.wake(reader)

    async def _cycle(self) -> None:
        now, wanted = time.monotonic(), self._wanted
        asked = now
        if self._left:
            left, self._left = self._left, []
            await self._destroy_groups(left)
        due = self._agenda.due(now)
        await self._prove(due, now)
        held: list[bytes] = []  # what the blocking read must not take
        paced = behind = False
        delivered = 0
        for reader in due:
            if reader.paced(now):
                paced = True
                held.append(reader.watched.key)
                continue
            if reader.wants_look(now):
                delivered += await reader.look(self._count())
            behind |= reader.hurries
            if not reader.blockable:
                held.append(reader.watched.key)
        self._agenda.settle(due, now)
        self._sent = wanted
        if len(held) < len(self._readers):
            asked = time.monotonic()
            every = PROVE_EVERY if self._agenda.next_at < round_after(asked, BLOCK) else BLOCK
            block = 0.0 if behind else PACED if paced else round_after(asked, every) - asked
            delivered += await self._read(frozenset(held), block=block)
        elif paced:
            await asyncio.sleep(PACED)
        elif not behind:
            await self._rest()
        self._server.heard(asked)
        if delivered or behind or asked == now:  # else Redis was waited for, and nobody speaks
            await self._linger(delivered)

    async def _prove(self, due: Sequence[StreamReader], now: float) -> None:
        """Ask in one pipeline whether anything was missed where everything was read. It waits for
        others that will be due, if the last pipeline was just now."""
        quiet = [reader for reader in due if reader.provable(now)]
        if now < self._prove_at:
            for reader in quiet:
                reader.look_at = self._prove_at
            return
        self._prove_at = now + PROVE_EVERY if quiet else self._prove_at
        for start in range(0, len(quiet), PROVE_AT_ONCE):
            asked = quiet[start : start + PROVE_AT_ONCE]
            answers = await self._link.ask_each([reader.question for reader in asked])
            for reader, answer in zip(asked, answers, strict=True):
                reader.proved(answer)

    async def _rest(self) -> None:
        """Nothing to read: wait for a stream to watch or for a quarantine to end."""
        for _ in range(10):
            now = time.monotonic()
            looks = (reader.wants_look(now) for reader in self._agenda.due(now))
            if self._sent < self._wanted or any(looks):
                return
            await asyncio.sleep(0.05)

    async def _linger(self, delivered: int) -> None:
        now = time.monotonic()
        hurried = [reader for reader in self._agenda.due(now) if reader.hurries]
        pause = self._pause.after(delivered, now=now, behind=bool(hurried))
        # What was delivered came with an await; the sessions may speak while Redis makes the next
        # reply: 13 % more to 50 watchers, 37 % to 10.
        if not (delivered and hurried) or any(reader.watched.crowded for reader in hurried):
            await asyncio.sleep(pause)

    def _count(self) -> int:
        return min(500, max(20, 2000 // max(len(self._readers), 1)))  # per key: it bounds a reply

    def _command(self, held: frozenset[bytes], *, block: float) -> bytes:
        """The read of all streams but these; packed anew only when it is another than the last."""
        of = (self._joined, held)
        if of != self._blocking_of:
            keys = [key for key in self._readers if key not in held]
            self._blocking = BlockingRead(keys, group=self._group, count=self._count())
            self._blocking_of = of
        return self._blocking.packed(block)

    async def _read(self, held: frozenset[bytes], *, block: float) -> int:
        count = self._count()
        try:
            reply = await self._link.ask(self._command(held, block=block))
        except ResponseError:
            # One stream's life has ended, or one key cannot be read: nothing of any was taken.
            for key, reader in self._readers.items():
                if key not in held:
                    reader.due()
                    self._agenda.wake(reader)
            return 0
        delivered = 0
        for key, rows in read_keys(reply):
            known = self._readers.get(key)
            if known is not None and rows:
                delivered += known.took(rows, full=len(rows) >= count)
                self._agenda.moved(known)
        return delivered

    async def _destroy_groups(self, keys: Sequence[bytes]) -> None:
        """Our groups on streams that nobody watches any more; the janitor takes what stays."""
        gone = [("XGROUP", "DESTROY", key, self._group) for key in keys if key not in self._readers]
        try:
            await self._link.batch(gone)
        except (*LOST, ResponseError) as error:
            log.debug("the groups of streams nobody watches stay for the janitor: %s", error)
