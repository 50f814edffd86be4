"""One blocking read for up to 128 streams, and the periodic proof that it saw everything.

A tail owns its connection: it attaches, probes, catches up and blocks one after the other, so
that a probe and the replies around it are always in the order in which Redis gave them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from redis.exceptions import ResponseError

from extdebug.hub.watched_stream import WatchedStream
from extdebug.streams.connection import LOST, Link
from extdebug.streams.continuity import Step
from extdebug.streams.replies import Row, read_keys, read_rows, read_snapshot
from extdebug.streams.server_identity import ServerIdentity
from extdebug.wire.backoff import jittered
from extdebug.wire.positions import EntryId

log = logging.getLogger(__name__)

MOST_KEYS: Final = 128  # waking one XREAD costs Redis ~0.5 us per key it lists
BLOCK_MS: Final = 1000
PROBE_EVERY: Final = 2.0  # seconds
QUARANTINE: Final = 5.0  # seconds before a stream that failed alone is tried again
SEED: Final = 64  # entries before our place, from which the producers' numbers are learnt
FUTURE_MS: Final = 5 * 60 * 1000  # an id further ahead of our clock is not one we follow
# Deliveries per second above which we wait a moment for a fuller batch (and how long, in s):
# below it a line goes out at once, above it frames cost more than the wait.
LINGER: Final = ((200_000, 0.03), (40_000, 0.01))


class Tail:
    """Reads its watches until stopped. `on_state(problem)` hears of every change of the link."""

    def __init__(
        self, url: str, *, name: str, group: bytes, on_state: Callable[[str], None]
    ) -> None:
        self.watches: dict[bytes, WatchedStream] = {}
        self.problem = ""
        self._link = Link(url)
        self._control = Link(url)
        self._name = name
        self._group = group
        self._on_state = on_state
        self._server = ServerIdentity()
        self._client_id = b""
        self._wanted = 0
        self._sent = 0
        self._rate = 0.0
        self._last = time.monotonic()
        self._kick: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def room(self) -> bool:
        return len(self.watches) < MOST_KEYS

    @property
    def run_id(self) -> str:
        return self._server.run_id

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"tail-{self._name}")

    async def stop(self) -> None:
        for task in (self._kick, self._task):
            while task is not None and not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=0.2)
        await self._link.close()
        await self._control.close()

    def add(self, watched: WatchedStream) -> None:
        """Watch one more stream now, not when the running read times out."""
        self.watches[watched.key] = watched
        self.wake()

    def wake(self) -> None:
        self._wanted += 1
        if self._link.connected and (self._kick is None or self._kick.done()):
            self._kick = asyncio.create_task(self._unblock(), name=f"unblock-{self._name}")

    async def _unblock(self) -> None:
        # UNBLOCK does nothing when it arrives just before the read blocks: repeat until re-issued.
        while self._sent < self._wanted and self._link.connected:
            try:
                await self._control.call("CLIENT", "UNBLOCK", self._client_id, "TIMEOUT")
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
                self._say(f"Redis does not answer ({type(error).__name__})")
            except ResponseError as error:
                self._say(f"Redis refuses: {str(error)[:200]}")
            except Exception:  # a bug in one reply must not end every session's stream silently
                log.exception("tail %s failed", self._name)
                self._say("the console could not read its reply; trying again")
            await self._link.close()
            await asyncio.sleep(jittered(attempt))
            attempt = min(attempt + 1, 8)

    def _say(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            self._on_state(problem)

    async def _connect(self) -> None:
        await self._link.connect()
        self._client_id = b"%d" % await self._link.call("CLIENT", "ID")
        try:
            info = await self._link.call("INFO", "server")
        except ResponseError:  # the embedded server has no INFO, an ACL may refuse it
            info = None
        self._server.identify(info)
        self._server.heard()
        for watched in self.watches.values():
            watched.behind = True

    async def _cycle(self) -> None:
        now, wanted = time.monotonic(), self._wanted
        ready: list[WatchedStream] = []
        due: list[WatchedStream] = []
        for watched in self.watches.values():
            if watched.problem and now < watched.retry_at:
                continue
            if watched.problem or not watched.attached or watched.behind or now >= watched.probe_at:
                due.append(watched)
            else:
                ready.append(watched)
        delivered = 0
        for watched in due:
            delivered += await self._look(watched)
        behind = any(watched.behind for watched in due)
        ready += [w for w in due if w.attached and not w.problem and not w.behind]
        self._sent = wanted
        if ready:
            delivered += await self._read(ready, block=not behind)
        elif not behind:
            await self._rest()
        self._server.heard()
        await self._linger(delivered)

    async def _rest(self) -> None:
        """Nothing to read: wait for a stream to watch or for a quarantine to end."""
        for _ in range(10):
            if self._sent < self._wanted:
                return
            await asyncio.sleep(0.05)

    async def _linger(self, delivered: int) -> None:
        now = time.monotonic()
        passed, self._last = max(now - self._last, 1e-4), now
        self._rate += (delivered / passed - self._rate) * min(1.0, passed / 0.2)
        behind = any(watched.behind for watched in self.watches.values())
        wait = next((s for rate, s in LINGER if self._rate > rate), 0.0) if not behind else 0.0
        await asyncio.sleep(wait)

    def _count(self, keys: int) -> int:
        return min(500, max(20, 2000 // max(keys, 1)))  # COUNT is per key: it bounds one reply

    async def _read(self, watches: Sequence[WatchedStream], *, block: bool) -> int:
        count = self._count(len(watches))
        command: list[str | bytes | int] = ["XREAD", "COUNT", count]
        if block:
            command += ["BLOCK", BLOCK_MS]
        command.append("STREAMS")
        command += [watched.key for watched in watches]
        command += [str(watched.cursor.id) for watched in watches]
        try:
            reply = await self._link.call(*command)
        except ResponseError:
            for watched in watches:  # one bad key fails the whole read: find it, read the others
                watched.probe_at = 0.0
            await asyncio.sleep(0.05)
            return 0
        delivered = 0
        for key, rows in read_keys(reply):
            known = self.watches.get(key)
            if known is not None and rows:
                delivered += self._take(known, rows)
                known.behind = len(rows) >= count
        return delivered

    def _take(self, watched: WatchedStream, rows: Sequence[Row]) -> int:
        account = watched.account
        if account is None:
            return 0
        return watched.deliver(account.got([row[0] for row in rows]), rows)

    async def _look(self, watched: WatchedStream) -> int:
        """Snapshot and read in one transaction: the place of every loss is exact there."""
        sent_at = time.monotonic()
        commands: list[tuple[str | bytes | int, ...]] = [
            ("XINFO", "STREAM", watched.key),
            ("XINFO", "GROUPS", watched.key),
        ]
        count = self._count(len(self.watches))
        if watched.account is not None:
            start = str(watched.account.cursor)
            commands.append(("XREAD", "COUNT", count, "STREAMS", watched.key, start))
        else:
            commands.append(("XREVRANGE", watched.key, "+", "-", "COUNT", SEED))
        try:
            replies = await self._link.together(*commands)
            snapshot = read_snapshot(replies[0], replies[1])
            if len(replies) > 2 and isinstance(replies[2], Exception):
                raise replies[2]
        except ResponseError as error:
            self._quarantine(watched, f"this stream cannot be read: {str(error)[:160]}")
            return 0
        watched.probe_at = sent_at + PROBE_EVERY
        watched.snapshot = snapshot
        if snapshot.top.ms > time.time() * 1000 + FUTURE_MS:
            self._quarantine(
                watched,
                f"the stream's newest id ({snapshot.top}) lies in the future; "
                "an operator must delete it",
            )
            return 0
        if watched.problem:
            watched.problem = ""
            watched.wake()
        if watched.account is None:
            watched.attach(snapshot, run_id=self._server.run_id, seed=read_rows(replies[2])[::-1])
            watched.behind = False
            return 0
        marked = watched.marked_at is not None and watched.marked_at < sent_at
        lost_mark = marked and self._group not in snapshot.groups
        if lost_mark:
            watched.marked_at = None
        present: frozenset[EntryId] = frozenset()
        run_id = self._server.run_id
        if watched.account.suspicious(snapshot, run_id=run_id, epoch_lost=lost_mark):
            present = await self._present(watched)
        before = watched.account.cursor
        steps: list[Step] = watched.account.probe(
            snapshot, run_id=run_id, epoch_lost=lost_mark, present=present,
            failover=self._server.failover,
        )  # fmt: skip
        delivered = watched.deliver(steps, ())
        rows: list[Row] = []
        if watched.account.cursor < before:
            watched.behind = True  # the stream was replaced: read it anew from where we stand now
            return delivered
        if len(replies) > 2 and (reply := read_keys(replies[2])):
            rows = reply[0][1]
            delivered += self._take(watched, rows)
        watched.behind = len(rows) >= count
        return delivered

    async def _present(self, watched: WatchedStream) -> frozenset[EntryId]:
        """Which of the places we remember the stream still holds."""
        if watched.account is None:
            return frozenset()
        places = {watched.account.cursor, *(id for id, _ in watched.account.anchors)}
        commands = [("XRANGE", watched.key, str(id), str(id)) for id in places]
        replies: list[Any] = await self._link.batch(commands)
        found: set[EntryId] = set()
        for reply in replies:
            if isinstance(reply, list):
                found.update(row[0] for row in read_rows(reply))
        return frozenset(found)

    def _quarantine(self, watched: WatchedStream, problem: str) -> None:
        watched.retry_at = time.monotonic() + QUARANTINE
        if watched.problem != problem:
            log.warning("stream %s quarantined: %s", watched.target, problem)
            watched.problem = problem
            watched.wake()
