"""The ground floor: the debug event, its wire codec, cursors, gaps and close codes.

Nothing here does I/O or knows Django: runners, the hub and the console all stand on it.
The field names of an entry and the JSON names of an event are contracts (docs/wire-contract.md).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import Any, Final

import msgspec

MAX_OPAQUE: Final = 128  # characters of a request, version or content hash
MAX_FIELDS_BYTES: Final = 4 * 1024
MAX_FIELDS_DEPTH: Final = 6
MAX_MESSAGE_BYTES: Final = 8 * 1024  # default of RUNNER_DEBUG_MAX_EVENT_BYTES
# What a hostile or foreign writer may make us hold for one event, whatever the runner's cap is.
MAX_FOREIGN_MESSAGE_BYTES: Final = 64 * 1024
MAX_FOREIGN_FIELDS_BYTES: Final = 16 * 1024  # of `fields`: beyond it nothing of them is read
MAX_UNKNOWN_FIELDS: Final = 64  # names of an entry that are not ours; more are cut
MAX_FIELDS_NODES: Final = 2_048  # values in `fields`: more cannot fit in 4 KiB of JSON
_SAFE_INTEGER: Final = 2**53  # JavaScript clients read larger numbers wrong: they travel as text

LAST_MS: Final = 253_402_300_799_999  # 9999-12-31, the last moment that ISO 8601 can name

UNKNOWN_TENANT: Final = "unknown"  # reserved: runners write it when they lack a tenant
BARE: Final = "-"  # names a stream whose key has one part only; no id can look like it

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(Z|z|[+-]\d\d:?\d\d)?",
    re.ASCII,
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
    # isascii: the Kelvin sign lower-cases to k, and an id must have one spelling only.
    if not text.isascii() or not _ID.fullmatch(lowered):
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
    second, ms = divmod(moment_ms, 1000)
    return f"{_iso_second(second)}.{ms:03d}Z"


@lru_cache(maxsize=1024)  # the events of one second share the work
def _iso_second(second: int) -> str:
    return dt.datetime.fromtimestamp(second, dt.UTC).isoformat()[:19]


@lru_cache(maxsize=1024)
def _is_second(text: str) -> bool:
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
    if match is None or not _is_second(match[1]):
        return None
    fraction = (match[2] or "0").ljust(3, "0")[:3]
    if match[3] in ("Z", "z", None):
        return f"{match[1]}.{fraction}Z"
    try:
        moment = dt.datetime.fromisoformat(match[1] + match[3]).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
    return f"{moment.isoformat()[:19]}.{fraction}Z"


def cut_text(text: str, limit: int) -> tuple[str, bool]:
    """`text` within `limit` bytes of UTF-8, cut on a character boundary, and whether it was cut."""
    if len(text) * 4 <= limit:
        return text, False
    raw = text.encode("utf-8", "replace")
    if len(raw) <= limit:
        return text, False
    return raw[:limit].decode("utf-8", "ignore"), True


def clean_text(text: str) -> str:
    """The same text, or with `?` for lone surrogates, which no JSON and no Redis would take."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def cap_fields(
    fields: Mapping[str, Any], *, limit: int = MAX_FIELDS_BYTES
) -> tuple[dict[str, Any], bool]:
    """Fields as plain JSON within the caps, and whether something was cut.

    Deeper levels become "…", then the largest fields are dropped. Always encodable: NaN, infinity,
    integers beyond 2**53 and foreign objects become text, lone surrogates `?`.
    """
    shaped = _Shaper()
    kept: dict[str, Any] = shaped.mapping(fields, 0)
    total = len(encode_json(kept))
    if total <= limit:
        return kept, shaped.cut
    sizes = {key: len(encode_json(key)) + len(encode_json(item)) + 2 for key, item in kept.items()}
    for key in sorted(sizes, key=lambda name: sizes[name], reverse=True):
        if total <= limit:
            break
        total -= sizes[key]
        del kept[key]
    return kept, True


