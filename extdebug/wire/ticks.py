"""Moments at which what need not be punctual is done, for many sessions and clients at once.

A loop that wakes for each of a thousand clients pays for each waking: with 1,000 idle sessions
that were a third of the CPU of the process.
"""

from __future__ import annotations

from typing import Final

# Seconds; some 15 of 1,000 clients are due then, half a millisecond of ours. A power of two, so
# that no tick is rounded to before its moment.
TICK: Final = 0.125


def tick_after(moment: float) -> float:
    """The first tick behind this moment of the loop's clock."""
    return (moment // TICK + 1) * TICK
