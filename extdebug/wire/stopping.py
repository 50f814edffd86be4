"""Cancels tasks, of one connection or of a process, and waits until all of them have ended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any


async def stop(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancel tasks again and again until they are done: some libraries swallow a cancellation.

    What they fail with on their way out is nobody's any more: a client that vanishes fails the
    reader and the writer at once, and the session ends for one reason."""
    tasks = tuple(tasks)
    waiting = {task for task in tasks if not task.done()}
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=0.5)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # retrieved, so that the loop does not log it