class _Shaper:
    """Makes plain JSON of anything; counts values, so that no structure costs more than its cap."""

    def __init__(self) -> None:
        self.cut = False
        self.left = MAX_FIELDS_NODES

    def mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        shaped = {}
        for key, item in value.items():
            if self.left <= 0:
                self.cut = True
                break
            shaped[clean_text(_said(key))] = self.value(item, depth + 1)
        return shaped

    def value(self, value: Any, depth: int) -> Any:
        self.left -= 1
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return clean_text(value if type(value) is str else _said(value))
        if isinstance(value, int):
            return int(value) if -_SAFE_INTEGER <= value <= _SAFE_INTEGER else _said(value)
        if isinstance(value, float):
            return float(value) if value - value == 0 else str(value)  # no NaN or infinity in JSON
        if not isinstance(value, (Mapping, list, tuple)):
            return clean_text(_said(value))
        if depth >= MAX_FIELDS_DEPTH:
            self.cut = True
            return "…"
        if isinstance(value, Mapping):
            return self.mapping(value, depth)
        shaped = [self.value(item, depth + 1) for item in value[: max(self.left, 0)]]
        self.cut |= len(shaped) < len(value)
        return shaped


def _said(value: Any) -> str:
    """`str()` of an object of the guest's or host's, whatever its `__str__` does."""
    try:
        return str.__str__(value) if isinstance(value, str) else str(value)
    except Exception:  # noqa: BLE001 a log call must not fail because its argument does
        return f"<{type(value).__name__}>"


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


def encode_json(value: Any) -> bytes:
    """JSON for clients and the wire: an Event, a Gap or plain data."""
    return _encoder.encode(value)


# --- the wire: flat entries of a Redis stream -------------------------------------------------

KNOWN_FIELDS: Final = frozenset(
    (
        "ts", "level", "stream", "tenant", "extension", "install", "request", "version",
        "content_hash", "message", "truncated", "fields", "src", "n", "lost", "why", "redacted",
    )
)  # fmt: skip


