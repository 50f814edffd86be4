"""What one process of the console shares: its hub, its supervisor and its name.

Made on the first session, in the event loop that serves it, because not every server tells an
application when it starts (Daphne has no lifespan).
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings

from extdebug.db import Bridge, in_policy_threads, in_record_threads
from extdebug.hub.hub import Hub
from extdebug.hub.runner_client import RunnerClient
from extdebug.hub.runner_fallback import RunnerFallback
from extdebug.sessions import (
    close_reasons,
    comebacks,
    heartbeats,
    open_rows,
    shutdown,
    target_names,
)
from extdebug.sessions.catch_up import ReadPast
from extdebug.sessions.feed import Feed
from extdebug.sessions.gathered import Gathered
from extdebug.sessions.presence_rounds import PresenceRounds
from extdebug.sessions.purge_watch import PurgeWatch
from extdebug.sessions.rate_limit import RateLimit
from extdebug.sessions.resume_order import ResumeOrder
from extdebug.sessions.session_spans import SessionSpans
from extdebug.sessions.speakers import Speakers
from extdebug.sessions.stats import SessionStats
from extdebug.sessions.store import Lease
from extdebug.sessions.supervisor import Supervisor
from policies import access
from policies.access import Viewer
from policies.loading.redactor import current_redactor
from policies.redaction.redactor import Redactor

log = logging.getLogger(__name__)

# Reconnects and polls of one person per second: they cost as much as an opening, and count as none.
RESUMES = 25.0
# Openings of one person per second: their policy allows tens a minute, a refusal costs queries.
KNOCKS = 10.0
# Whoever was refused in the last minute is decided about without locks first.
REFUSED = 1 / 60
# Openings of one transaction: its locks are held for some 30 ms then, and its pages stay small.
OPENED_AT_ONCE = 64
ASKED_AT_ONCE = 500  # people looked up in one query
LEAVE_WITHIN = 1.0  # seconds for the row's removal; without a database it is found silent later
DRAIN_WITHIN = 8.0  # seconds for telling every session, under the server's own limit of 10

_nodes: WeakKeyDictionary[asyncio.AbstractEventLoop, Node] = WeakKeyDictionary()
_starting: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


class Node:
    """Everything that sessions of this process stand on."""

    def __init__(self, *, hub: Hub, name: str, records: Bridge = in_record_threads) -> None:
        self.name = name
        self.hub = hub
        self.records = records
        self.spans = SessionSpans(name)
        self.history_of: Callable[[Lease], ReadPast] = self.spans.history_of
        self.stats = SessionStats()
        self.speakers = Speakers()
        self.resumed = RateLimit(RESUMES)
        self.knocks = RateLimit(KNOCKS)
        self.refused = RateLimit(REFUSED)
        self.resume_order = ResumeOrder()
        self.openings = Gathered(open_rows.open_rows, bridge=records, most=OPENED_AT_ONCE, calls=2)
        self.comebacks = Gathered(comebacks.take_over, bridge=records, most=OPENED_AT_ONCE, calls=2)
        self.names = Gathered(target_names.names_of, bridge=records, most=OPENED_AT_ONCE)
        self.signed_in = Gathered(_signed_in, bridge=in_policy_threads, most=ASKED_AT_ONCE)
        self.supervisor = Supervisor(
            name=name, use_rules=self._use_rules, health=self.health,
            purges=PurgeWatch(read_again=hub.read_again), spans=self.spans,
        )  # fmt: skip
        self.presence = PresenceRounds(feeds=lambda: self.supervisor.feeds, records=records)
        self.draining = False

    def decide_soon(self, *feeds: Feed) -> None:
        self.supervisor.decide_soon(*feeds)

    def left(self, feed: Feed, *, gone: bool) -> None:
        """A feed is over: nobody needs to decide about it any more, and its figures count."""
        self.supervisor.forget(feed)
        self.spans.left(feed.lease)
        self.stats.over(feed.ending, feed.account, feed.lease, gone=gone)

    def _use_rules(self, redactor: Redactor) -> None:
        """New redaction rules: nothing that waits is shown as the old ones left it."""
        self.hub.use(redactor)
        for feed in self.supervisor.feeds:
            feed.read_again()

    def health(self) -> dict[str, Any]:
        """Streams and sessions of this process, for its row and the operators."""
        return {
            "sessions": len(self.supervisor.feeds),
            "streams": [
                {
                    "target": str(row.target),
                    "watchers": row.watchers,
                    "problem": row.problem,
                    "length": row.length,
                    "backlog": row.backlog,
                    "lag_ms": row.lag_ms,
                    "retention_ms": row.retention_ms,
                    "entries": row.entries,
                    "delivered": row.delivered,
                    "lost": row.lost,
                }
                for row in self.hub.health()
            ],
        }

    async def drain(self) -> None:
        """Tell every session to come back elsewhere and wait until they are written down."""
        self.draining = True
        end = close_reasons.draining
        for feed in self.supervisor.feeds:
            feed.end(end())
        await self.supervisor.empty(within=DRAIN_WITHIN)

    async def stop(self) -> None:
        """Drain, stop what runs, and take this process's row away: nobody misses it."""
        await self.drain()
        await self.presence.stop()
        await self.spans.stop()
        await self.supervisor.stop()
        await self.hub.close()
        try:
            async with asyncio.timeout(LEAVE_WITHIN):
                await self.records(heartbeats.leave, self.name)
        except Exception as error:  # noqa: BLE001 - whatever keeps the database from answering
            log.warning("this process could not sign off, its row stays: %s", type(error).__name__)


