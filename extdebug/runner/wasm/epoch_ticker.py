"""Advances the engine's epoch, in which time limits are counted, by the clock while guests run."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Final

from wasmtime import Engine, Store

EPOCH: Final = 0.01  # s of one epoch: how late a timeout may be
# More than any time limit has: after a long stop of the process every limit has passed.
MOST_AT_ONCE: Final = 100_000


class Ticker:
    """Entered once per execution; its thread sleeps while nothing runs.

    The epoch follows the clock: a thread that comes late makes up for what it missed, so a busy
    machine stops a guest late by one turn of this thread and not by the sum of all.
    """

    def __init__(self, engine: Engine, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._engine = engine
        self._sleep = sleep
        self._count = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._since = 0.0  # when the first of the running executions began, monotonic
        self._ticks = 0  # since then

    def __enter__(self) -> None:
        with self._changed:
            self._count += 1
            if self._count == 1:
                self._since, self._ticks = time.monotonic(), 0
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="epoch-ticker", daemon=True)
                self._thread.start()
            elif self._count == 1:
                self._changed.notify()

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._count -= 1

    def limit(self, store: Store, seconds: float) -> None:
        """Stop the store's guest `seconds` from now. Inside `with` alone: the clock must run."""
        with self._changed:  # no tick between reading how far it is and setting the deadline
            until = time.monotonic() - self._since + seconds
            store.set_epoch_deadline(max(1, math.ceil(until / EPOCH) - self._ticks))

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._count:
                    self._changed.wait()
            self._sleep(EPOCH)
            with self._changed:
                if not self._count:
                    continue
                due = int((time.monotonic() - self._since) / EPOCH) - self._ticks
                self._ticks += max(0, due)
                for _ in range(min(due, MOST_AT_ONCE)):
                    self._engine.increment_epoch()
