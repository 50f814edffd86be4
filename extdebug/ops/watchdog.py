"""Ends a worker whose event loop hangs, or whose supervisor is gone.

A probe from outside reaches any of the workers and cannot find the one that hangs; the supervisor
starts another in its place. Alone on its port a process is left to the orchestrator's probe.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import signal
import threading
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

EVERY: Final = 5.0  # s between two looks
# Looks in a row that found the loop where it was. Looks are counted, not seconds, so that a process
# that was stopped (SIGSTOP, a suspended machine) is not taken for one that hangs.
MISSED: Final = 6
HUNG: Final = 70  # the exit code


def _end() -> None:
    faulthandler.dump_traceback()
    os._exit(HUNG)


class Watchdog:
    """A thread that looks at the loop; begun by `watch` in that loop."""

    def __init__(
        self, *, parent: int, every: float = EVERY, end: Callable[[], None] = _end
    ) -> None:
        self._parent = parent
        self._every = every
        self._end = end
        self._turns = 0
        self._over = threading.Event()

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look at this loop until `stop`."""

        def turn() -> None:
            self._turns += 1
            loop.call_later(self._every / 4, turn)

        loop.call_soon(turn)
        threading.Thread(target=self._look, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        self._over.set()

    def _look(self) -> None:
        seen, missed = -1, 0
        while not self._over.wait(self._every):
            if os.getppid() != self._parent:
                log.error("the supervisor of this worker is gone")
                os.kill(os.getpid(), signal.SIGTERM)
                return
            missed = missed + 1 if self._turns == seen else 0
            seen = self._turns
            if missed >= MISSED:
                log.critical("the event loop of this worker hangs: it ends")
                self._end()
                return
