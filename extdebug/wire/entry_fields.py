"""The free part of a stream entry: its `fields`, what it holds beside the contract, long text.

Read tolerantly and within bounds, for a hostile writer's entry must cost little time and memory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from extdebug.wire.truncation import (
    MAX_FIELDS_BYTES,
    MAX_FIELDS_DEPTH,
    MAX_FOREIGN_FIELDS_BYTES,
    MAX_FOREIGN_MESSAGE_BYTES,
    MAX_UNKNOWN_FIELDS,
    cap_fields,
)

_decoder: Final = msgspec.json.Decoder()

KNOWN_FIELDS: Final = frozenset(
    (
        "ts", "level", "stream", "tenant", "extension", "install", "request", "version",
        "content_hash", "message", "truncated", "fields", "src", "n", "lost", "why", "redacted",
        "guessed", "execution",
    )
)  # fmt: skip
# `execution` is not among them: one that says something else than ours is kept as any other field.
RAW_KNOWN: Final = frozenset(name.encode() for name in KNOWN_FIELDS - {"execution"})


def long_text(raw: bytes) -> tuple[str, bool, bool]:
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


# One digit first, then the choice: several times faster to search for than two alternatives.
_LONG_NUMBER = re.compile(rb"\d(?:\d{15}|[eE])")


def read_plain_fields(raw: bytes) -> dict[str, Any] | None:
    """An entry's `fields` if they are read as they stand; None where `read_fields` must look."""
    if not _fits(raw):
        return None
    try:
        parsed = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return parsed if type(parsed) is dict and parsed else None


def read_fields(values: Mapping[bytes, bytes]) -> tuple[dict[str, Any] | None, bool, bool]:
    """The entry's `fields` and whatever else it holds, whether cut, and whether not UTF-8."""
    raw = values.get(b"fields", b"")
    fields: dict[str, Any] = {}
    cut = broken = False
    if raw:
        fields, plain, cut, broken = _parse_fields(raw)
        if plain and RAW_KNOWN.issuperset(values):
            return fields or None, False, False
    unknown = [name for name in values if name not in RAW_KNOWN]
    if unknown:
        cut |= len(unknown) > MAX_UNKNOWN_FIELDS
        foreign: dict[str, Any] = {}
        for name in unknown[:MAX_UNKNOWN_FIELDS]:
            if len(name) > MAX_FIELDS_BYTES or len(values[name]) > MAX_FIELDS_BYTES:
                cut = True
                continue
            text, _, broken_text = long_text(values[name])
            key, _, broken_name = long_text(name)
            broken |= broken_text or broken_name
            foreign[key] = text
        fields = {**foreign, **fields}
    if not fields:
        return None, cut, broken
    capped, dropped = cap_fields(fields)
    return capped or None, cut or dropped, broken


def _parse_fields(raw: bytes) -> tuple[dict[str, Any], bool, bool, bool]:
    """The JSON object in `fields`; whether it fits as it is; was cut; was not UTF-8."""
    if len(raw) > MAX_FOREIGN_FIELDS_BYTES:
        return {}, False, True, False
    broken = False
    try:
        parsed = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text, _, broken = long_text(raw)
        try:
            parsed = _decoder.decode(text) if broken else text
        except (msgspec.DecodeError, RecursionError):
            parsed = text
    if not isinstance(parsed, dict):
        return {"fields": parsed}, False, False, broken
    return parsed, not broken and _fits(raw), False, broken


def _fits(raw: bytes) -> bool:
    """Short, flat, without numbers that need care: most fields are, and need no second look."""
    return (
        len(raw) <= MAX_FIELDS_BYTES
        and raw.count(b"{") + raw.count(b"[") <= MAX_FIELDS_DEPTH
        and _LONG_NUMBER.search(raw) is None
    )
