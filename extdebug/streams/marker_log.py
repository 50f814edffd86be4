"""How the markers and holes of a stream's producers stood at the last places that a reader came by.

Pure. A reader that begins in the middle of the stream cannot find it out: which hole a marker is
for may depend on entries that the stream holds no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from extdebug.wire.positions import ZERO_ID, EntryId

MOST: Final = 256  # changes that are kept at least


class Markers(NamedTuple):
    """What is known of one producer at a place; the fields are those of `SequenceGaps`."""

    ahead: int
    credit: int
    unsure: int
    late: int
    taken: int
    fresh: bool
    marked: int
    untold: int


class Span(NamedTuple):
    """Where a loss of the stream lies, both exclusive."""

    after: EntryId
    until: EntryId


class Producer:
    """What `SequenceGaps` knows of one producer now."""

    __slots__ = (
        "ahead", "credit", "excused", "fresh", "last", "last_at", "late", "marked", "partial",
        "taken", "unsure", "untold", "within",
    )  # fmt: skip

    def __init__(self) -> None:
        self.last: int | None = None
        self.last_at = ZERO_ID  # the entry that gave the last number
        self.credit = 0  # stated by markers, hole not seen yet
        self.taken = 0  # missing numbers that a loss of the stream explained
        self.unsure = 0  # part of the credit whose hole may be among those
        self.ahead = 0  # holes told without a marker yet
        self.fresh = False  # first seen in the middle: a marker may be for a hole before that
        self.excused: Span | None = None  # a loss of the stream that may hold its next hole
        self.late = 0  # part of the credit that was given back to the stream's loss
        self.partial = False  # only its last number is known, not what markers stated before
        self.marked = 0  # stated by markers since its last number
        self.within = 0  # holes told within a loss of the stream that was used up
        self.untold = 0  # part of that which was taken for holes told before, and not told

    @property
    def markers(self) -> Markers:
        return Markers(*(getattr(self, name) for name in Markers._fields))

    @markers.setter
    def markers(self, known: Markers) -> None:
        for name, value in known._asdict().items():
            setattr(self, name, value)


class MarkerLog:
    """Of one reader, by boot id (`src`)."""

    def __init__(self) -> None:
        self._since = ZERO_ID  # nothing is known of the places before
        self._at_first: dict[str, Markers] = {}
        self._changes: list[tuple[EntryId, str, Markers]] = []

    def begin(self, at: EntryId, known: Mapping[str, Markers]) -> None:
        """So they stand at `at`; a producer that is not among them is not known there."""
        self._since, self._changes = at, []
        self._at_first = dict(known)

    def note(self, at: EntryId, src: str, markers: Markers) -> None:
        """The entry `at` changed this one."""
        self._changes.append((at, src, markers))
        if len(self._changes) > 2 * MOST:
            old, self._changes = self._changes[:MOST], self._changes[MOST:]
            self._since = max(self._since, old[-1][0])
            self._at_first.update((src, markers) for _, src, markers in old)

    def learnt(self, src: str, markers: Markers) -> None:
        """So this one stood ever since the log began: until now nothing was known of it."""
        self._at_first[src] = markers

    def forget(self, src: str) -> None:
        self._at_first.pop(src, None)

    def as_of(self, at: EntryId) -> Mapping[str, Markers]:
        """Those that are known at a place which the reader has come by."""
        if at < self._since:
            return {}
        found = dict(self._at_first)
        found.update((src, markers) for id, src, markers in self._changes if id <= at)
        return found
