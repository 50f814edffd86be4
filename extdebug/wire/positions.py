"""Places in a stream: entry ids, the cursors clients hand back, and where a session starts."""

from __future__ import annotations

from typing import Final

import msgspec

_U64: Final = 2**64 - 1


class BadCursor(ValueError):
    """A cursor that is not `ms-seq` or `ms-seq.index`."""


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


class Start(msgspec.Struct, frozen=True):
    """Where a session begins: exactly one of the three is set. `"now"` is a tail of 0."""

    tail: int | None = None
    cursor: Cursor | None = None
    since_ms: int | None = None