def to_entry(event: Event, origin: Origin = NO_ORIGIN) -> list[str | bytes]:
    """The flat field/value list of an XADD. Absent parts are left out; `?` for lone surrogates."""
    flat: list[str | bytes] = [
        "ts", event.ts, "level", event.level.value, "stream", event.stream.value,
        "message", clean_text(event.message),
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
            flat += (name, clean_text(value))
    if event.truncated:
        flat += ("truncated", "1")
    if event.fields:
        flat += ("fields", encode_json(event.fields))
    if event.redacted:
        flat += ("redacted", ",".join(event.redacted))
    if origin.n is not None:
        flat += ("n", str(origin.n))
    if origin.lost:
        flat += ("lost", str(origin.lost), "why", clean_text(origin.why))
    return flat


def from_entry(
    raw: Sequence[bytes], *, id: EntryId, tenant: str, extension: str
) -> tuple[Event, Origin]:
    """Read one entry tolerantly. `tenant` and `extension` are the key's parts, the authority.

    Unreadable when the entry contradicts its key or has neither message nor marker. The first
    value of a repeated field counts, so that a forged second one changes nothing.
    """
    if len(raw) % 2:
        raw = raw[:-1]
    pairs = iter(raw)
    values = dict(zip(pairs, pairs, strict=True))
    if len(values) * 2 != len(raw):  # repeated names: the same again from behind, the first stays
        values = dict(zip(raw[-2::-2], raw[::-2], strict=True))
    get = values.get
    if not _agrees(get(b"tenant", b""), get(b"extension", b""), tenant, extension):
        raise Unreadable("the entry names another tenant or extension than its stream")
    marks: list[str] = []
    origin = _origin(values) if b"src" in values or b"lost" in values else NO_ORIGIN
    message, cut, broken = _message(values, origin)
    ts = _ts(get(b"ts", b""))
    if ts is None:
        ts = iso(min(id.ms, LAST_MS))
        marks.append("ts")
    said = get(b"level", b"")
    level = _RAW_LEVELS.get(said) or _RAW_LEVELS.get(said[:16].lower())
    if level is None:
        level = Level.INFO
        marks.append("level")
    said = get(b"stream", b"")
    output = _RAW_OUTPUTS.get(said) or _RAW_OUTPUTS.get(said[:16].lower())
    if output is None:
        output = Output.LOG
        marks.append("stream")
    request, broken_request = _opaque(get(b"request", b"")[:512])
    version, broken_version = _opaque(get(b"version", b"")[:512])
    content_hash, broken_hash = _opaque(get(b"content_hash", b"")[:512])
    fields, fields_cut = None, False
    if b"fields" in values or not _RAW_KNOWN.issuperset(values):
        fields, fields_cut, broken_fields = _fields(values)
        broken |= broken_fields
    if broken or broken_request or broken_version or broken_hash:
        marks.append("utf8")
    if tenant == BARE:  # the key has one part; the entry may know both
        event_tenant, event_extension = _id(get(b"tenant", b"")), _id(get(b"extension", b""))
    else:
        event_tenant, event_extension = tenant, extension
    redacted = get(b"redacted")
    return (
        Event(
            ts,
            level,
            output,
            message,
            f"{id.ms}-{id.seq}",
            event_tenant,
            event_extension,
            _id(get(b"install", b"")),
            request,
            version,
            content_hash,
            fields,
            cut or fields_cut or get(b"truncated", b"0") in _TRUE,
            _names(redacted) if redacted else (),
            tuple(marks),
        ),
        origin,
    )


_RAW_LEVELS: Final = {name.encode(): level for name, level in _LEVELS.items()}
_RAW_OUTPUTS: Final = {name.encode(): output for name, output in _OUTPUTS.items()}
_RAW_KNOWN: Final = frozenset(name.encode() for name in KNOWN_FIELDS)
_TRUE: Final = frozenset((b"1", b"true", b"True", b"TRUE"))
_RAW_Z: Final = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d{3}Z")
# Bounded caches: the same few installs, requests and versions come with every event. Their keys
# are slices of at most 512 bytes, so that a hostile writer cannot fill memory through them.
_CACHED: Final = 4096


@lru_cache(maxsize=_CACHED)
def _agrees(raw_tenant: bytes, raw_extension: bytes, tenant: str, extension: str) -> bool:
    entry_tenant = raw_tenant.decode("utf-8", "replace").lower()
    entry_extension = raw_extension.decode("utf-8", "replace").lower()
    if tenant == BARE:  # one part: whichever of the two the runner had
        parts = {part for part in (entry_tenant, entry_extension) if part}
        return extension == UNKNOWN_TENANT or not parts or extension in parts
    return entry_tenant in ("", tenant) and entry_extension in ("", extension)


@lru_cache(maxsize=_CACHED)
def _opaque(raw: bytes) -> tuple[str | None, bool]:
    """At most 128 characters without controls, None when empty; and whether UTF-8 was broken."""
    text = raw.decode("utf-8", "replace")
    broken = len(raw) < 512 and "\ufffd" in text and text.encode() != raw
    return _CONTROL.sub("\ufffd", text[:MAX_OPAQUE]) or None, broken


@lru_cache(maxsize=_CACHED)
def _short_id(raw: bytes) -> str | None:
    lowered = raw.lower().decode("ascii", "replace")
    return lowered if _ID.fullmatch(lowered) else None


def _id(raw: bytes) -> str | None:
    return _short_id(raw) if raw and len(raw) <= 64 else None


def _origin(values: Mapping[bytes, bytes]) -> Origin:
    return Origin(
        src=_opaque(values.get(b"src", b"")[:512])[0],
        n=_count(values.get(b"n", b"")),
        lost=_count(values.get(b"lost", b"")) or 0,
        why=_opaque(values.get(b"why", b"")[:512])[0] or "",
    )


def _message(values: Mapping[bytes, bytes], origin: Origin) -> tuple[str, bool, bool]:
    raw = values.get(b"message")
    if raw is not None:
        return _long_text(raw)
    if not origin.lost:
        raise Unreadable("the entry has no message")
    why = origin.why or "no reason given"
    return f"{origin.lost} events dropped by the runner: {why}", False, False


def _long_text(raw: bytes) -> tuple[str, bool, bool]:
    """The text, whether it was cut, and whether it was not UTF-8."""
    cut = len(raw) > MAX_FOREIGN_MESSAGE_BYTES
    if cut:  # on a character boundary: up to three continuation bytes belong to a cut character
        end = MAX_FOREIGN_MESSAGE_BYTES
        while end > MAX_FOREIGN_MESSAGE_BYTES - 3 and raw[end] & 0xC0 == 0x80:
            end -= 1
        raw = raw[:end]
    try:
        return raw.decode(), cut, False
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace"), cut, True


def _ts(raw: bytes) -> str | None:
    match = _RAW_Z.fullmatch(raw)
    if match is not None:
        text = raw.decode()
        return text if _is_second(text[:19]) else None
    return read_ts(raw.decode("utf-8", "replace")) if len(raw) <= 64 else None


def _count(raw: bytes) -> int | None:
    return int(raw) if raw.isdigit() and len(raw) <= 15 else None  # 15 digits: below 2**53


def _names(raw: bytes) -> tuple[str, ...]:
    """Rule names a producer says it applied: short, few, without controls."""
    listed = raw[:2048].decode("utf-8", "replace").split(",")[:32]
    return tuple(_CONTROL.sub("\ufffd", name[:64]) for name in listed if name)


_LONG_NUMBER = re.compile(rb"\d{16}|\d[eE]")


def _fields(values: Mapping[bytes, bytes]) -> tuple[dict[str, Any] | None, bool, bool]:
    """The entry's `fields` and whatever else it holds, whether cut, and whether not UTF-8."""
    raw = values.get(b"fields", b"")
    fields: dict[str, Any] = {}
    cut = broken = False
    if raw:
        fields, plain, cut, broken = _read_fields(raw)
        if plain and _RAW_KNOWN.issuperset(values):
            return fields or None, False, False
    unknown = [name for name in values if name not in _RAW_KNOWN]
    if unknown:
        cut |= len(unknown) > MAX_UNKNOWN_FIELDS
        foreign: dict[str, Any] = {}
        for name in unknown[:MAX_UNKNOWN_FIELDS]:
            if len(name) > MAX_FIELDS_BYTES or len(values[name]) > MAX_FIELDS_BYTES:
                cut = True
                continue
            text, _, broken_text = _long_text(values[name])
            key, _, broken_name = _long_text(name)
            broken |= broken_text or broken_name
            foreign[key] = text
        fields = {**foreign, **fields}
    if not fields:
        return None, cut, broken
    capped, dropped = cap_fields(fields)
    return capped or None, cut or dropped, broken


def _read_fields(raw: bytes) -> tuple[dict[str, Any], bool, bool, bool]:
    """The JSON object in `fields`; whether it is within the caps as it is; cut; not UTF-8."""
    if len(raw) > MAX_FOREIGN_FIELDS_BYTES:
        return {}, False, True, False
    broken = False
    try:
        parsed = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text, _, broken = _long_text(raw)
        try:
            parsed = _decoder.decode(text) if broken else text
        except (msgspec.DecodeError, RecursionError):
            parsed = text
    if not isinstance(parsed, dict):
        return {"fields": parsed}, False, False, broken
    # Short, flat, without numbers that need care: most fields are, and need no second look.
    plain = (
        not broken
        and len(raw) <= MAX_FIELDS_BYTES
        and raw.count(b"{") + raw.count(b"[") <= MAX_FIELDS_DEPTH
        and _LONG_NUMBER.search(raw) is None
    )
    return parsed, plain, False, broken
