"""What one session is shown of a batch, and the run of events that equal selections share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from extdebug.filters.filter import Batch, Filter, Part, Selector, compile_filter
from extdebug.hub.pieces import EventRun
from extdebug.hub.redacting_decoder import DecodedEntry
from extdebug.wire.events import Event

FRAME_EVENTS: Final = 100  # per chunk, so per frame
FRAME_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Selection:
    """What one session is shown of a stream: its Decision's installs, then its own filter."""

    installs: frozenset[str] | None  # None: every install, and events that name none
    filter: Filter
    selector: Selector = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "selector", compile_filter(self.filter))

    def choose(self, events: Sequence[Event]) -> Sequence[int]:
        """Positions of the events that pass, for a caller without a shared batch."""
        return self.select(Batch(events), events) if events else ()

    def hidden(self, events: Sequence[Event]) -> list[tuple[int, Part]]:
        """Positions of the scope's events that the filter leaves out, and the part that does."""
        rejections = self.selector.rejections(Batch(events))
        installs = self.installs
        return [
            (i, rejections[i])
            for i in sorted(rejections)
            if installs is None or events[i].install_id in installs
        ]

    def select(self, batch: Batch, events: Sequence[Event]) -> Sequence[int]:
        """Positions of the events that pass both."""
        chosen = self.selector.select(batch)
        if self.installs is None:
            return chosen
        installs = self.installs
        if len(chosen) == len(events) and installs.issuperset(batch.column("install")):
            return chosen  # nobody's line has to be left out: asked in C, a third of the loop
        return [i for i in chosen if events[i].install_id in installs]


def fitting(entries: Sequence[DecodedEntry], *, begun: int, size: int) -> int:
    """How many of these, from the first, have a line and fit into a frame that has `begun` events
    of `size` bytes; the one that fills it is the last."""
    some = entries[: FRAME_EVENTS - begun]
    sizes = [len(decoded.json) for decoded in some]
    if all(sizes) and size + sum(sizes) <= FRAME_BYTES:  # as nearly always: half of the loop
        return len(some)
    count = 0
    for decoded in some:
        if decoded.event is None or size >= FRAME_BYTES:
            break
        size += len(decoded.json)
        count += 1
    return count


def make_chunk(part: Sequence[DecodedEntry], chosen: Sequence[int]) -> EventRun:
    """The chosen events of one part, joined for a frame."""
    last = len(part) - 1
    events = part if len(chosen) == len(part) else [part[i] for i in chosen]
    behind = range(last, -1, -1) if events is part else [last - i for i in chosen]
    joined = b",".join([decoded.json for decoded in events])
    return EventRun(len(events), len(joined), joined, events, behind)
