"""What went through one watched stream, or through all of a process: numbers that only grow."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from extdebug.wire.events import GapReason


@dataclass(slots=True)
class StreamCounts:
    """Entries read, events handed to sessions, entries stated lost (at least one per loss)."""

    entries: int = 0
    delivered: int = 0
    lost: Counter[GapReason] = field(default_factory=Counter)

    def add(self, other: StreamCounts) -> None:
        self.entries += other.entries
        self.delivered += other.delivered
        self.lost.update(other.lost)
