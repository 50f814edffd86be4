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

from extdebug.hub.watched_stream import Watch
from extdebug.streams.connection import LOST, Link, jittered
from extdebug.streams.continuity import Step
from extdebug.streams.replies import Row, read_keys, read_rows, read_snapshot
from extdebug.streams.server_identity import Server
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
        self.watches: dict[bytes, Watch] = {}
        self.problem = ""
        self._link = Link(url)
        self._control = Link(url)
        self._name = name
        self._group = group
        self._on_state = on_state
        self._server = Server()
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

    def add(self, watch: Watch) -> None:
        """Watch one more stream now, not when the running read times out."""
        self.watches[watch.key] = watch
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
        for watch in self.watches.values():
            watch.behind = True

    async def _cycle(self) -> None:
        now, wanted = time.monotonic(), self._wanted
        ready: list[Watch] = []
        due: list[Watch] = []
        for watch in self.watches.values():
            if watch.problem and now < watch.retry_at:
                continue
            if watch.problem or not watch.attached or watch.behind or now >= watch.probe_at:
                due.append(watch)
            else:
                ready.append(watch)
        delivered = 0
        for watch in due:
            delivered += await self._look(watch)
        behind = any(watch.behind for watch in due)
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
        behind = any(watch.behind for watch in self.watches.values())
        wait = next((s for rate, s in LINGER if self._rate > rate), 0.0) if not behind else 0.0
        await asyncio.sleep(wait)

    def _count(self, keys: int) -> int:
        return min(500, max(20, 2000 // max(keys, 1)))  # COUNT is per key: it bounds one reply

    async def _read(self, watches: Sequence[Watch], *, block: bool) -> int:
        count = self._count(len(watches))
        command: list[str | bytes | int] = ["XREAD", "COUNT", count]
        if block:
            command += ["BLOCK", BLOCK_MS]
        command.append("STREAMS")
        command += [watch.key for watch in watches]
        command += [str(watch.cursor.id) for watch in watches]
        try:
            reply = await self._link.call(*command)
        except ResponseError:
            for watch in watches:  # one bad key fails the whole read: find it, read the others
                watch.probe_at = 0.0
            await asyncio.sleep(0.05)
            return 0
        delivered = 0
        for key, rows in read_keys(reply):
            known = self.watches.get(key)
            if known is not None and rows:
                delivered += self._take(known, rows)
                known.behind = len(rows) >= count
        return delivered

    def _take(self, watch: Watch, rows: Sequence[Row]) -> int:
        account = watch.account
        if account is None:
            return 0
        return watch.deliver(account.got([row[0] for row in rows]), rows)

    async def _look(self, watch: Watch) -> int:
        """Snapshot and read in one transaction: the place of every loss is exact there."""
        sent_at = time.monotonic()
        commands: list[tuple[str | bytes | int, ...]] = [
            ("XINFO", "STREAM", watch.key),
            ("XINFO", "GROUPS", watch.key),
        ]
        count = self._count(len(self.watches))
        if watch.account is not None:
            start = str(watch.account.cursor)
            commands.append(("XREAD", "COUNT", count, "STREAMS", watch.key, start))
        else:
            commands.append(("XREVRANGE", watch.key, "+", "-", "COUNT", SEED))
        try:
            replies = await self._link.together(*commands)
            snapshot = read_snapshot(replies[0], replies[1])
            if len(replies) > 2 and isinstance(replies[2], Exception):
                raise replies[2]
        except ResponseError as error:
            self._quarantine(watch, f"this stream cannot be read: {str(error)[:160]}")
            return 0
        watch.probe_at = sent_at + PROBE_EVERY
        watch.snapshot = snapshot
        if snapshot.top.ms > time.time() * 1000 + FUTURE_MS:
            self._quarantine(
                watch,
                f"the stream's newest id ({snapshot.top}) lies in the future; "
                "an operator must delete it",
            )
            return 0
        if watch.problem:
            watch.problem = ""
            watch.wake()
        if watch.account is None:
            watch.attach(snapshot, run_id=self._server.run_id, seed=read_rows(replies[2])[::-1])
            watch.behind = False
            return 0
        marked = watch.marked_at is not None and watch.marked_at < sent_at
        lost_mark = marked and self._group not in snapshot.groups
        if lost_mark:
            watch.marked_at = None
        present: frozenset[EntryId] = frozenset()
        run_id = self._server.run_id
        if watch.account.suspicious(snapshot, run_id=run_id, epoch_lost=lost_mark):
            present = await self._present(watch)
        before = watch.account.cursor
        steps: list[Step] = watch.account.probe(
            snapshot, run_id=run_id, epoch_lost=lost_mark, present=present,
            failover=self._server.failover,
        )  # fmt: skip
        delivered = watch.deliver(steps, ())
        rows: list[Row] = []
        if watch.account.cursor < before:
            watch.behind = True  # the stream was replaced: read it anew from where we stand now
            return delivered
        if len(replies) > 2 and (reply := read_keys(replies[2])):
            rows = reply[0][1]
            delivered += self._take(watch, rows)
        watch.behind = len(rows) >= count
        return delivered

    async def _present(self, watch: Watch) -> frozenset[EntryId]:
        """Which of the places we remember the stream still holds."""
        if watch.account is None:
            return frozenset()
        places = {watch.account.cursor, *(id for id, _ in watch.account.anchors)}
        commands = [("XRANGE", watch.key, str(id), str(id)) for id in places]
        replies: list[Any] = await self._link.batch(commands)
        found: set[EntryId] = set()
        for reply in replies:
            if isinstance(reply, list):
                found.update(row[0] for row in read_rows(reply))
        return frozenset(found)

    def _quarantine(self, watch: Watch, problem: str) -> None:
        watch.retry_at = time.monotonic() + QUARANTINE
        if watch.problem != problem:
            log.warning("stream %s quarantined: %s", watch.target, problem)
            watch.problem = problem
            watch.wake()
