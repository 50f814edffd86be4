"""Leaves a Redis that still answers when most of its Sentinels name another master.

One that was frozen or cut off for a while does: nothing that is written elsewhere would be seen.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final

from extdebug.streams.connection import Link
from extdebug.wire.redis_address import RedisAddress
from extdebug.wire.redis_sentinels import ASK_AGAIN, replaced_in_loop

log = logging.getLogger(__name__)

STOP: Final = 2.0  # seconds for a question that is under way to end


class MasterWatch:
    """Asks every few seconds while it is started, for all `links` of a hub. Does nothing where the
    address names no Sentinels."""

    def __init__(
        self, url: str, links: Callable[[], Iterable[Link]], *, every: float = ASK_AGAIN
    ) -> None:
        self._address = RedisAddress.parse(url) if url else None
        self._links = links
        self._every = every
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Safe to call again. In the event loop of the links."""
        if self._task is None and self._address is not None and self._address.sentinels:
            self._task = asyncio.create_task(self._run(self._address), name="master-watch")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=STOP)

    async def _run(self, address: RedisAddress) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                await self._look(address)
            except Exception:  # what fails once must not end the watch
                log.exception("the Sentinels could not be asked")

    async def _look(self, address: RedisAddress) -> None:
        for place in {link.place for link in self._links()} - {None}:
            if place is not None and await replaced_in_loop(address, place):
                log.warning("Redis: %s:%d is master no more, looking for the next", *place)
                for link in self._links():
                    if link.place == place:
                        link.leave()
