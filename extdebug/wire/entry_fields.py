"""The free part of a stream entry: its `fields`, what it holds beside the contract, long text.

Read tolerantly and within bounds, for a hostile writer's entry must cost little time and memory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec

from extdebug.wire.truncation import (
    MAX_FIELDS_BYTES,
    MAX_FIELDS_DEPTH,
    MAX_FOREIGN_FIELDS_BYTES,
    MAX_FOREIGN_MESSAGE_BYTES,
    MAX_UNKNOWN_FIELDS,
    SAFE_INTEGER,
    cap_fields,
)

_decoder: Final = msgspec.json.Decoder()
# What `cap_fields` leaves as it is, asked while it is decoded, which costs nothing: plain values
# and containers of them, one in the other up to the depth that is shown.
_Integer = Annotated[int, msgspec.Meta(ge=-SAFE_INTEGER, le=SAFE_INTEGER)]
_Plain: Any = None | bool | _Integer | float | str
_Value: Any = _Plain
for _ in range(MAX_FIELDS_DEPTH - 1):
    _Value = _Plain | dict[str, _Value] | list[_Value]
_plain_decoder: Final[msgspec.json.Decoder[dict[str, Any]]] = msgspec.json.Decoder(
    dict[str, _Value]
)
# Bytes; fields this short cannot outgrow their limit, even where `9e15` is written out.
_SHORT: Final = MAX_FIELDS_BYTES // 8

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


_EXPONENT: Final = re.compile(rb"\d[eE]")


def read_plain_fields(raw: bytes) -> dict[str, Any] | None:
    """An entry's `fields` if they are read as they stand; None where `read_fields` must look."""
    length = len(raw)
    if length > _SHORT and (length > MAX_FIELDS_BYTES or _EXPONENT.search(raw)):
        return None
    try:
        return _plain_decoder.decode(raw) or None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def read_fields(values: Mapping[bytes, bytes]) -> tuple[dict[str, Any] | None, bool, bool]:
    """The entry's `fields` and whatever else it holds, whether cut, and whether not UTF-8."""
    raw = values.get(b"fields", b"")
    fields: dict[str, Any] = {}
    cut = broken = False
    if raw:
        if RAW_KNOWN.issuperset(values) and (plain := read_plain_fields(raw)) is not None:
            return plain, False, False
        fields, cut, broken = _parse_fields(raw)
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


def _parse_fields(raw: bytes) -> tuple[dict[str, Any], bool, bool]:
    """The JSON object in `fields`; whether it was cut; was not UTF-8."""
    if len(raw) > MAX_FOREIGN_FIELDS_BYTES:
        return {}, True, False
    broken = False
    try:
        parsed = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text, _, broken = long_text(raw)
        try:
            parsed = _decoder.decode(text) if broken else text
        except (msgspec.DecodeError, RecursionError):
            parsed = text
    return (parsed if isinstance(parsed, dict) else {"fields": parsed}), False, broken
