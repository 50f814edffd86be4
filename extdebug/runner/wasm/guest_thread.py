"""A guest's thread as the system sees it: whether it computes or waits inside a host call."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Final

IDLE: Final = 0.01  # s of CPU between two looks up to which a thread has not computed


class GuestThread:
    """Made on the thread that it is of; asked from any."""

    def __init__(self) -> None:
        self._status = Path(f"/proc/self/task/{threading.get_native_id()}/stat")
        self._clock = (
            time.pthread_getcpuclockid(threading.get_ident()) if sys.platform == "linux" else None
        )
        self._used = 0.0

    def look(self) -> bool | None:
        """Whether it sleeps now and hardly computed since the last look; None: nobody can tell.

        A thread that only waits for a processor does not sleep.
        """
        if self._clock is None:
            return None
        try:
            used = time.clock_gettime(self._clock)
            # `1234 (name) S ...`, and the name may hold anything.
            state = self._status.read_text().rpartition(")")[2].split()[0]
        except (OSError, IndexError):
            return None
        before, self._used = self._used, used
        return state in "SD" and used - before <= IDLE
