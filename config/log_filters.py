"""Outages in the log: what a library reports with a traceback each second becomes one line."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

AGAIN: Final = 30.0  # seconds until the same outage is reported again


class Outages(logging.Filter):
    """For loggers of libraries that log a server which is away as an unexpected exception.

    The record loses its traceback, names the error in its message and becomes a warning; the same
    kind of error passes once in AGAIN seconds. Other records pass as they are.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._passed: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, OSError | TimeoutError) and not _of_redis(error):
            return True
        kind, now = f"{record.name} {type(error).__name__}", self._clock()
        if now - self._passed.get(kind, -AGAIN) < AGAIN:
            return False
        self._passed[kind] = now
        message = record.getMessage().rstrip(":.")
        record.msg, record.args = "%s: %s: %s", (message, type(error).__name__, error)
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def _of_redis(error: BaseException | None) -> bool:
    """Whether redis-py raised it; by name, because settings are read before libraries are."""
    return type(error).__module__.partition(".")[0] == "redis"
