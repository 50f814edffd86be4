"""Every event once more in the runner's own log, one line each, safe for a terminal."""

from __future__ import annotations

import logging
import re
from typing import Final

from extdebug.wire.events import Event, Level, Output, encode_json

_LOGGERS: Final = {output: logging.getLogger(f"ext.{output.value}") for output in Output}
_LEVELS: Final = {
    Level.TRACE: 5,
    Level.DEBUG: logging.DEBUG,
    Level.INFO: logging.INFO,
    Level.WARN: logging.WARNING,
    Level.ERROR: logging.ERROR,
}
# Control characters would let a guest forge log lines or drive the operator's terminal; the
# others reverse or hide text.
_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)


def escape(text: str) -> str:
    """`text` on one line: control, direction and invisible characters as \\x.. or \\u...."""
    return _UNSAFE.sub(lambda found: _escaped(found[0]), text) if text else text


def _escaped(char: str) -> str:
    plain = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char)
    if plain:
        return plain
    code = ord(char)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def mirror(event: Event) -> None:
    """Log an event (already redacted) on `ext.stdout`, `ext.stderr` or `ext.log`."""
    logger = _LOGGERS[event.stream]
    level = _LEVELS[event.level]
    if not logger.isEnabledFor(level):
        return
    where = f"{event.tenant_id}:{event.extension_id}"
    if event.install_id:
        where += f" {event.install_id}"
    if event.request_id:
        where += f" {escape(event.request_id)}"
    fields = f" {escape(encode_json(event.fields).decode())}" if event.fields else ""
    logger.log(level, "[%s] %s%s", where, escape(event.message), fields)
