"""Event and Queue of asyncio, for what each session has and seldom waits for: a tenth of the room.

An asyncio.Event keeps an empty deque, a Queue four of them: 760 bytes each, 4.5 KB a session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")


class Gate(Protocol):
    """What of these can be asked and waited for."""

    def is_set(self) -> bool: ...

    async def wait(self) -> Any: ...


class LightEvent:
    """As an asyncio.Event."""

    __slots__ = ("_call", "_set", "_waiters")

    def __init__(self) -> None:
        self._set = False
        self._call: Callable[[], None] | None = None
        self._waiters: list[asyncio.Future[None]] | None = None

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        """Wake all who wait."""
        self._set = True
        if self._call is not None:
            self._call()
        for waiter in self._waiters or ():
            if not waiter.done():
                waiter.set_result(None)

    def clear(self) -> None:
        self._set = False

    def call(self, when_set: Callable[[], None]) -> None:
        """Call this one function each time that it is set."""
        self._call = when_set

    async def wait(self) -> None:
        """Until it is set; at once if it is."""
        if self._set:
            return
        if self._waiters is None:
            self._waiters = []
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        finally:
            self._waiters.remove(waiter)


class LightQueue(Generic[T]):
    """As an unbounded asyncio.Queue, for one reader at a time and few items."""

    __slots__ = ("_items", "_reader")

    def __init__(self) -> None:
        self._items: list[T] = []
        self._reader: asyncio.Future[None] | None = None

    def empty(self) -> bool:
        return not self._items

    def put_nowait(self, item: T) -> None:
        self._items.append(item)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> T:
        """The oldest item; a reader that is cancelled takes none. RuntimeError for a second one."""
        while not self._items:
            if self._reader is not None:
                raise RuntimeError("somebody reads already")
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return self._items.pop(0)
