"""One stream's queue: events and, in the places where some are gone, stated losses."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import msgspec

T = TypeVar("T")
Stream = tuple[str, str]

MOST_HINTS: Final = 256  # of one loss; the newest decide


class LaneLoss(msgspec.Struct):
    """Consecutive events that are gone, in the place where they were. Counted by cause.

    `src` is the numbering they belong to; `hints` carries what later stages must still know of
    the dropped events.
    """

    causes: dict[str, int]
    src: str | None = None
    hints: list[object] = []

    @property
    def count(self) -> int:
        return sum(self.causes.values())

    def join(self, newer: LaneLoss) -> bool:
        """Take in the loss right behind this one; False when it belongs to another numbering."""
        if newer.src != self.src:
            return False
        for cause, count in newer.causes.items():
            self.causes[cause] = self.causes.get(cause, 0) + count
        if newer.hints:
            self.hints.extend(newer.hints)
            del self.hints[:-MOST_HINTS]
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Events and bytes one lane may hold, and all lanes together; the number of lanes kept."""

    events: int = 10_000
    bytes: int = 4 * 1024 * 1024
    total_bytes: int = 32 * 1024 * 1024
    lanes: int = 4096


class Lane(Generic[T]):
    """The queue of one stream: items and losses in order. Touched under the lanes' lock only.

    `ready`: it stands in the turn. `held`: nothing is taken until it is released. `single`: one
    item is taken at a time and the lane is then held, until its reader knows that it is accepted.
    """

    __slots__ = ("bytes", "events", "held", "items", "ready", "single", "stream")

    def __init__(self, stream: Stream, *, single: bool) -> None:
        self.stream = stream
        self.held = False
        self.single = single
        self.items: deque[tuple[int, T | LaneLoss]] = deque()
        self.events = 0
        self.bytes = 0
        self.ready = False

    def lose(self, lost: LaneLoss) -> None:
        """State a loss after what is queued; merges with a loss that is already there."""
        last = self.items[-1][1] if self.items else None
        if not (isinstance(last, LaneLoss) and last.join(lost)):
            self.items.append((0, lost))
