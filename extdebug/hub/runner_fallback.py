"""While Redis is away: the runners' own streams, through the same watches and feeds.

A runner shows what it prints itself, from now on, and nothing of its neighbours: better than a
dead page, and said so on it. What arrives here moves no session's place in the stream; when Redis
is back, each session reads on from its place and what it saw here is not shown again (`src`, `n`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

from extdebug.hub.runner_client import (
    Runner,
    RunnerEntry,
    RunnerLoss,
    StreamRefused,
    StreamUnavailable,
)
from extdebug.hub.runner_client import watch as watch_runner
from extdebug.hub.watched_stream import Watch
from extdebug.streams.connection import jittered
from extdebug.wire.events import Gap, GapReason, iso
from extdebug.wire.positions import EntryId

log = logging.getLogger(__name__)

REFUSED_WAIT: Final = 30.0  # seconds: a wrong setting does not mend itself in one


class Fallback:
    """The runners to ask while a watch is engaged."""

    def __init__(self, runners: Sequence[Runner]) -> None:
        self._runners = tuple(runners)
        self._since: dict[Watch, int] = {}
        self._tasks: dict[Watch, list[asyncio.Task[None]]] = {}
        self._down: dict[tuple[Watch, str], str] = {}

    @property
    def watches(self) -> Sequence[Watch]:
        return tuple(self._tasks)

    def engage(self, watch: Watch) -> None:
        """Show what the runners print for this watch, until `release`."""
        if watch in self._tasks or not self._runners:
            return
        watch.begin_foreign()
        self._since[watch] = int(time.time() * 1000)
        self._tasks[watch] = [
            asyncio.create_task(self._follow(watch, runner), name=f"fallback-{watch.target}")
            for runner in self._runners
        ]

    def release(self, watch: Watch) -> None:
        """Redis answers again, or nobody watches any more."""
        for task in self._tasks.pop(watch, ()):
            task.cancel()
        for runner in self._runners:
            self._down.pop((watch, runner.url), None)
        since = self._since.pop(watch, None)
        watch.end_foreign(
            Gap(
                GapReason.FAILOVER,
                None,
                since=None if since is None else iso(since),
                scope=GapReason.FAILOVER.scope,
                detail="Redis is back. Meanwhile lines came straight from runners; "
                "what was not shown follows here.",
            )
        )

    def says(self, watch: Watch) -> str:
        """What people must know about what they see; empty when this watch is not on fallback."""
        if watch not in self._tasks:
            return ""
        up = [runner for runner in self._runners if (watch, runner.url) not in self._down]
        if not up:
            return ""
        pods = "a single runner pod" if len(self._runners) == 1 else f"{len(up)} runner pods"
        return f"Live stream limited to {pods}."

    async def close(self) -> None:
        tasks = [task for group in self._tasks.values() for task in group]
        for watch in self.watches:
            self.release(watch)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, watch: Watch, runner: Runner) -> None:
        attempt = 0
        place = (watch, runner.url)
        while True:
            wait = jittered(attempt)
            try:
                target = watch.target
                stream = watch_runner(
                    runner, tenant=target.tenant, extension=target.extension, installs=None
                )
                self._down.pop(place, None)
                async with aclosing(stream):
                    async for item in stream:
                        attempt = 0
                        self._show(watch, item)
            except StreamRefused as error:
                log.error("the runner refuses to be watched: %s", error)
                self._down[place] = str(error)
                wait = REFUSED_WAIT
            except (StreamUnavailable, OSError, TimeoutError) as error:
                log.info("runner %s: %s", runner.url, error)
                self._down[place] = str(error)
            watch.wake()
            await asyncio.sleep(wait)
            attempt = min(attempt + 1, 6)

    def _show(self, watch: Watch, item: RunnerEntry | RunnerLoss) -> None:
        if isinstance(item, RunnerEntry):
            watch.foreign_row((EntryId(int(time.time() * 1000), 0), item.raw))
        else:  # what the runner's buffer lost comes by Redis, if there is one
            log.warning("a runner could not send %d entries of %s", item.missed, watch.target)
