"""On SIGTERM tells every session, waits until all are written down, then lets the server stop.

uvicorn closes sockets with 1012 before an application hears of the stop, Daphne exits within
0.1 s: so the signal is taken first and handed on when no session is left.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

log = logging.getLogger(__name__)

_installed = False


def on_signal(stop: Callable[[], Awaitable[None]]) -> None:
    """Run `stop` in the running loop before the server's own handler. A second signal cuts it."""
    global _installed  # noqa: PLW0603 - signal handlers belong to the process
    if _installed or threading.current_thread() is not threading.main_thread():
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    if not callable(before[signal.SIGTERM]):
        return  # no server that stops in order: a test, a management command
    _installed = True
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    def hand_on(number: int) -> None:
        for each, handler in before.items():
            signal.signal(each, handler)
        os.kill(os.getpid(), number)

    async def work(number: int) -> None:
        try:
            await stop()
        except Exception:
            log.exception("not every session could be told")
        finally:
            hand_on(number)

    def begin(number: int) -> None:
        if tasks:
            hand_on(number)
            return
        task = loop.create_task(work(number), name="drain")
        tasks.add(task)

    def handler(number: int, frame: FrameType | None) -> Any:
        loop.call_soon_threadsafe(begin, number)

    for number in before:
        signal.signal(number, handler)
