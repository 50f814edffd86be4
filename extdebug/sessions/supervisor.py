"""Watches over this process's sessions and ends those that may no longer go on.

Three ways lead here, each enough on its own: a hint on the channel layer (fast), the policy
version and the session rows polled every second (when the layer is silent), and a fresh decision
for everyone every 15 s. If policy cannot be read at all, production sessions end: a guard of its
own sees to that, because a database that hangs does not even fail.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from extdebug.db import in_policy_threads
from extdebug.sessions import close_reasons, layer_listener, ownership
from extdebug.sessions.feed import Feed
from extdebug.sessions.purge_watch import PurgeWatch
from extdebug.sessions.roster import Roster
from extdebug.sessions.row_writer import RowWriter, SessionWrites
from extdebug.sessions.session_spans import SessionSpans
from extdebug.sessions.unserved import Unserved
from extdebug.wire.stopping import stop
from extdebug.wire.ticks import next_round, round_after
from policies import access
from policies.loading.redactor import current_redactor
from policies.redaction.redactor import Redactor

log = logging.getLogger(__name__)

AT_ONCE: Final = 500  # sessions decided in one round of queries
SETTLE_WITHIN: Final = 1.0  # seconds for a sign of life that is being written at the end


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds."""

    poll: float = 0.25  # between two looks at the policy version, one query of 0.2 ms
    rows: float = 0.75  # between two looks at our rows, and two tries to write one
    afresh: float = 15.0  # after which every session is decided again
    beat: float = 5.0  # between two signs of life, and between two written accounts
    blind: float = 10.0  # without being able to read policy before production sessions end
    guard: float = 0.5  # between two looks of the guard


class PolicyReads:
    """What the supervisor asks the database, each call in a thread of its pool."""

    policy_version = staticmethod(access.policy_version)
    decide_many = staticmethod(access.decide_many)
    live_principals = staticmethod(access.live_principals)
    held_elsewhere = staticmethod(ownership.held_elsewhere)
    current_redactor = staticmethod(current_redactor)


