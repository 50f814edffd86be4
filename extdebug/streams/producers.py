"""What is known of one producer of a stream, and what one of its entries shows to be missing.

Values alone: `SequenceGaps` says what they become with each entry.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from extdebug.wire.events import GapReason
from extdebug.wire.positions import ZERO_ID, EntryId


class Missing(NamedTuple):
    """What one entry shows to be lost at its runner: `stated` by its marker, `hole` by its `n`.

    `since`: where holes before it were taken for a loss of the stream that lies anywhere behind
    there, so may this one be; None where it lies right before the entry. `unknown`: nobody can say
    any more how much the entry shows, because the stream is gone for this reason.
    """

    stated: int
    hole: int
    since: EntryId | None = None
    unknown: GapReason | None = None


NOTHING_MISSING: Final = Missing(0, 0)


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


class Stand(NamedTuple):
    """What is known of one producer right before an entry of it. `last`: its number then, so that
    what is missing behind it is the producer's loss; None where some may be the stream's."""

    markers: Markers
    last: int | None


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

    def owe(self, due: int) -> int:
        """So much of what its markers stated was not told, and the next number tells it; the rest
        was told. By how much that is more than was known."""
        more, self.untold = due - self.untold, due
        self.credit = max(0, self.credit - more)
        self.unsure = min(self.unsure, self.credit)
        self.late = min(self.late, self.unsure)
        return more

    @property
    def settled(self) -> bool:
        """Whether its next number changes nothing but the number and where it stands."""
        return not (self.marked or self.untold or self.unsure or self.late or self.excused)

    @property
    def markers(self) -> Markers:
        return Markers(*(getattr(self, name) for name in Markers._fields))

    @markers.setter
    def markers(self, known: Markers) -> None:
        for name, value in known._asdict().items():
            setattr(self, name, value)
