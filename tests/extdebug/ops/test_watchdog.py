"""A loop that stands still ends the process; one that only was stopped with it does not."""

import asyncio
import threading
import time

from extdebug.ops.watchdog import MISSED, Watchdog

EVERY = 0.05


def watched(block: float, *, parent: int | None = None) -> bool:
    """Whether the watchdog would have ended a loop that is blocked for so long."""
    import os

    ended = threading.Event()
    dog = Watchdog(parent=os.getppid() if parent is None else parent, every=EVERY, end=ended.set)

    async def run() -> None:
        dog.watch(asyncio.get_running_loop())
        await asyncio.sleep(EVERY)
        time.sleep(block)  # noqa: ASYNC251 - what the watchdog is there for
        await asyncio.sleep(EVERY)

    asyncio.run(run())
    dog.stop()
    return ended.is_set()


def test_a_loop_that_hangs_ends_the_process():
    assert watched(EVERY * (MISSED + 10))


def test_a_loop_that_was_busy_for_a_while_goes_on():
    assert not watched(EVERY * (MISSED - 3))
