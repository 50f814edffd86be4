"""Tells every session before the server ends: drains on SIGTERM or SIGINT, then lets it end.

Daphne would exit without a word to its consumers, uvicorn would close with 1012 before they can
say `closing`. So the signal first reaches us, and the server's own handler 8 s later at most.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from types import FrameType
from typing import Any, Final

from extdebug import console

log = logging.getLogger(__name__)

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Drain:
    """The handlers of one event loop. The second signal goes straight to the server."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._task: asyncio.Task[None] | None = None
        self._before: dict[signal.Signals, Any] = {}

    def install(self) -> None:
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._received)

    def _received(self, number: int, frame: FrameType | None) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)
        if self._loop.is_closed():
            signal.raise_signal(number)
        else:
            self._loop.call_soon_threadsafe(self._begin, number)

    def _begin(self, number: int) -> None:
        self._task = self._loop.create_task(self._drain(number))

    async def _drain(self, number: int) -> None:
        try:
            await console.stop()
        except Exception:
            log.exception("sessions could not be told of the shutdown")
        finally:
            signal.raise_signal(number)


_installed: Drain | None = None


def drain_first() -> None:
    """Install for the running loop, once. Does nothing outside the main thread."""
    global _installed  # noqa: PLW0603 - signal handlers belong to the process, so does this
    loop = asyncio.get_running_loop()
    if threading.current_thread() is not threading.main_thread():
        return
    if _installed is None or _installed._loop is not loop:  # noqa: SLF001 - its own module
        _installed = Drain(loop)
        _installed.install()
