"""Cuts an event's text and fields to their size limits, and makes them encodable as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from extdebug.wire.events import encode_json

MAX_FIELDS_BYTES: Final = 4 * 1024
MAX_FIELDS_DEPTH: Final = 6
MAX_MESSAGE_BYTES: Final = 8 * 1024  # default of RUNNER_DEBUG_MAX_EVENT_BYTES
# What a foreign, perhaps hostile writer may make us hold for one event, whatever a runner's limit.
MAX_FOREIGN_MESSAGE_BYTES: Final = 64 * 1024
MAX_FOREIGN_FIELDS_BYTES: Final = 16 * 1024  # of `fields`: beyond it nothing of them is read
MAX_UNKNOWN_FIELDS: Final = 64  # names of an entry that are not ours; more are cut
MAX_FIELDS_NODES: Final = 2_048  # values in `fields`: more cannot fit in 4 KiB of JSON
SAFE_INTEGER: Final = 2**53  # JavaScript clients read larger numbers wrong: they travel as text


def cut_text(text: str, limit: int) -> tuple[str, bool]:
    """`text` within `limit` bytes of UTF-8, cut on a character boundary, and whether it was cut."""
    if len(text) * 4 <= limit:
        return text, False
    raw = text.encode("utf-8", "replace")
    if len(raw) <= limit:
        return text, False
    return raw[:limit].decode("utf-8", "ignore"), True


def clean_text(text: str) -> str:
    """The same text with `?` for lone surrogates, which UTF-8 cannot encode."""
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
    """Fields as plain JSON of at most `limit` bytes, and whether something was cut.

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
    """Makes plain JSON of anything, up to MAX_FIELDS_NODES values."""

    def __init__(self) -> None:
        self.cut = False
        self.left = MAX_FIELDS_NODES

    def mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        shaped = {}
        for key, item in value.items():
            if self.left <= 0:
                self.cut = True
                break
            name = key if type(key) is str and key.isascii() else clean_text(_said(key))
            shaped[name] = self.value(item, depth + 1)
        return shaped

    def value(self, value: Any, depth: int) -> Any:
        self.left -= 1
        kind = type(value)  # the usual kinds by themselves, which is half of the time
        if kind is str:
            return value if value.isascii() else clean_text(value)
        if value is None or kind is bool:
            return value
        if kind is int and -SAFE_INTEGER <= value <= SAFE_INTEGER:
            return value
        if kind is float and value - value == 0:
            return value
        if isinstance(value, (dict, list, tuple, Mapping)):
            return self._deeper(value, depth)
        return _plain(value)

    def _deeper(self, value: Any, depth: int) -> Any:
        if depth >= MAX_FIELDS_DEPTH:
            self.cut = True
            return "…"
        if isinstance(value, (dict, Mapping)):
            return self.mapping(value, depth)
        shaped = [self.value(item, depth + 1) for item in value[: max(self.left, 0)]]
        self.cut |= len(shaped) < len(value)
        return shaped


def _plain(value: Any) -> Any:
    """A value without others in it, as one that JSON and every client can hold."""
    if isinstance(value, int):
        return int(value) if -SAFE_INTEGER <= value <= SAFE_INTEGER else _said(value)
    if isinstance(value, float):
        return float(value) if value - value == 0 else str(value)  # no NaN or infinity in JSON
    return clean_text(_said(value))


def _said(value: Any) -> str:
    """`str()` of any object, even if its `__str__` raises."""
    try:
        return str.__str__(value) if isinstance(value, str) else str(value)
    except Exception:  # noqa: BLE001 a log call must not fail because its argument does
        return f"<{type(value).__name__}>"
