"""The debug event, the gap, and the ids, levels and times they are made of.

No I/O: runners, hub and console all import it. An event's JSON names are a contract
(docs/protocol.md). entries.py reads and writes events as Redis entries, truncation.py cuts them
to size.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

import msgspec

from extdebug.wire.executions import Execution

MAX_OPAQUE: Final = 128  # characters of a request, version or content hash

LAST_MS: Final = 253_402_300_799_999  # 9999-12-31, the last moment that ISO 8601 can name

UNKNOWN_TENANT: Final = "unknown"  # reserved: runners write it when they lack a tenant
BARE: Final = "-"  # names a stream whose key has one part only; no id can look like it

ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# Controls but for tab and line breaks: in no text that a client sends, and PostgreSQL takes no NUL.
UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(Z|z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)


class Level(StrEnum):
    """Severity, weakest first; `rank` is 0 for the weakest."""

    TRACE = "trace"
    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """0 for trace to 4 for error."""
        return _RANK[self]


_RANK: Final[dict[Level, int]] = {level: rank for rank, level in enumerate(Level)}
LEVELS: Final[dict[str, Level]] = {
    **{level.value: level for level in Level},
    "warning": Level.WARN,
    "err": Level.ERROR,
    "fatal": Level.ERROR,
    "critical": Level.ERROR,
}


class Output(StrEnum):
    """Where a guest's line came from: the `stream` field of an event."""

    STDOUT = "stdout"
    STDERR = "stderr"
    LOG = "log"


LEVEL_GUESSED: Final = "level_text"  # a mark: the level was read from the beginning of the line
OUTPUTS: Final[dict[str, Output]] = {output.value: output for output in Output}


class GapReason(StrEnum):
    """Why events are missing. `scope` says what a loss counts: "matching" events or "entries"."""

    NOT_CONSUMED = "not_consumed"  # the watcher was too slow
    RATE_LIMITED = "rate_limited"  # the session's own limit
    RETENTION = "retention"  # trimmed before it was read
    RESET = "reset"  # Redis lost or replaced the stream
    PRODUCER = "producer"  # the runner dropped it
    FAILOVER = "failover"  # another Redis answered
    UNREADABLE = "unreadable"  # entries nobody can decode or may believe

    @property
    def scope(self) -> str:
        """What `missed` counts: events "matching" the filter, or "entries" of the stream."""
        matching = (GapReason.NOT_CONSUMED, GapReason.RATE_LIMITED)
        return "matching" if self in matching else "entries"


class BadId(ValueError):
    """An id or opaque text that no key, header or path may carry. The message says why."""


class Unreadable(ValueError):
    """An entry that cannot or must not be shown; its message may be shown to the watcher."""


def clean_id(text: str, *, what: str) -> str:
    """Lower-case an id of a tenant, extension or install; BadId unless it is one."""
    lowered = text.lower()
    # isascii: the Kelvin sign lower-cases to k, and an id must have one spelling only.
    if not text.isascii() or not ID.fullmatch(lowered):
        raise BadId(
            f"{what}: expected 1-64 characters of a-z 0-9 . _ - that start with a letter "
            f"or digit, got {text[:80]!r}"
        )
    return lowered


def clean_opaque(text: str, *, what: str) -> str:
    """A request, version or content hash: any text, <= 128 characters, no control characters."""
    if len(text) > MAX_OPAQUE:
        raise BadId(f"{what}: expected at most {MAX_OPAQUE} characters, got {len(text)}")
    if CONTROL.search(text):
        raise BadId(f"{what}: control characters are not allowed")
    return text


def printable(value: Any) -> Any:
    """Plain JSON with U+FFFD for what no database takes (UNPRINTABLE) in any of its texts."""
    match value:
        case str():
            return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", value)
        case Mapping():
            return {str(printable(key)): printable(item) for key, item in value.items()}
        case list() | tuple():
            return [printable(item) for item in value]
        case _:
            return value