class Supervisor:
    """Owned by the Node; `watch` is called by opening, `forget` when a feed is over."""

    def __init__(
        self,
        *,
        name: str,
        use_rules: Callable[[Redactor], None],
        health: Callable[[], Mapping[str, Any]],
        policy: PolicyReads | None = None,
        purges: PurgeWatch | None = None,
        spans: SessionSpans | None = None,
        writes: SessionWrites | None = None,
        timings: Timings = Timings(),
        at_once: int = AT_ONCE,
    ) -> None:
        self._name = name
        self._use_rules = use_rules
        self._purges = purges
        self._spans = spans
        self._policy = policy or PolicyReads()
        self._rows = RowWriter(name=name, health=health, writes=writes or SessionWrites())
        self._timings = timings
        self._at_once = at_once
        self._feeds = Roster(afresh=timings.afresh)
        self._unserved = Unserved()
        self._soon: set[Feed] = set()
        self._bell = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._version = self._rules_version = -1
        self._rules = ""
        self._read_at = time.monotonic()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._finishing: set[asyncio.Task[None]] = set()

    @property
    def blind(self) -> float:
        """Seconds since policy could be read; from `Timings.blind` on production sessions end."""
        return time.monotonic() - self._read_at

    @property
    def feeds(self) -> Sequence[Feed]:
        return tuple(self._feeds)

    def start(self) -> None:
        """Begin, or begin again, what is not running."""
        works: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "listen": lambda: layer_listener.listen(heard=self._heard, joined=self.decide_all),
            "poll": self._poll,
            "beat": lambda: self._rows.beat_for_ever(lambda: self.feeds, every=self._timings.beat),
            "move": lambda: self._rows.move_for_ever(again=self._timings.rows),
            "settle": lambda: self._rows.settle_for_ever(
                every=self._timings.beat, again=self._timings.rows
            ),
            "guard": self._guard,
        }
        for name, work in works.items():
            if name not in self._tasks or self._tasks[name].done():
                self._tasks[name] = asyncio.create_task(work(), name=f"supervisor_{name}")

    async def stop(self) -> None:
        await stop([*self._tasks.values(), *self._finishing])
        await self._rows.settled(within=SETTLE_WITHIN)

    def serving(self, session: str) -> Feed | None:
        """The feed of this process that serves the session, if one does and has not ended."""
        return next(
            (feed for feed in self._feeds if feed.lease.id == session and feed.ending is None), None
        )

    def watch(self, feed: Feed) -> None:
        """From now on; decided again at once, for what changed while the session was opened.

        Of two connections of one session the later wins: the earlier one is told and ends."""
        earlier = self.serving(feed.lease.id)
        if earlier is not None:
            earlier.end(close_reasons.TAKEN)
        self._feeds.add(feed)
        self._unserved.watch(feed)
        if self._purges is not None:
            self._purges.tell(feed)
        self._empty.clear()
        self.decide_soon(feed)

    def forget(self, feed: Feed) -> None:
        self._feeds.remove(feed)
        self._soon.discard(feed)
        self._unserved.forget(feed)
        self._rows.forget(feed)
        if not self._feeds:
            self._empty.set()

    async def empty(self, *, within: float) -> None:
        """Wait until no session is left, or for so many seconds."""
        with contextlib.suppress(TimeoutError):
            # Not wait_for: on 3.11 it can swallow a cancellation.
            async with asyncio.timeout(within):
                await self._empty.wait()

    def decide_soon(self, *feeds: Feed) -> None:
        self._soon.update(feeds)
        self._bell.set()

    def decide_all(self) -> None:
        self.decide_soon(*self._feeds)

    # --- hints --------------------------------------------------------------------------------

    def _heard(self, message: dict[str, Any]) -> None:
        session_hash = message.get("session_hash")
        if message.get("kind") == "logout" and session_hash:
            for feed in self._feeds:  # final: the sign-in's row still exists at this moment
                if feed.viewer.session_hash == session_hash:
                    feed.end(close_reasons.SIGNED_OUT)
            return
        if self._purges is not None:
            self._purges.due = True
        self.decide_all()

    # --- polling ------------------------------------------------------------------------------

    async def _poll(self) -> None:
        rows_at = 0.0
        loop = asyncio.get_running_loop()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(round_after(loop.time(), self._timings.poll)):
                    await self._bell.wait()
            self._bell.clear()
            try:
                async with asyncio.timeout(self._timings.blind):  # a database may never answer
                    rows_due = (now := time.monotonic()) >= rows_at
                    await self._look(stale=self._feeds.stale(now) if rows_due else ())
                    try:
                        if rows_due and self._feeds:
                            rows_at = round_after(now, self._timings.rows)
                            await self._look_at_rows()
                        if self._purges is not None:
                            await self._purges.look(self.feeds, now=now)
                    except Exception:
                        await self._look_at_rules()  # whatever fails beside them delays no rules
                        raise
                    await self._look_at_rules()  # last: what cannot be read must delay no cut
                self._read_at = time.monotonic()
            except Exception:
                log.exception("policy cannot be read")
                self._fail_closed()
                await asyncio.sleep(self._timings.rows)

    async def _look(self, *, stale: Sequence[Feed]) -> None:
        version = await in_policy_threads(self._policy.policy_version)
        if version != self._version:
            self._version = version
            self._rows.policy_moved()
            self.decide_all()
        wanted = [feed for feed in {*self._soon, *stale} if feed in self._feeds]
        self._soon.clear()
        for start in range(0, len(wanted), self._at_once):
            try:
                await self._decide(wanted[start : start + self._at_once])
            except BaseException:  # they are still to be decided, and those of later rounds too
                self._soon.update(feed for feed in wanted[start:] if feed in self._feeds)
                raise

    async def _decide(self, feeds: Sequence[Feed]) -> None:
        """Decide afresh; equal questions are asked once."""
        asked: dict[tuple[int, int | None, str, str], list[Feed]] = {}
        for feed in feeds:
            viewer, target = feed.viewer, feed.target
            key = (viewer.user_id, viewer.token_id, target.tenant, target.extension)
            asked.setdefault(key, []).append(feed)
        first = [group[0] for group in asked.values()]
        questions = [(one.viewer, one.target.tenant, one.target.extension) for one in first]
        asked_at, before = asyncio.get_running_loop().time(), time.monotonic()
        answers = await in_policy_threads(self._policy.decide_many, questions)
        for group, decision in zip(asked.values(), answers, strict=True):
            for feed in group:
                if feed not in self._feeds:
                    continue
                self._feeds.decided(feed, decision, asked=before)
                grant_id = feed.decision.grant_id
                if self._spans is not None:
                    self._spans.decided(feed, decision, asked_at=asked_at)
                feed.apply(decision, asked_at=asked_at)
                if decision.allowed and decision.grant_id != grant_id:
                    self._rows.moved(feed)

    async def _look_at_rows(self) -> None:
        """Sign-ins that ended, sessions an operator ended, sessions that went elsewhere."""
        viewers, sessions, leases = self._feeds.asked
        live = await in_policy_threads(self._policy.live_principals, viewers)
        for position in set(range(len(viewers))) - live:
            for feed in sessions[position]:
                feed.end(close_reasons.SIGNED_OUT)
        verdicts = await in_policy_threads(self._policy.held_elsewhere, self._name, leases)
        for feed in self.feeds if verdicts else ():
            verdict = verdicts.get(feed.lease.holder, "")
            if verdict.startswith("ended"):
                by = verdict[len("ended ") :]
                feed.end(close_reasons.ended_by(by, watcher=feed.viewer.username))
            elif verdict:
                feed.end(close_reasons.TAKEN)

    def _fail_closed(self) -> None:
        if self.blind < self._timings.blind:
            return
        for feed in self._feeds:
            if feed.decision.environment == "production":
                feed.end(close_reasons.unavailable("Policy cannot be read, so nobody may watch."))

    async def _guard(self) -> None:
        """Waits for nothing and nobody: what the others cannot do while a question hangs."""
        while True:
            await next_round(self._timings.guard, ticks=1)
            self.start()  # whatever has died
            self._fail_closed()
            now = asyncio.get_running_loop().time()
            for feed in self._unserved.look(now):
                self.forget(feed)
                ending = asyncio.create_task(_finish(feed), name="unserved")
                self._finishing.add(ending)
                ending.add_done_callback(self._finishing.discard)

    async def _look_at_rules(self) -> None:
        if (version := self._version) == self._rules_version:
            return
        redactor = await in_policy_threads(self._policy.current_redactor)
        if redactor.fingerprint != self._rules:
            self._rules = redactor.fingerprint
            self._use_rules(redactor)
        self._rules_version = version


async def _finish(feed: Feed) -> None:
    """For a feed that nobody serves; its row is the janitor's when it cannot be written."""
    try:
        await feed.finish(gone=True)
    except Exception:
        log.exception("the end of session %s could not be written", feed.lease.id)
