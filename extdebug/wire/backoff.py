"""How long to wait before a failed connection is tried again; the same on consoles and runners."""

from __future__ import annotations

import random
from typing import Final

FIRST: Final = 0.1  # s
MOST: Final = 2.0  # s: a server that is back is found again within two seconds


def jittered(attempt: int) -> float:
    """Seconds before try `attempt` (from 0): doubles up to MOST, spread over 0.3 to 1 of it.

    The spread keeps processes that lost the same server from asking it at the same moment. Never
    zero, so that a loop of failures leaves the processor alone.
    """
    longest: float = min(MOST, FIRST * 2.0 ** min(attempt, 30))  # a float ends at 2 ** 1024
    return random.uniform(0.3, 1.0) * longest
