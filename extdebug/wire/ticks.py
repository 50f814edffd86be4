"""Moments at which what need not be punctual is done, for many sessions and clients at once.

A loop that wakes for each of a thousand clients pays for each waking: with 1,000 idle sessions
that were a third of the CPU of the process.
"""

from __future__ import annotations

import asyncio
from typing import Final

# Seconds; some 15 of 1,000 clients are due then, half a millisecond of ours. A power of two, so
# that no tick is rounded to before its moment.
TICK: Final = 0.125


def tick_after(moment: float) -> float:
    """The first tick behind this moment of the loop's clock."""
    return (moment // TICK + 1) * TICK


def round_after(moment: float, every: float) -> float:
    """The first round behind this moment of what is done every so many seconds.

    All count from the clock's zero, so that works of one process come due together, and with the
    ticks: a waking whose data left the processor's caches costs 0.1 ms before anything is done.
    """
    at = (moment // every + 1) * every
    return at if at > moment else at + every


async def next_round(every: float, *, ticks: int = 0) -> None:
    """Sleep until `round_after` now, at the most `every` seconds; so many ticks behind rounds of
    others, so that what takes long does not come with what else does."""
    now = asyncio.get_running_loop().time()
    await asyncio.sleep(round_after(now - ticks * TICK, every) + ticks * TICK - now)
