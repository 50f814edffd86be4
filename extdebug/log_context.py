"""Which request and which session a line of the log belongs to.

Set once where a request or a session begins; whatever runs for it, its threads included, has it.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import Final

request: Final[ContextVar[str]] = ContextVar("request", default="")
session: Final[ContextVar[str]] = ContextVar("session", default="")


class InContext(logging.Filter):
    """Gives each record `request` and `session`, for the formatter; empty where there is none."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request = request.get()
        record.session = session.get()
        return True
