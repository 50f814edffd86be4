"""Advances the engine's epoch, in which time limits are counted, while any guest runs."""

from __future__ import annotations

import threading
import time
from typing import Final

from wasmtime import Engine

EPOCH: Final = 0.01  # s between ticks: how late a timeout may be


class Ticker:
    """Entered once per execution; its thread sleeps while nothing runs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._count = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> None:
        with self._changed:
            self._count += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="epoch-ticker", daemon=True)
                self._thread.start()
            elif self._count == 1:
                self._changed.notify()

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._count -= 1

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._count:
                    self._changed.wait()
            time.sleep(EPOCH)
            self._engine.increment_epoch()
