"""Python logging as debug events: a handler for hosts that are not Wasm."""

from __future__ import annotations

import logging
from typing import Any, Final

from extdebug.runner.context import RequestFlow, current_flow
from extdebug.runner.publish.publisher import Publisher
from extdebug.wire.events import Level, Output

# What every record has; anything else came with `extra=` and becomes a field.
_STANDARD: Final = frozenset(
    {*logging.LogRecord("", 0, "", 0, "", (), None).__dict__, "message", "asctime", "taskName"}
)
# Our own loggers: an event about an event would never end.
_OWN: Final = ("extdebug.runner", "ext.stdout", "ext.stderr", "ext.log")


class DebugHandler(logging.Handler):
    """Publishes each record with the flow bound by `context.bind`, or `default` outside one.

    Never raises and never blocks. Records without any flow are left to other handlers.
    """

    def __init__(
        self,
        publisher: Publisher,
        *,
        default: RequestFlow | None = None,
        level: int = logging.NOTSET,
    ) -> None:
        super().__init__(level)
        self._publisher = publisher
        self._default = default

    def emit(self, record: logging.LogRecord) -> None:
        flow = current_flow() or self._default
        if flow is None or record.name in _OWN:
            return
        try:
            message = self.format(record)
            fields: dict[str, Any] = {
                name: value for name, value in record.__dict__.items() if name not in _STANDARD
            }
            fields["logger"] = record.name
            weight = sum(len(value) for value in fields.values() if isinstance(value, str | bytes))
        except Exception:  # noqa: BLE001 - as logging itself: a bad record is no crash
            self.handleError(record)
            return
        self._publisher.emit(
            flow, Output.LOG, level_of(record.levelno), message, fields=fields, weight=weight
        )


def level_of(number: int) -> Level:
    """The level of a record, by logging's own thresholds; below DEBUG is trace."""
    if number >= logging.ERROR:
        return Level.ERROR
    if number >= logging.WARNING:
        return Level.WARN
    if number >= logging.INFO:
        return Level.INFO
    return Level.DEBUG if number >= logging.DEBUG else Level.TRACE
