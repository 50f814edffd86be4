"""Hands one part of a stream to all who watch it: equal selections share the work and the run."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from extdebug.filters.filter import Batch
from extdebug.filters.searches import Searches
from extdebug.hub.pieces import EventRun
from extdebug.hub.redacting_decoder import DecodedEntry
from extdebug.hub.selection import Selection, make_chunk
from extdebug.hub.subscription import Subscription
from extdebug.wire.events import Event, Origin, encode_json
from extdebug.wire.positions import ZERO_ID, Cursor


class Groups(dict[Selection, list[Subscription]]):
    """Those who watch a stream, by what they are shown of it, and what their filters look for."""

    def __init__(self) -> None:
        super().__init__()
        self.searches = Searches()


def fan_out(groups: Groups, part: Sequence[DecodedEntry], through: Cursor) -> int:
    """Fill the rings with a part whose last entry stands at `through`; how many events that are,
    counted for each watcher."""
    events = [decoded.event for decoded in part if decoded.event is not None]
    batch = Batch(events, groups.searches)
    whole: EventRun | None = None
    delivered = 0
    for selection, group in groups.items():
        chosen = selection.select(batch, events)
        count = len(chosen)
        plain = [subscription for subscription in group if not subscription.runner_buffer]
        if len(plain) < len(group):
            for subscription in group:
                if subscription.runner_buffer:
                    subscription.push_unseen(part, chosen, through)
        if not count:
            for subscription in plain:
                subscription.ring.skip(len(part), through=through)
            continue
        if count == len(part):
            chunk = whole = whole or make_chunk(part, chosen)
        else:
            chunk = make_chunk(part, chosen)
        for subscription in plain:
            subscription.ring.push(chunk, filtered=len(part) - count, through=through)
        delivered += count * len(group)
    return delivered


def fan_out_line(groups: Groups, event: Event, origin: Origin, *, ms: int) -> None:
    """Fill the buffers of those who watch runners with a line that came straight from one at `ms`:
    it has no place in the stream."""
    event = msgspec.structs.replace(event, id="")
    part = [DecodedEntry(ZERO_ID, event, origin, encode_json(event))]
    batch = Batch([event])
    for selection, group in groups.items():
        chosen = selection.select(batch, [event])
        chunk = make_chunk(part, chosen) if len(chosen) else None
        for subscription in group:
            if subscription.runner_buffer is not None:
                subscription.runner_buffer.push(chunk, part, ms=ms)