class Event(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """One captured line or log call; in JSON its names are in camelCase.

    `id` is the stream id, empty until Redis gave one. `redacted` names the rules that masked
    something; `marks` names what had to be guessed ("ts", "level", "stream", "utf8",
    "level_text"). `execution` is the runner's own word on the request's beginning or end.
    """

    ts: str
    level: Level
    stream: Output
    message: str
    id: str = ""
    tenant_id: str | None = None
    extension_id: str | None = None
    install_id: str | None = None
    request_id: str | None = None
    version_id: str | None = None
    content_hash: str | None = None
    fields: dict[str, Any] | None = None
    truncated: bool = False
    redacted: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    execution: Execution | None = None


class Origin(msgspec.Struct, frozen=True, gc=False):
    """What the producer says of an entry: its boot id `src`, its counter `n`, what it lost before.

    `lost` > 0 makes the entry a marker without a line of its own: `lost` events of this `src`
    were dropped by the producer because of `why`. Deployed runners give none of this.
    """

    src: str | None = None
    n: int | None = None
    lost: int = 0
    why: str = ""


NO_ORIGIN: Final = Origin()


class Gap(msgspec.Struct, frozen=True):
    """A stated loss. `missed` is exact or None, never a guess.

    `after` and `before` are the entry ids around it, both exclusive; `since` is when it began
    (ISO 8601). What `missed` counts follows from the reason: see `scope`.
    """

    reason: GapReason
    missed: int | None
    after: str | None = None
    before: str | None = None
    since: str | None = None
    detail: str | None = None

    @property
    def scope(self) -> str:
        """What `missed` counts: "matching" events or stream "entries"."""
        return self.reason.scope


@lru_cache(maxsize=1024)  # and those of one millisecond all of it
def iso(moment_ms: int) -> str:
    """Epoch milliseconds as ISO 8601 in UTC with milliseconds: `2026-01-31T09:30:00.000Z`."""
    second, ms = divmod(moment_ms, 1000)
    return f"{_iso_second(second)}.{ms:03d}Z"


@lru_cache(maxsize=1024)  # the events of one second share the work
def _iso_second(second: int) -> str:
    return dt.datetime.fromtimestamp(second, dt.UTC).isoformat()[:19]


@lru_cache(maxsize=1024)
def is_second(text: str) -> bool:
    """Whether `2026-01-31T09:30:00` is a moment that exists."""
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def read_ts(text: str) -> str | None:
    """ISO 8601 or epoch milliseconds in text, as ISO in UTC; None when it is neither."""
    if text.isascii() and text.isdigit():
        # 13 digits are milliseconds until the year 2286; anything else is not a time we believe.
        return iso(int(text)) if len(text) in (12, 13) else None
    match = _ISO.fullmatch(text)
    if match is None or not is_second(match[1]):
        return None
    fraction = (match[2] or "0").ljust(3, "0")[:3]
    if match[3] in ("Z", "z", None):
        return f"{match[1]}.{fraction}Z"
    try:
        moment = dt.datetime.fromisoformat(match[1] + match[3]).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
    return f"{moment.isoformat()[:19]}.{fraction}Z"


_encoder: Final = msgspec.json.Encoder()
_LINE_ENDS: Final = tuple(
    (end.encode(), b"\\u%04x" % ord(end)) for end in ("\x85", "\u2028", "\u2029")
)


def encode_json(value: Any) -> bytes:
    """Compact JSON of an Event, another Struct or plain data, for clients and the wire.

    U+0085, U+2028 and U+2029 are escaped, as the controls are: to some readers of server-sent
    events and of lines they end a line, and a guest could so begin an event of its own.
    """
    data = _encoder.encode(value)
    return data if data.isascii() else _escaped(data)


def encode_each(values: Sequence[Any]) -> list[bytes]:
    """`encode_json` of each: a seventh less for all of a reply."""
    data = list(map(_encoder.encode, values))
    return data if all(map(bytes.isascii, data)) else list(map(_escaped, data))


def _escaped(data: bytes) -> bytes:
    for raw, escaped in _LINE_ENDS:
        if raw in data:  # inside strings alone: outside of them JSON is ASCII
            data = data.replace(raw, escaped)
    return data
