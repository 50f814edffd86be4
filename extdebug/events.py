"""The ground floor: the debug event, its wire codec, cursors, gaps and close codes.

Nothing here does I/O or knows Django: runners, the hub and the console all stand on it.
The field names of an entry and the JSON names of an event are contracts (docs/wire-contract.md).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from enum import IntEnum, StrEnum
from typing import Any, Final

import msgspec

MAX_OPAQUE: Final = 128  # characters of a request, version or content hash
MAX_FIELDS_BYTES: Final = 4 * 1024
MAX_FIELDS_DEPTH: Final = 6
MAX_MESSAGE_BYTES: Final = 8 * 1024  # default of RUNNER_DEBUG_MAX_EVENT_BYTES
# What a hostile or foreign writer may make us hold for one event, whatever the runner's cap is.
MAX_FOREIGN_MESSAGE_BYTES: Final = 64 * 1024

UNKNOWN_TENANT: Final = "unknown"  # reserved: runners write it when they lack a tenant
BARE: Final = "-"  # names a stream whose key has one part only; no id can look like it

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(Z|z|[+-]\d\d:?\d\d)?"
)
_U64: Final = 2**64 - 1


class Level(StrEnum):
    """Severity, weakest first; `rank` orders them."""

    TRACE = "trace"
    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"

    @property
    def rank(self) -> int:
        return _RANK[self]


_RANK: Final[dict[Level, int]] = {level: rank for rank, level in enumerate(Level)}
_LEVELS: Final[dict[str, Level]] = {
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


_OUTPUTS: Final[dict[str, Output]] = {output.value: output for output in Output}


class GapReason(StrEnum):
    """Why events are missing. The first two count matching events, the others stream entries."""

    NOT_CONSUMED = "not_consumed"  # the watcher was too slow
    RATE_LIMITED = "rate_limited"  # the session's own limit
    RETENTION = "retention"  # trimmed before it was read
    RESET = "reset"  # Redis lost or replaced the stream
    PRODUCER = "producer"  # the runner dropped it
    FAILOVER = "failover"  # another Redis answered
    UNREADABLE = "unreadable"  # entries nobody can decode or may believe

    @property
    def scope(self) -> str:
        matching = (GapReason.NOT_CONSUMED, GapReason.RATE_LIMITED)
        return "matching" if self in matching else "entries"


class CloseCode(IntEnum):
    """How a session ends; the numbers are WebSocket close codes. Below 4411 final, except 4012."""

    RESTARTING = 4012
    BAD_REQUEST = 4400
    UNAUTHENTICATED = 4401
    DENIED = 4403
    NOT_FOUND = 4404
    EXPIRED = 4408
    REVOKED = 4409
    ENDED = 4410
    BUSY = 4429
    UNAVAILABLE = 4503

    @property
    def final(self) -> bool:
        return self not in (CloseCode.RESTARTING, CloseCode.BUSY, CloseCode.UNAVAILABLE)


class BadId(ValueError):
    """An id or opaque text that no key, header or path may carry. The message says why."""


class BadCursor(ValueError):
    """A cursor that is not `ms-seq` or `ms-seq.index`."""


class Unreadable(ValueError):
    """An entry that cannot or must not be shown; `str()` is a reason fit for a person."""


def clean_id(text: str, *, what: str) -> str:
    """Lower-case an id of a tenant, extension or install; BadId unless it is one."""
    lowered = text.lower()
    if not _ID.fullmatch(lowered):
        raise BadId(
            f"{what}: expected 1-64 characters of a-z 0-9 . _ - that start with a letter "
            f"or digit, got {text[:80]!r}"
        )
    return lowered


def clean_opaque(text: str, *, what: str) -> str:
    """A request, version or content hash: any text, <= 128 characters, no control characters."""
    if len(text) > MAX_OPAQUE:
        raise BadId(f"{what}: expected at most {MAX_OPAQUE} characters, got {len(text)}")
    if _CONTROL.search(text):
        raise BadId(f"{what}: control characters are not allowed")
    return text


class EntryId(msgspec.Struct, frozen=True, order=True):
    """A Redis stream id. Ordered as Redis orders them."""

    ms: int
    seq: int

    def __str__(self) -> str:
        return f"{self.ms}-{self.seq}"

    @classmethod
    def parse(cls, text: str | bytes) -> EntryId:
        """Strict: decimal digits, no sign, no leading zeros, both parts within u64."""
        if isinstance(text, bytes):
            text = text.decode("ascii", "replace")
        ms, dash, seq = text.partition("-")
        if not dash:
            raise BadCursor(f"expected ms-seq, got {text[:60]!r}")
        return cls(_u64(ms, text), _u64(seq, text))


ZERO_ID: Final = EntryId(0, 0)


class Cursor(msgspec.Struct, frozen=True):
    """A place in one stream: everything up to and with `id` is accounted for.

    `index` counts the entries accounted for since the stream began (its `entries-added`),
    so that a later loss is an exact number; None when nobody could know it.
    """

    id: EntryId
    index: int | None = None

    def __str__(self) -> str:
        return f"{self.id}" if self.index is None else f"{self.id}.{self.index}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """BadCursor unless `ms-seq` or `ms-seq.index`, each a plain decimal within u64."""
        if len(text) > 64:
            raise BadCursor("expected ms-seq or ms-seq.index, got something longer")
        place, dot, index = text.partition(".")
        return cls(EntryId.parse(place), _u64(index, text) if dot else None)


def _u64(digits: str, whole: str) -> int:
    plain = digits.isascii() and digits.isdigit() and (digits == "0" or digits[0] != "0")
    if not plain or len(digits) > 20 or int(digits) > _U64:
        raise BadCursor(f"expected ms-seq or ms-seq.index in decimal, got {whole[:60]!r}")
    return int(digits)


class Event(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One captured line or log call, in the plan's names when encoded as JSON.

    `id` is the stream id, empty until Redis gave one. `redacted` names the rules that masked
    something; `marks` names what had to be guessed ("ts", "level", "stream", "utf8").
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


class Origin(msgspec.Struct, frozen=True):
    """What a producer says of an entry's place: its boot id, its counter, what it lost before.

    `lost` > 0 makes the entry a marker without a line of its own: `lost` events of this `src`
    were dropped by the producer because of `why`. Deployed runners give none of this.
    """

    src: str | None = None
    n: int | None = None
    lost: int = 0
    why: str = ""


NO_ORIGIN: Final = Origin()


class Gap(msgspec.Struct, frozen=True, omit_defaults=False):
    """A stated loss. `missed` is exact or None, never a guess; `after`/`before` bound its place."""

    reason: GapReason
    missed: int | None
    after: str | None = None
    before: str | None = None
    since: str | None = None
    scope: str = ""
    detail: str | None = None


def iso(moment_ms: int) -> str:
    """Epoch milliseconds as ISO 8601 in UTC with milliseconds: `2026-01-31T09:30:00.000Z`."""
    moment = dt.datetime.fromtimestamp(moment_ms // 1000, dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment_ms % 1000:03d}Z"


def read_ts(text: str) -> str | None:
    """ISO 8601 or epoch milliseconds in text, as ISO in UTC; None when it is neither."""
    if text.isascii() and text.isdigit():
        # 13 digits are milliseconds until the year 2286; anything else is not a time we believe.
        return iso(int(text)) if len(text) in (12, 13) else None
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    if match[3] in ("Z", "z") and match[2] is not None and len(match[2]) == 3:
        try:
            dt.datetime.fromisoformat(match[1])
        except ValueError:
            return None
        return f"{match[1]}.{match[2]}Z"
    try:
        moment = dt.datetime.fromisoformat(match[1] + (match[3] or "+00:00").upper())
        moment = moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{(match[2] or '0').ljust(3, '0')[:3]}Z"


def cut_text(text: str, limit: int) -> tuple[str, bool]:
    """`text` within `limit` bytes of UTF-8, cut on a character boundary, and whether it was cut."""
    if len(text) * 4 <= limit:
        return text, False
    raw = text.encode("utf-8", "replace")
    if len(raw) <= limit:
        return text, False
    return raw[:limit].decode("utf-8", "ignore"), True


def cap_fields(fields: Mapping[str, Any], *, limit: int = MAX_FIELDS_BYTES) -> tuple[dict[str, Any], bool]:
    """Fields within the caps: deeper levels become text, then the largest are dropped by name."""
    cut = False

    def shallow(value: Any, depth: int) -> Any:
        nonlocal cut
        if isinstance(value, Mapping):
            if depth >= MAX_FIELDS_DEPTH:
                cut = True
                return "…"
            return {str(key): shallow(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            if depth >= MAX_FIELDS_DEPTH:
                cut = True
                return "…"
            return [shallow(item, depth + 1) for item in value]
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float):
            return value if value - value == 0 else str(value)  # no NaN or infinity in JSON
        return str(value)

    kept: dict[str, Any] = shallow(fields, 0)
    sizes = {key: len(_json_size(key)) + len(_json_size(item)) + 2 for key, item in kept.items()}
    total = sum(sizes.values()) + 2
    for key in sorted(sizes, key=lambda name: sizes[name], reverse=True):
        if total <= limit:
            break
        total -= sizes[key]
        del kept[key]
        cut = True
    return kept, cut


def _json_size(value: Any) -> bytes:
    try:
        return encode_json(value)
    except (UnicodeEncodeError, OverflowError, msgspec.EncodeError, TypeError):
        return repr(value).encode("utf-8", "replace")


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


def encode_json(value: Any) -> bytes:
    """JSON for clients and the wire: an Event, a Gap or plain data."""
    return _encoder.encode(value)


# --- the wire: flat entries of a Redis stream -------------------------------------------------

KNOWN_FIELDS: Final = frozenset(
    "ts level stream tenant extension install request version content_hash message truncated "
    "fields src n lost why redacted".split()
)


def to_entry(event: Event, origin: Origin = NO_ORIGIN) -> list[str | bytes]:
    """The flat field/value list of an XADD. Absent parts are left out."""
    flat: list[str | bytes] = [
        "ts", event.ts, "level", event.level.value, "stream", event.stream.value,
        "message", event.message,
    ]  # fmt: skip
    for name, value in (
        ("tenant", event.tenant_id),
        ("extension", event.extension_id),
        ("install", event.install_id),
        ("request", event.request_id),
        ("version", event.version_id),
        ("content_hash", event.content_hash),
        ("src", origin.src),
    ):
        if value:
            flat += (name, value)
    if event.truncated:
        flat += ("truncated", "1")
    if event.fields:
        flat += ("fields", encode_json(event.fields))
    if event.redacted:
        flat += ("redacted", ",".join(event.redacted))
    if origin.n is not None:
        flat += ("n", str(origin.n))
    if origin.lost:
        flat += ("lost", str(origin.lost), "why", origin.why)
    return flat


def from_entry(
    raw: Sequence[bytes], *, id: EntryId, tenant: str, extension: str
) -> tuple[Event, Origin]:
    """Read one entry tolerantly. `tenant` and `extension` are the key's parts, the authority.

    Unreadable when the entry contradicts its key or has neither message nor marker. The first
    value of a repeated field counts, so that a forged second one changes nothing.
    """
    values: dict[str, str] = {}
    marks: list[str] = []
    for position in range(0, len(raw) - 1, 2):
        name = raw[position].decode("utf-8", "replace")
        if name in values:
            continue
        try:
            values[name] = raw[position + 1].decode()
        except UnicodeDecodeError:
            values[name] = raw[position + 1].decode("utf-8", "replace")
            marks.append("utf8")
    get = values.get
    origin = _origin(values)
    message = get("message")
    if message is None:
        if not origin.lost:
            raise Unreadable("the entry has no message")
        message = f"{origin.lost} events dropped by the runner: {origin.why or 'no reason given'}"
    entry_tenant, entry_extension = get("tenant", ""), get("extension", "")
    if not _agrees(entry_tenant, entry_extension, tenant=tenant, extension=extension):
        raise Unreadable("the entry names another tenant or extension than its stream")
    text_ts = get("ts", "")
    ts = read_ts(text_ts)
    if ts is None:
        ts = iso(min(id.ms, 253_402_300_799_999))
        marks.append("ts")
    level = _LEVELS.get(get("level", "").lower())
    if level is None:
        level = Level.INFO
        marks.append("level")
    output = _OUTPUTS.get(get("stream", "").lower())
    if output is None:
        output = Output.LOG
        marks.append("stream")
    message, cut = cut_text(message, MAX_FOREIGN_MESSAGE_BYTES)
    fields, fields_cut = _fields(values)
    bare = tenant == BARE
    return (
        Event(
            ts=ts,
            level=level,
            stream=output,
            message=message,
            id=f"{id.ms}-{id.seq}",
            tenant_id=(entry_tenant.lower() or None) if bare else tenant,
            extension_id=(entry_extension.lower() or None) if bare else extension,
            install_id=_install(get("install", "")),
            request_id=_opaque(get("request", "")),
            version_id=_opaque(get("version", "")),
            content_hash=_opaque(get("content_hash", "")),
            fields=fields,
            truncated=cut or fields_cut or get("truncated", "0").lower() in ("1", "true"),
            redacted=tuple(name for name in get("redacted", "").split(",")[:32] if name),
            marks=tuple(marks),
        ),
        origin,
    )


def _agrees(entry_tenant: str, entry_extension: str, *, tenant: str, extension: str) -> bool:
    if tenant == BARE:  # one part: whichever of the two the runner had
        parts = {part.lower() for part in (entry_tenant, entry_extension) if part}
        return extension == UNKNOWN_TENANT or not parts or extension in parts
    tenant_agrees = not entry_tenant or entry_tenant == tenant or entry_tenant.lower() == tenant
    return tenant_agrees and (not entry_extension or entry_extension.lower() == extension)


def _origin(values: Mapping[str, str]) -> Origin:
    src = values.get("src")
    if src is None and "lost" not in values:
        return NO_ORIGIN
    return Origin(
        src=src[:MAX_OPAQUE] if src else None,
        n=_count(values.get("n", "")),
        lost=_count(values.get("lost", "")) or 0,
        why=values.get("why", "")[:MAX_OPAQUE],
    )


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _install(text: str) -> str | None:
    lowered = text.lower()
    return lowered if _ID.fullmatch(lowered) else None


def _opaque(text: str) -> str | None:
    return _CONTROL.sub("\ufffd", text[:MAX_OPAQUE]) or None


def _fields(values: Mapping[str, str]) -> tuple[dict[str, Any] | None, bool]:
    fields: dict[str, Any] = {}
    text = values.get("fields")
    if text:
        try:
            parsed = _decoder.decode(text)
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
            parsed = text
        fields = parsed if isinstance(parsed, dict) else {"fields": parsed}
    if len(values) > 11 or not values.keys() <= KNOWN_FIELDS:
        unknown = {name: value for name, value in values.items() if name not in KNOWN_FIELDS}
        fields = {**unknown, **fields}
    if not fields:
        return None, False
    return cap_fields(fields)
