"""The traces of this process: begun with what the settings say, ended with its server."""

from __future__ import annotations

import asyncio

from django.conf import settings

from audit.tracing.spans import Value
from audit.tracing.start import start, stop
from extdebug import log_context


def begin() -> None:
    """Once for each process that serves or replays; nothing where traces are not switched on."""
    start(settings.TRACES, common=ids)


def ids() -> dict[str, Value]:
    """What every span says of where it belongs, by the names that the log has for it."""
    return {"request": log_context.request.get(), "session": log_context.session.get()}


async def end() -> None:
    """Send what waits, within `audit.tracing.start.FLUSH_WITHIN`, while the loop goes on."""
    await asyncio.to_thread(stop)
