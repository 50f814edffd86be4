"""What a WebSocket client says, in order, and whether it is still there while nobody listens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from extdebug.wire.stopping import stop

T = TypeVar("T")
Receive = Callable[[], Awaitable[dict[str, Any]]]

EARLY: Final = 32  # frames of one who does not wait for the answer to its first


class Gone(Exception):
    """The client closed the connection, with this code, or it was lost (1006)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class Inbox:
    """Of one connection, over the server's `receive`. For one reader at a time.

    `keeps`: when `receive` is cancelled, what it would have given waits for the next. ASGI does not
    promise that.
    """

    def __init__(self, receive: Receive, *, keeps: bool = False) -> None:
        self._receive = receive
        self._keeps = keeps
        self._early: list[dict[str, Any]] = []
        self._hearing: asyncio.Future[dict[str, Any]] | None = None

    async def text(self) -> str | bytes:
        """The next frame; Gone when there is none any more."""
        if self._keeps and self._hearing is not None:
            await self._stop_hearing()
        if self._early:
            message = self._early.pop(0)
        else:
            hearing, self._hearing = self._hearing, None
            message = await (hearing or self._receive())
        _here(message)
        text = message.get("text")
        return text if text is not None else message.get("bytes") or b""

    async def _stop_hearing(self) -> None:
        """So that the reader waits by itself: an idle session would hold the task, 0.6 KB."""
        if self._hearing is not None:
            hearing, self._hearing = self._hearing, None
            await stop((hearing,))
            if not hearing.cancelled():
                self._early.append(hearing.result())

    async def while_there(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns; Gone, and the work is cancelled, when the client leaves meanwhile.
        What it says meanwhile waits."""
        task = asyncio.create_task(work)
        try:
            while not task.done() and len(self._early) < EARLY:
                hearing = self._hearing or asyncio.ensure_future(self._receive())
                self._hearing = hearing
                either: set[asyncio.Future[Any]] = {task, hearing}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if hearing.done():
                    self._hearing = None
                    _here(hearing.result())
                    self._early.append(hearing.result())
            return await task
        finally:
            await stop({task})

    def close(self) -> None:
        """Nobody listens any more."""
        if self._hearing is not None:
            self._hearing.cancel()
            self._hearing = None


def _here(message: dict[str, Any]) -> None:
    if message["type"] == "websocket.disconnect":
        raise Gone(message.get("code") or 1006)
