"""Places in a stream: entry ids, the cursors clients hand back, and where a session starts."""

from __future__ import annotations

import re
from typing import Final

import msgspec

_U64: Final = 2**64 - 1
EPOCH_DIGITS: Final = 24
UNKNOWN_INDEX: Final = "x"
MOST_CURSOR: Final = 192  # characters
FUTURE_MS: Final = 5 * 60 * 1000  # an id further ahead of the clock was forged, or a clock is wrong
_CURSOR: Final = re.compile(
    rf"([0-9]+-[0-9]+)(?:\.([0-9]+|{UNKNOWN_INDEX})"
    rf"(?:\.([0-9a-f]{{{EPOCH_DIGITS}}})(\.s)?(?:\.a([1-9][0-9]*)-([0-9]+-[0-9]+))?"
    r"(?:\.m([1-9][0-9]*))?)?)?"
)


class BadCursor(ValueError):
    """A cursor that is not `ms-seq`, `ms-seq.index` or `ms-seq.index.epoch`."""


class EntryId(msgspec.Struct, frozen=True, order=True, gc=False):
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

    `index` counts the entries accounted for since the stream began (its `entries-added`), so that
    a later loss is an exact number; None when nobody could know it. `epoch` names the stream's
    life (`streams/epochs.py`): the same key in another life is another stream. Empty: unknown.
    `stated` says that what a runner dropped right behind `id` was told as well. `ahead` entries
    before `until` are lost, told and counted, that no hole in a runner's numbers was met for yet.
    `untold`: so many numbers were stated by markers up to here and not told, because they may be
    the late word for holes told before; the numbers that follow tell.
    """

    id: EntryId
    index: int | None = None
    epoch: str = ""
    stated: bool = False
    ahead: int = 0
    until: EntryId = ZERO_ID
    untold: int = 0

    def __str__(self) -> str:
        if not self.epoch:
            return f"{self.id}" if self.index is None else f"{self.id}.{self.index}"
        index = UNKNOWN_INDEX if self.index is None else self.index
        ahead = f".a{self.ahead}-{self.until}" if self.ahead else ""
        untold = f".m{self.untold}" if self.untold else ""
        return f"{self.id}.{index}.{self.epoch}{'.s' if self.stated else ''}{ahead}{untold}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """BadCursor unless `ms-seq`, `ms-seq.index` or `ms-seq.index.epoch`; strict in each part.

        Numbers are plain decimals within u64, `x` stands for an index nobody knows, an epoch is
        EPOCH_DIGITS hexadecimal digits, and behind it `.s` is `stated`, `.a7-9-2` seven `ahead`
        before 9-2, `.m3` three `untold`.
        """
        match = _CURSOR.fullmatch(text) if len(text) <= MOST_CURSOR else None
        if match is None:
            raise BadCursor(
                f"expected ms-seq, ms-seq.index or ms-seq.index.epoch, got {text[:60]!r}"
            )
        place, index, epoch, stated, ahead, until, untold = match.groups()
        known = None if index in (None, UNKNOWN_INDEX) else _u64(index, text)
        if epoch is None and index == UNKNOWN_INDEX:
            raise BadCursor(f"expected an index in decimal, got {text[:60]!r}")
        told = (_u64(ahead, text), EntryId.parse(until)) if ahead else (0, ZERO_ID)
        owed = _u64(untold, text) if untold else 0
        return cls(EntryId.parse(place), known, epoch or "", stated is not None, *told, owed)


def _u64(digits: str, whole: str) -> int:
    plain = digits.isascii() and digits.isdigit() and (digits == "0" or digits[0] != "0")
    if not plain or len(digits) > 20 or int(digits) > _U64:
        raise BadCursor(f"expected ms-seq or ms-seq.index in decimal, got {whole[:60]!r}")
    return int(digits)


def before(id: EntryId) -> EntryId:
    """The greatest id smaller than `id`: reading behind it begins with `id` itself."""
    if id.seq:
        return EntryId(id.ms, id.seq - 1)
    return EntryId(id.ms - 1, _U64) if id.ms else ZERO_ID


def behind(id: EntryId) -> EntryId:
    """The smallest id greater than `id`: an exclusive bound that takes `id` in."""
    return EntryId(id.ms, id.seq + 1) if id.seq < _U64 else EntryId(id.ms + 1, 0)


class Start(msgspec.Struct, frozen=True):
    """Where a session begins: exactly one of the three is set. `"now"` is a tail of 0."""

    tail: int | None = None
    cursor: Cursor | None = None
    since_ms: int | None = None


class Span(msgspec.Struct, frozen=True):
    """How far a session reads from its start, and how fast.

    Entries whose id is of the millisecond `until_ms` or later lie beyond it; None: it has no end.
    `speed` 4 tells lines four times as fast as they came; None: at once.
    """

    until_ms: int | None = None
    speed: float | None = None

    @property
    def until(self) -> EntryId | None:
        """The first place beyond the range."""
        return None if self.until_ms is None else EntryId(self.until_ms, 0)


ENDLESS: Final = Span()
