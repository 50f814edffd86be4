"""Writes down how this process and its sessions do: signs of life, accounts, due grants.

Lets the trail have what policy's tables were changed to without a verb, too.

Apart from deciding, because a write may wait for a lock while a cut must not.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from django.utils import timezone

from audit import trail
from extdebug.db import Bridge, in_record_threads
from extdebug.sessions import heartbeats, store
from extdebug.sessions.feed import Feed
from extdebug.wire.ticks import next_round, round_after

log = logging.getLogger(__name__)

NOTED_AT_ONCE: Final = 64  # accounts written in one transaction: some 3 ms
MOVE_AGAIN: Final = 0.75  # seconds until a grant that could not be written is tried again


class SessionWrites:
    """What is written, each call in a thread of its pool."""

    beat = staticmethod(heartbeats.beat)
    move_grant = staticmethod(store.move_grant)
    note = staticmethod(store.note)
    settle_notes = staticmethod(trail.settle_notes)


class RowWriter:
    """Owned by the supervisor, whose tasks are `beat_for_ever`, `move_for_ever` and
    `settle_for_ever`."""

    def __init__(
        self,
        *,
        name: str,
        health: Callable[[], Mapping[str, Any]],
        writes: SessionWrites,
        records: Bridge = in_record_threads,
    ) -> None:
        self._name = name
        self._health = health
        self._writes = writes
        self._records = records
        self._unnoted: set[Feed] = set()  # accounts that moved since they were written
        self._moved: set[Feed] = set()  # stand on another grant than their row says
        self._moving = asyncio.Event()
        self._unsettled = asyncio.Event()  # a change of policy may not be in the trail yet
        self._started_at = timezone.now()
        self._beating: asyncio.Task[None] | None = None

    def moved(self, feed: Feed) -> None:
        """The session stands on another grant now: its row is to say so."""
        self._moved.add(feed)
        self._moving.set()

    def forget(self, feed: Feed) -> None:
        self._moved.discard(feed)
        self._unnoted.discard(feed)

    def policy_moved(self) -> None:
        """Another policy version was seen: what changed may not be in the trail yet."""
        self._unsettled.set()

    async def beat_for_ever(self, feeds: Callable[[], Iterable[Feed]], *, every: float) -> None:
        """A sign of life and the accounts that moved, every so many seconds."""
        while True:
            try:
                self._beating = asyncio.create_task(self._beat(), name="beat")
                await asyncio.shield(self._beating)  # a thread goes on when its task is cancelled
                await self._note(tuple(feeds()))
            except Exception:
                log.exception("the sign of life could not be written")
            await next_round(every, ticks=7)

    async def _note(self, feeds: Sequence[Feed]) -> None:
        """The accounts that moved, some at a time: an account is not old when it is written."""
        for start in range(0, len(feeds), NOTED_AT_ONCE):
            part = feeds[start : start + NOTED_AT_ONCE]
            self._unnoted.update(feed for feed in part if feed.changed())
            accounts = [(feed, feed.account) for feed in part if feed in self._unnoted]
            if not accounts:
                continue
            asked = [(feed.lease, account) for feed, account in accounts]
            ours = await self._records(self._writes.note, asked)
            for (feed, account), written in zip(accounts, ours, strict=True):
                self._unnoted.discard(feed)
                if written:
                    feed.wrote(account)

    async def _beat(self) -> None:
        await self._records(
            self._writes.beat, self._name, host=socket.gethostname()[:128],
            pid=os.getpid(), started_at=self._started_at, health=dict(self._health()),
        )  # fmt: skip

    async def settled(self, *, within: float) -> None:
        """After `beat_for_ever` was cancelled: until no thread writes a sign of life any more."""
        if self._beating is not None:
            await asyncio.wait([self._beating], timeout=within)

    async def move_for_ever(self, *, again: float = MOVE_AGAIN) -> None:
        """Write down who was `moved`; what could not be written is tried again."""
        while True:
            await self._moving.wait()
            self._moving.clear()
            for feed in tuple(self._moved):
                self._moved.discard(feed)
                try:
                    await self._records(
                        self._writes.move_grant, feed.lease, feed.viewer, feed.target,
                        grant_id=feed.decision.grant_id,
                    )  # fmt: skip
                except Exception:
                    log.exception("the grant of a session could not be written")
                    self.moved(feed)
                    await asyncio.sleep(again)
                    break

    async def settle_for_ever(self, *, every: float, again: float = MOVE_AGAIN) -> None:
        """Let the trail have what was changed without a verb: after `policy_moved`, and every so
        many seconds."""
        while True:
            with contextlib.suppress(TimeoutError):
                # Not wait_for: until Python 3.12 it swallows a cancel at the moment of the event.
                now = asyncio.get_running_loop().time()
                async with asyncio.timeout_at(round_after(now, every)):
                    await self._unsettled.wait()
            self._unsettled.clear()
            try:
                await self._records(self._writes.settle_notes)
            except Exception:
                log.exception("changes of policy could not be recorded yet")
                await asyncio.sleep(again)
