"""Shows the runners' own streams while Redis is away, through the same watched streams.

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
    RunnerClient,
    RunnerEntry,
    RunnerLoss,
    StreamRefused,
    StreamUnavailable,
)
from extdebug.hub.runner_client import watch as watch_runner
from extdebug.hub.watched_stream import WatchedStream
from extdebug.wire.backoff import jittered
from extdebug.wire.events import Gap, GapReason, iso
from extdebug.wire.positions import EntryId

log = logging.getLogger(__name__)

REFUSED_WAIT: Final = 30.0  # seconds: a wrong setting does not mend itself in one


class RunnerFallback:
    """The runners to ask while a stream is shown from them."""

    def __init__(self, runners: Sequence[RunnerClient]) -> None:
        self._runners = tuple(runners)
        self._since: dict[WatchedStream, int] = {}
        self._tasks: dict[WatchedStream, list[asyncio.Task[None]]] = {}
        self._down: dict[tuple[WatchedStream, str], str] = {}

    @property
    def watches(self) -> Sequence[WatchedStream]:
        return tuple(self._tasks)

    def engage(self, watched: WatchedStream) -> None:
        """Show what the runners print for this watch, until `release`."""
        if watched in self._tasks or not self._runners:
            return
        watched.begin_fallback()
        self._since[watched] = int(time.time() * 1000)
        self._tasks[watched] = [
            asyncio.create_task(self._follow(watched, runner), name=f"fallback-{watched.target}")
            for runner in self._runners
        ]

    def release(self, watched: WatchedStream) -> None:
        """Redis answers again, or nobody watches any more."""
        for task in self._tasks.pop(watched, ()):
            task.cancel()
        for runner in self._runners:
            self._down.pop((watched, runner.url), None)
        since = self._since.pop(watched, None)
        watched.end_fallback(
            Gap(
                GapReason.FAILOVER,
                None,
                since=None if since is None else iso(since),
                detail="Redis is back. Meanwhile lines came straight from runners; "
                "what was not shown follows here.",
            )
        )

    def says(self, watched: WatchedStream) -> str:
        """What people must know about what they see; empty when this watch is not on fallback."""
        if watched not in self._tasks:
            return ""
        up = [runner for runner in self._runners if (watched, runner.url) not in self._down]
        if not up:
            return ""
        pods = "a single runner pod" if len(self._runners) == 1 else f"{len(up)} runner pods"
        return f"Live stream limited to {pods}."

    async def close(self) -> None:
        tasks = [task for group in self._tasks.values() for task in group]
        for watched in self.watches:
            self.release(watched)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, watched: WatchedStream, runner: RunnerClient) -> None:
        attempt = 0
        place = (watched, runner.url)
        while True:
            wait = jittered(attempt)
            try:
                target = watched.target
                stream = watch_runner(runner, tenant=target.tenant, extension=target.extension)
                self._down.pop(place, None)
                async with aclosing(stream):
                    async for item in stream:
                        attempt = 0
                        self._show(watched, item)
            except StreamRefused as error:
                log.error("the runner refuses to be watched: %s", error)
                self._down[place] = str(error)
                wait = REFUSED_WAIT
            except (StreamUnavailable, OSError, TimeoutError) as error:
                log.info("runner %s: %s", runner.url, error)
                self._down[place] = str(error)
            watched.wake()
            await asyncio.sleep(wait)
            attempt = min(attempt + 1, 6)

    def _show(self, watched: WatchedStream, item: RunnerEntry | RunnerLoss) -> None:
        if isinstance(item, RunnerEntry):
            watched.runner_row((EntryId(int(time.time() * 1000), 0), item.raw))
        else:  # what the runner's buffer lost comes by Redis, if there is one
            log.warning("a runner could not send %d entries of %s", item.missed, watched.target)
