"""Tells the sessions of this process who else watches: one reading for all of them, every 2 s.

What was read is taken back when it cannot be read again for a while: nobody stays named by it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from typing import Final

from extdebug.db import Bridge
from extdebug.sessions import watcher_rows
from extdebug.sessions.feed import Feed
from extdebug.sessions.watcher_rows import Watcher
from extdebug.wire.keys import Target
from extdebug.wire.stopping import stop
from extdebug.wire.ticks import next_round

log = logging.getLogger(__name__)

EVERY: Final = 2.0  # seconds: who comes or goes is told within twice that
STALE: Final = 8.0  # seconds without a reading until nobody is told of anybody
READ_WITHIN: Final = 5.0  # seconds; a database that never answers does not raise


class PresenceRows:
    """What is asked of the database, each call in a thread of its pool."""

    read = staticmethod(watcher_rows.read)
    write = staticmethod(watcher_rows.write)


class PresenceRounds:
    """Owned by the Node; `feeds()` are its sessions."""

    def __init__(
        self,
        *,
        feeds: Callable[[], Iterable[Feed]],
        records: Bridge,
        rows: PresenceRows | None = None,
        every: float = EVERY,
        stale: float = STALE,
    ) -> None:
        self._feeds = feeds
        self._records = records
        self._rows = rows or PresenceRows()
        self._every = every
        self._stale = stale
        self._read_at = time.monotonic()
        self._known: dict[Target, tuple[Watcher, ...]] = {}  # as it was last read, and told
        self._told: tuple[Feed, ...] = ()  # those who were there then
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._for_ever(), name="presence")

    async def stop(self) -> None:
        if self._task is not None:
            await stop({self._task})

    async def _for_ever(self) -> None:
        while True:
            await next_round(self._every, ticks=3)
            try:
                await self.round()
            except Exception:
                log.exception("who else watches could not be read or written")
                if time.monotonic() - self._read_at >= self._stale:
                    self._told = ()
                    for feed in self._feeds():
                        feed.presence.tell(())

    async def round(self) -> None:
        """Write down what changed of our sessions, then read who watches what they watch."""
        try:
            await self._write()
        finally:  # who could not be written down is told of others all the same
            await self._read()

    async def _write(self) -> None:
        for feed in tuple(self._feeds()):
            presence = feed.presence
            entry = presence.unwritten(feed.decision)
            if entry is None or feed.finished:
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(READ_WITHIN):
                    await self._records(
                        self._rows.write, feed.lease, feed.viewer, feed.target,
                        standing=entry.standing, shared=entry.shared,
                        begins=entry.shared is not None and not presence.shares,
                    )  # fmt: skip
                    presence.wrote(entry)

    async def _read(self) -> None:
        feeds = tuple(self._feeds())
        told = [feed for feed in feeds if feed.presence.told_of_others]
        if told:
            async with asyncio.timeout(READ_WITHIN):
                found = await self._records(self._rows.read, {feed.target for feed in told})
            # Compared once, and not by each session with what it was told last.
            if feeds != self._told or found != self._known:
                same = {
                    target: known
                    for target, known in self._known.items()
                    if found.get(target) == known
                }
                self._known = {**found, **same}
                for feed in told:
                    feed.presence.tell(self._known.get(feed.target, ()))
                self._told = feeds
        self._read_at = time.monotonic()
