"""Reads and writes a debug event as the flat field/value list of a Redis Streams entry.

The field names are a contract (docs/wire-contract.md). Writing is exact, reading tolerant: runners
in other languages and older ones leave parts out, and a hostile one must cost little time and
memory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from extdebug.wire.entry_fields import RAW_KNOWN, long_text, read_fields
from extdebug.wire.events import (
    BARE,
    CONTROL,
    ID,
    LAST_MS,
    LEVEL_GUESSED,
    LEVELS,
    MAX_OPAQUE,
    NO_ORIGIN,
    OUTPUTS,
    UNKNOWN_TENANT,
    Event,
    Level,
    Origin,
    Output,
    Unreadable,
    encode_json,
    is_second,
    iso,
    read_ts,
)
from extdebug.wire.executions import read_execution
from extdebug.wire.positions import EntryId
from extdebug.wire.truncation import clean_text


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
    if LEVEL_GUESSED in event.marks:
        flat += ("guessed", "level")
    if event.execution is not None:
        flat += ("execution", event.execution.text)
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
    ts = read_time(get(b"ts", b"")[:LONGEST_TIME])
    if ts is None:
        ts = iso(min(id.ms, LAST_MS))
        marks.append("ts")
    said = get(b"level", b"")
    level = _RAW_LEVELS.get(said) or _RAW_LEVELS.get(said[:16].lower())
    if level is None:
        level = Level.INFO
        marks.append("level")
    elif get(b"guessed") == b"level":
        marks.append(LEVEL_GUESSED)
    said = get(b"stream", b"")
    output = _RAW_OUTPUTS.get(said) or _RAW_OUTPUTS.get(said[:16].lower())
    if output is None:
        output = Output.LOG
        marks.append("stream")
    request, broken_request = read_opaque(get(b"request", b"")[:512])
    version, broken_version = read_opaque(get(b"version", b"")[:512])
    content_hash, broken_hash = read_opaque(get(b"content_hash", b"")[:512])
    execution = read_execution(values[b"execution"]) if b"execution" in values else None
    if execution is not None:
        del values[b"execution"]
    fields, fields_cut = None, False
    if b"fields" in values or not RAW_KNOWN.issuperset(values):
        fields, fields_cut, broken_fields = read_fields(values)
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
            cut or fields_cut or get(b"truncated", b"0") in TRUE,
            _names(redacted) if redacted else (),
            tuple(marks),
            execution,
        ),
        origin,
    )


def read_origin(raw: Sequence[bytes], *, tenant: str, extension: str) -> Origin:
    """What an entry's producer says of its place, without reading the rest: 1 us."""
    pairs = iter(raw[: len(raw) // 2 * 2])
    values: dict[bytes, bytes] = {}
    for name, value in zip(pairs, pairs, strict=True):
        values.setdefault(name, value)
    if b"src" not in values or not _agrees(
        values.get(b"tenant", b""), values.get(b"extension", b""), tenant, extension
    ):
        return NO_ORIGIN
    return _origin(values)


_RAW_LEVELS: Final = {name.encode(): level for name, level in LEVELS.items()}
_RAW_OUTPUTS: Final = {name.encode(): output for name, output in OUTPUTS.items()}
TRUE: Final = frozenset((b"1", b"true", b"True", b"TRUE"))
LONGEST_TIME: Final = 64  # bytes: none that long is a time, whatever follows
LONGEST_COUNT: Final = 15  # digits: below 2**53
_RAW_SECOND: Final = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.")
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
def read_opaque(raw: bytes) -> tuple[str | None, bool]:
    """At most 128 characters without controls, None when empty; and whether UTF-8 was broken."""
    text = raw.decode("utf-8", "replace")
    broken = len(raw) < 512 and "\ufffd" in text and text.encode() != raw
    return CONTROL.sub("\ufffd", text[:MAX_OPAQUE]) or None, broken


@lru_cache(maxsize=_CACHED)
def _short_id(raw: bytes) -> str | None:
    lowered = raw.lower().decode("ascii", "replace")
    return lowered if ID.fullmatch(lowered) else None


def _id(raw: bytes) -> str | None:
    return _short_id(raw) if raw and len(raw) <= 64 else None


def _origin(values: Mapping[bytes, bytes]) -> Origin:
    return Origin(
        src=read_opaque(values.get(b"src", b"")[:512])[0],
        n=read_count(values.get(b"n", b"")),
        lost=read_count(values.get(b"lost", b"")) or 0,
        why=read_opaque(values.get(b"why", b"")[:512])[0] or "",
    )


def _message(values: Mapping[bytes, bytes], origin: Origin) -> tuple[str, bool, bool]:
    raw = values.get(b"message")
    if raw is not None:
        return long_text(raw)
    if not origin.lost:
        raise Unreadable("the entry has no message")
    why = origin.why or "no reason given"
    return f"{origin.lost} events dropped by the runner: {why}", False, False


def read_time(raw: bytes) -> str | None:
    """The first LONGEST_TIME bytes of `ts` as ISO 8601 in UTC; None when they are no time."""
    if len(raw) == 13 and raw.isdigit():
        return f"{_second_of_ms(raw[:10])}.{raw[10:].decode()}Z"
    if len(raw) == 24 and raw[23:] == b"Z" and raw[20:23].isdigit() and _is_second(raw[:20]):
        return raw.decode()
    return read_ts(raw.decode("utf-8", "replace"))


@lru_cache(maxsize=1024)
def _second_of_ms(raw: bytes) -> str:
    return iso(int(raw) * 1000)[:19]


@lru_cache(maxsize=1024)
def _is_second(raw: bytes) -> bool:
    """Whether `2026-01-31T09:30:00.` is a moment that exists."""
    return _RAW_SECOND.fullmatch(raw) is not None and is_second(raw[:19].decode())


def read_count(raw: bytes) -> int | None:
    return int(raw) if raw.isdigit() and len(raw) <= LONGEST_COUNT else None


def _names(raw: bytes) -> tuple[str, ...]:
    """Rule names a producer says it applied: short, few, without controls."""
    listed = raw[:2048].decode("utf-8", "replace").split(",")[:32]
    return tuple(CONTROL.sub("\ufffd", name[:64]) for name in listed if name)
