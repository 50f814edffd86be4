"""One answer for all who ask at about the same time: asked once, kept for a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

FRESH: Final = 1.0  # seconds


class SharedAnswer(Generic[T]):
    """`ask` is awaited by one caller for all of the same event loop. Its errors are shared too,
    but not kept."""

    def __init__(self, ask: Callable[[], Awaitable[T]], *, fresh: float = FRESH) -> None:
        self._ask = ask
        self._fresh = fresh
        self._asking: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[T]]
        self._asking = WeakKeyDictionary()
        self._known: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[T, float]]
        self._known = WeakKeyDictionary()

    async def get(self) -> T:
        """The answer, at most `fresh` seconds old when the call began."""
        loop = asyncio.get_running_loop()
        known = self._known.get(loop)
        if known is not None and loop.time() - known[1] < self._fresh:
            return known[0]
        asking = self._asking.get(loop)
        if asking is None or asking.done():
            asking = asyncio.create_task(self._answer())
            self._asking[loop] = asking
        return await asyncio.shield(asking)  # who leaves takes the answer from nobody

    async def _answer(self) -> T:
        answer = await self._ask()
        loop = asyncio.get_running_loop()
        self._known[loop] = (answer, loop.time())
        return answer
