"""Lines that are JSON objects, read into level, message and fields, and nothing else.

A guest that prints `{"level": "warn", "msg": "slow", "ms": 12}` gets a warning with a field.
Ids of the execution are never taken from a line: what a guest prints about its tenant or its
request stays data in `fields`.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from extdebug.wire.events import Level

# Longer lines are not worth a parse: they will be cut anyway.
MOST_BYTES: Final = 32 * 1024

_LEVELS: Final[dict[object, Level]] = {
    "trace": Level.TRACE, "debug": Level.DEBUG, "info": Level.INFO, "information": Level.INFO,
    "notice": Level.INFO, "log": Level.INFO, "warn": Level.WARN, "warning": Level.WARN,
    "error": Level.ERROR, "err": Level.ERROR, "fatal": Level.ERROR, "critical": Level.ERROR,
    "panic": Level.ERROR,
    # the numbers of pino and bunyan
    10: Level.TRACE, 20: Level.DEBUG, 30: Level.INFO, 40: Level.WARN, 50: Level.ERROR,
    60: Level.ERROR,
}  # fmt: skip
_LEVEL_KEYS: Final = ("level", "severity", "lvl")
_MESSAGE_KEYS: Final = ("message", "msg")
_CLAIMS_ERROR: Final = re.compile(
    rb'"(?:level|severity|lvl)"\s*:\s*(?:"(?:error|err|fatal|critical|panic)"|[56]0\b)',
    re.IGNORECASE,
)
CLAIM_BYTES: Final = 4096  # of a line are looked at for its level
_decoder: Final = msgspec.json.Decoder()


def claims_error(line: bytes) -> bool:
    """Whether a line looks like a JSON object of level error; cheap, for the guest's thread."""
    return line[:1] == b"{" and _CLAIMS_ERROR.search(line, 0, CLAIM_BYTES) is not None


def read_structured(line: str) -> tuple[Level | None, str, dict[str, Any] | None] | None:
    """Level (if named), message and the other members as fields; None for an ordinary line."""
    if len(line) < 2 or line[0] != "{" or line[-1] != "}" or len(line) > MOST_BYTES:
        return None
    try:
        parsed = _decoder.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None
    message_key = next((k for k in _MESSAGE_KEYS if isinstance(parsed.get(k), str)), None)
    if message_key is None:
        return None
    level: Level | None = None
    used = {message_key}
    for key in _LEVEL_KEYS:
        named = parsed.get(key)
        if isinstance(named, str | int) and not isinstance(named, bool):
            level = _LEVELS.get(named.lower() if isinstance(named, str) else named)
            if level is not None:
                used.add(key)
                break
    fields = {key: value for key, value in parsed.items() if key not in used}
    nested = fields.get("fields")
    if len(fields) == 1 and isinstance(nested, dict):
        fields = nested
    return level, parsed[message_key], fields or None
