"""The process's one reader of Redis: each stream tailed once, a few connections for other reads.

However many people watch a stream, Redis sees one blocking reader of it per process. On a cluster
the streams of one bucket, which are always together on one node, have tail and connections of their
own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from redis.exceptions import ConnectionError as RedisConnectionError

from extdebug.hub.master_watch import MasterWatch
from extdebug.hub.overview import Overviews
from extdebug.hub.reader_pool import ReaderPool
from extdebug.hub.ring_buffer import RING_BYTES
from extdebug.hub.runner_fallback import RunnerFallback
from extdebug.hub.selection import Selection
from extdebug.hub.stats import StreamCounts
from extdebug.hub.stream_health import StreamHealth, health_of
from extdebug.hub.subscription import Subscription
from extdebug.hub.tail import Tail
from extdebug.hub.watched_stream import WatchedStream
from extdebug.streams.connection import Link
from extdebug.wire.keys import GROUP_PREFIX, Target
from extdebug.wire.redis_clients import keys
from policies.redaction.redactor import Redactor

log = logging.getLogger(__name__)

AWAY: Final = 1.0  # seconds without Redis until the runners are asked, where that is configured


class Hub:
    """Subscriptions to streams of one Redis or cluster, or of runners alone when `url` is empty.

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
        self.keys = keys(url, prefix=prefix)
        self.name = name
        self.group = f"{GROUP_PREFIX}{name}".encode()
        self._redactor = redactor
        self._watches: dict[Target, WatchedStream] = {}
        self._tails: list[Tail] = []
        self._home: dict[Target, Tail] = {}
        self._readers: dict[int | None, ReaderPool] = {}  # by bucket
        self._master = MasterWatch(url, self._all_links)
        self.overviews = Overviews()
        self._past = StreamCounts()  # of streams that nobody watches any more
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
        """Join the watched stream of `target`, which the first begins. No await: none is missed."""
        if self._closed:
            raise RuntimeError("the hub is closed")
        watched = self._watches.get(target)
        if watched is None:
            watched = WatchedStream(target, self.keys.of(target), self._redactor)
            self._watches[target] = watched
            if self.url:
                tail = self._tail_with_room(self.keys.bucket(target))
                self._home[target] = tail
                tail.add(watched)
            elif self._fallback is not None:
                watched.streamless = True
                self._fallback.engage(watched)
        if self._guard is None and self.url and self._fallback is not None:
            self._guard = asyncio.create_task(self._watch_redis(), name="hub-guard")
        return Subscription(watched, selection, wake, limit=ring_bytes)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Leave; with the last one the stream is watched no more. Safe to call twice."""
        if subscription.closed:
            return
        subscription.closed = True
        subscription.watched.leave(subscription)
        watched = self._watches.get(subscription.watched.target)
        if watched is not None and watched is subscription.watched and not watched.subscribers:
            del self._watches[watched.target]
            self._past.add(watched.counts)
            home = self._home.pop(watched.target, None)
            if home is not None:
                home.remove(watched)
            if self._fallback is not None:
                self._fallback.release(watched)

    def _tail_with_room(self, bucket: int | None) -> Tail:
        for tail in self._tails:
            if tail.bucket == bucket and tail.room:
                return tail
        number = len(self._tails)
        tail = Tail(
            self.url, name=f"{self.name}-{number}", group=self.group,
            on_state=lambda problem: self._told(number, problem), bucket=bucket,
        )  # fmt: skip
        self._tails.append(tail)
        tail.start()
        self._master.start()
        return tail

    def _all_links(self) -> list[Link]:
        pools = (link for pool in self._readers.values() for link in pool.links)
        return [*pools, *(link for tail in self._tails for link in tail.links)]

    def _told(self, number: int, problem: str) -> None:
        if problem:
            log.warning("tail %d: %s", number, problem)
        for watched in self._tails[number].watched:
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
        """Move streams to the runners when Redis stays away, and back when it answers."""
        away: dict[Tail, float] = {}
        while True:
            now = time.monotonic()
            for tail in self._tails:
                since = away.setdefault(tail, now)
                if not tail.problem:
                    away[tail] = since = now
                for watched in tail.watched:
                    if self._fallback is None:
                        return
                    if now - since >= AWAY:
                        self._fallback.engage(watched)
                    elif not tail.problem and watched.on_runners:
                        self._fallback.release(watched)
            await asyncio.sleep(AWAY / 4)

    def look(self, target: Target) -> None:
        """Let the reader of `target` take a snapshot now: somebody saw the stream change."""
        tail, watched = self._home.get(target), self._watches.get(target)
        if tail is not None and watched is not None:
            tail.look(watched)

    def read_again(self, target: Target) -> None:
        """Entries of `target` were removed by hand: what was read and not told is read anew."""
        tail, watched = self._home.get(target), self._watches.get(target)
        if tail is not None and watched is not None:
            watched.decoder.forget()
            tail.read_again(watched)

    def run_id(self, target: Target) -> str:
        tail = self._home.get(target)
        return tail.run_id if tail is not None else ""

    # --- reads for single sessions ------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def reader(self, target: Target) -> AsyncIterator[Link]:
        """A connection for a session's own reads of `target`; waits for its turn. LOST without a
        Redis."""
        if not self.url:
            raise RedisConnectionError("no Redis is configured")
        bucket = self.keys.bucket(target)
        pool = self._readers.get(bucket)
        if pool is None:
            pool = self._readers[bucket] = ReaderPool(self.url, bucket=bucket)
        async with pool.reader() as link:
            yield link

    @property
    def redactor(self) -> Redactor:
        return self._redactor

    def use(self, redactor: Redactor) -> None:
        """New redaction rules, from the next entry on. Sessions begin anew from their places."""
        self._redactor = redactor
        for watched in self._watches.values():
            watched.use(redactor)

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
        if self._guard is not None:
            self._guard.cancel()
            await asyncio.wait({self._guard}, timeout=1)
        await self._master.stop()
        if self._fallback is not None:
            await self._fallback.close()
        for tail in self._tails:
            await tail.stop()
        for pool in self._readers.values():
            await pool.close()
