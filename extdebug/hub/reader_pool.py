"""A few connections for the reads of single sessions, which take turns."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from extdebug.streams.connection import Link

READERS: Final = 4  # concurrent reads: a thousand sessions that come back form a queue


class ReaderPool:
    """Of one server, or of one bucket of a cluster. Nothing connects before it is used."""

    def __init__(self, url: str, *, bucket: int | None = None) -> None:
        self.links = [Link(url, bucket=bucket) for _ in range(READERS)]
        self._idle = asyncio.Queue[Link]()
        for link in self.links:
            self._idle.put_nowait(link)

    @property
    def idle(self) -> int:
        """How many nobody uses now."""
        return self._idle.qsize()

    @contextlib.asynccontextmanager
    async def reader(self) -> AsyncIterator[Link]:
        """A connection; waits for its turn."""
        link = await self._idle.get()
        try:
            yield link
        finally:
            self._idle.put_nowait(link)

    async def close(self) -> None:
        """Ends those that nobody uses."""
        while not self._idle.empty():
            await self._idle.get_nowait().close()
