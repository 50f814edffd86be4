"""The process's one reader of Redis: watches shared by all sessions, reads shared by few links.

However many people watch a stream, Redis sees one blocking reader of it per process.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from extdebug.hub.ring_buffer import RING_BYTES
from extdebug.hub.runner_fallback import RunnerFallback
from extdebug.hub.selection import Selection
from extdebug.hub.stats import StreamCounts, StreamHealth
from extdebug.hub.tail import Tail
from extdebug.hub.watched_stream import Subscription, WatchedStream
from extdebug.streams.connection import LOST, Link
from extdebug.wire.keys import GROUP_PREFIX, Target, stream_key
from policies.redaction.redactor import Redactor

log = logging.getLogger(__name__)

MARK_EVERY: Final = 2.0  # seconds between two marks of our position
AWAY: Final = 1.0  # seconds without Redis until the runners are asked, where that is configured
READERS: Final = 4  # concurrent history reads: a thousand sessions that come back form a queue


class Hub:
    """Subscriptions to streams of one Redis, or of runners alone when `url` is empty.

    Start it in the event loop that will use it.
    """

    def __init__(
        self,
        *,
        url: str,
        prefix: str,
        name: str,
        redactor: Redactor,
        fallback: RunnerFallback | None = None,
    ) -> None:
        self.url = url
        self.prefix = prefix
        self.name = name
        self.group = f"{GROUP_PREFIX}{name}".encode()
        self._redactor = redactor
        self._watches: dict[Target, WatchedStream] = {}
        self._tails: list[Tail] = []
        self._home: dict[Target, Tail] = {}
        self._readers = asyncio.Queue[Link]()
        for _ in range(READERS if url else 0):
            self._readers.put_nowait(Link(url))
        self._links: list[Link] = []
        self._past = StreamCounts()  # of watches that ended
        self._marker: asyncio.Task[None] | None = None
        self._closed = False
        self._fallback = fallback
        self._guard: asyncio.Task[None] | None = None

    # --- subscriptions ------------------------------------------------------------------------

    def subscribe(
        self,
        target: Target,
        selection: Selection,
        wake: Callable[[], None],
        *,
        ring_bytes: int = RING_BYTES,
    ) -> Subscription:
        """Join the watch of `target`, begun if it is the first. No await: nothing slips between."""
        if self._closed:
            raise RuntimeError("the hub is closed")
        watched = self._watches.get(target)
        if watched is None:
            key = stream_key(self.prefix, target.tenant, target.extension)
            watched = self._watches[target] = WatchedStream(target, key, self._redactor)
            if self.url:
                tail = self._tail_with_room()
                self._home[target] = tail
                tail.add(watched)
            elif self._fallback is not None:
                watched.streamless = True
                self._fallback.engage(watched)
        if self._marker is None and self.url:
            self._marker = asyncio.create_task(self._mark(), name="hub-mark")
        if self._guard is None and self.url and self._fallback is not None:
            self._guard = asyncio.create_task(self._watch_redis(), name="hub-guard")
        return Subscription(watched, selection, wake, limit=ring_bytes)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Leave; the last one out ends the watch. Safe to call twice."""
        if subscription.closed:
            return
        subscription.closed = True
        watched = subscription.watched
        watched.leave(subscription)
        if watched.subscribers == 0 and self._watches.get(watched.target) is watched:
            del self._watches[watched.target]
            self._past.add(watched.counts)
            home = self._home.pop(watched.target, None)
            if home is not None:
                home.watches.pop(watched.key, None)
            if self._fallback is not None:
                self._fallback.release(watched)

    def _tail_with_room(self) -> Tail:
        for tail in self._tails:
            if tail.room:
                return tail
        number = len(self._tails)
        tail = Tail(
            self.url, name=f"{self.name}-{number}", group=self.group,
            on_state=lambda problem: self._told(number, problem),
        )  # fmt: skip
        self._tails.append(tail)
        tail.start()
        return tail

    def _told(self, number: int, problem: str) -> None:
        if problem:
            log.warning("tail %d: %s", number, problem)
        for watched in list(self._tails[number].watches.values()):
            watched.wake()

    def problem(self, target: Target) -> str:
        """Why `target` is not live now, in a person's words; empty when it is."""
        tail, watched = self._home.get(target), self._watches.get(target)
        if watched is None:
            return "not watched"
        if tail is None:
            away = "No Redis is configured" if self._fallback is None else "No runner answers"
            return "" if self.fallback(target) else away
        return tail.problem or watched.problem

    def fallback(self, target: Target) -> str:
        """What to say when `target` comes straight from runners now; else empty."""
        watched = self._watches.get(target)
        return self._fallback.says(watched) if watched is not None and self._fallback else ""

    async def _watch_redis(self) -> None:
        """Move watches to the runners when Redis stays away, and back when it answers."""
        away: dict[Tail, float] = {}
        while True:
            now = time.monotonic()
            for tail in self._tails:
                since = away.setdefault(tail, now)
                if not tail.problem:
                    away[tail] = since = now
                for watched in list(tail.watches.values()):
                    if self._fallback is None:
                        return
                    if now - since >= AWAY:
                        self._fallback.engage(watched)
                    elif not tail.problem and watched.on_runners:
                        self._fallback.release(watched)
            await asyncio.sleep(AWAY / 4)

    def run_id(self, target: Target) -> str:
        tail = self._home.get(target)
        return tail.run_id if tail is not None else ""

    # --- reads for single sessions ------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def reader(self) -> AsyncIterator[Link]:
        """A connection for a session's own reads; waits for its turn. LOST without a Redis."""
        if not self.url:
            raise RedisConnectionError("no Redis is configured")
        link = await self._readers.get()
        try:
            yield link
        finally:
            self._readers.put_nowait(link)

    @property
    def redactor(self) -> Redactor:
        return self._redactor

    def use(self, redactor: Redactor) -> None:
        """New redaction rules, from the next entry on."""
        self._redactor = redactor
        for watched in self._watches.values():
            watched.decoder.redactor = redactor
            watched.decoder.forget()

    # --- our position, visible to anyone with XINFO GROUPS ------------------------------------

    async def _mark(self) -> None:
        """On a connection of its own: SETID hangs for the whole of a CLIENT PAUSE WRITE."""
        link = Link(self.url)
        self._links.append(link)
        marked: dict[Target, WatchedStream] = {}
        while True:
            try:
                for target in [t for t in marked if self._watches.get(t) is not marked[t]]:
                    gone = marked.pop(target)
                    await link.call("XGROUP", "DESTROY", gone.key, self.group)
                for watched in list(self._watches.values()):
                    if await self._mark_one(link, watched):
                        marked[watched.target] = watched
            except LOST:
                pass  # the tail reports it
            except ResponseError as error:
                log.info("the hub's position cannot be shown: %s", error)
            await asyncio.sleep(MARK_EVERY)

    async def _mark_one(self, link: Link, watched: WatchedStream) -> bool:
        if not watched.attached or watched.problem:
            return False
        cursor = watched.cursor
        if cursor.index is None:
            return False
        verb = "CREATE" if watched.marked_at is None else "SETID"
        at = str(cursor.id)
        place: tuple[Any, ...] = (watched.key, self.group, at, "ENTRIESREAD", cursor.index)
        try:
            await link.call("XGROUP", verb, *place)
        except ResponseError as error:
            if str(error).startswith("BUSYGROUP"):
                await link.call("XGROUP", "SETID", *place)
            else:  # no such key yet, NOGROUP after a reset, no memory: the next round tries again
                return False
        if verb == "CREATE":
            watched.marked_at = time.monotonic()
        return True

    # --- health -------------------------------------------------------------------------------

    def health(self) -> list[StreamHealth]:
        now = time.time() * 1000
        return [
            health_of(watched, problem=self.problem(target), now_ms=now)
            for target, watched in self._watches.items()
        ]

    def counts(self) -> StreamCounts:
        """Over all streams since the process started, those no longer watched included."""
        total = StreamCounts()
        for counts in (self._past, *(watched.counts for watched in self._watches.values())):
            total.add(counts)
        return total

    @property
    def links(self) -> list[str]:
        """For each tail why it cannot read, empty when it can. Empty without Redis."""
        return [tail.problem for tail in self._tails]

    @property
    def on_runners(self) -> int:
        """Streams that come straight from runners now."""
        return sum(watched.on_runners for watched in self._watches.values())

    async def close(self) -> None:
        self._closed = True
        if self._marker is not None:
            self._marker.cancel()
            await asyncio.wait({self._marker}, timeout=1)
        if self._guard is not None:
            self._guard.cancel()
            await asyncio.wait({self._guard}, timeout=1)
        if self._fallback is not None:
            await self._fallback.close()
        for tail in self._tails:
            await tail.stop()
        while not self._readers.empty():
            await self._readers.get_nowait().close()
        for link in self._links:
            await link.close()


def health_of(watched: WatchedStream, *, problem: str, now_ms: float) -> StreamHealth:
    """From the watch's last snapshot, at most two seconds old."""
    snapshot, account = watched.snapshot, watched.account
    index = account.index if account else None
    backlog = lag = retention = None
    if snapshot is not None:
        backlog = None if index is None else max(0, snapshot.added - index)
        lag = int(now_ms - account.cursor.ms) if account and backlog else 0
        retention = int(now_ms - snapshot.first.ms) if snapshot.first else None
    return StreamHealth(
        target=watched.target,
        watchers=watched.subscribers,
        problem=problem,
        length=snapshot.length if snapshot else 0,
        backlog=backlog,
        lag_ms=lag,
        retention_ms=retention,
        entries=watched.counts.entries,
        delivered=watched.counts.delivered,
        lost={reason.value: count for reason, count in watched.counts.lost.items()},
    )
