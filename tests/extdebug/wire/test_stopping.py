"""Tasks of a connection end together, and what they fail with on the way out stays quiet."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

from extdebug.wire.stopping import stop


async def test_stop_ends_even_a_stubborn_task_that_swallows_its_first_cancellation() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(60)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await asyncio.wait_for(stop([task]), 5)
    assert task.done()


async def test_what_a_reader_and_a_writer_fail_with_at_once_is_not_left_to_the_loop() -> None:
    """A client that vanishes fails both; the loop would log the second with a traceback."""
    left: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: left.append(context))

    async def fails() -> None:
        raise RuntimeError("the socket is gone")

    async def fails_when_stopped() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("the socket is gone")

    tasks = [loop.create_task(work()) for work in (fails, fails, fails_when_stopped)]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    await stop(tasks)
    assert all(task.done() for task in tasks)
    tasks.clear()
    gc.collect()
    await asyncio.sleep(0)
    assert left == []