async def current_node(*, replay: bool = False) -> Node:
    """This process's node in the running loop, begun when it is first asked for.

    With `replay` it is a command's, and not a console's: its row says so, and it minds signals.
    """
    loop = asyncio.get_running_loop()
    known = _nodes.get(loop)
    if known is not None:
        return known
    lock = _starting.setdefault(loop, asyncio.Lock())
    async with lock:
        known = _nodes.get(loop)
        if known is None:
            known = await _start(replay=replay)
            _nodes[loop] = known
    return known


def running_node() -> Node | None:
    """The node of the running loop, if a session ever began here."""
    return _nodes.get(asyncio.get_running_loop())


async def stop_node() -> None:
    """Drain and close this loop's node; the next session would begin a new one."""
    known = _nodes.pop(asyncio.get_running_loop(), None)
    if known is not None:
        await known.stop()


def _signed_in(viewers: Sequence[Viewer]) -> list[bool]:
    live = access.live_principals(viewers)
    return [position in live for position in range(len(viewers))]


def _fallback() -> RunnerFallback | None:
    """The runners of RUNNER_URL, unless the mode is `redis`."""
    urls = [url.strip() for url in settings.RUNNER_URL.split(",") if url.strip()]
    if settings.EXT_DEBUG_STREAM_MODE == "redis" or not urls:
        return None
    secret = settings.RUNNER_DEBUG_STREAM_SECRET.encode()
    auth = settings.RUNNER_AUTH_TOKEN or None
    return RunnerFallback([RunnerClient(url=url, secret=secret, auth=auth) for url in urls])


async def _start(*, replay: bool) -> Node:
    redactor = await in_policy_threads(current_redactor)
    host = socket.gethostname().lower()[:32]
    name = f"{heartbeats.REPLAY if replay else ''}{host}-{os.getpid()}-{secrets.token_hex(3)}"
    runners_only = settings.EXT_DEBUG_STREAM_MODE == "runner"
    hub = Hub(
        url="" if runners_only else settings.REDIS_URL,
        prefix=settings.EXT_DEBUG_STREAM_PREFIX,
        name=name,
        redactor=redactor,
        fallback=_fallback(),
    )
    started = Node(hub=hub, name=name)
    started.supervisor.start()
    started.presence.start()
    if not replay:
        shutdown.on_signal(started.stop)
    return started
