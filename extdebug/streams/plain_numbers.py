"""Entries that are nothing but the next of their producers, accounted for together. Pure.

In a flood nearly all are: each costs 0.1 us here and 1 us where `SequenceGaps.account` and `told`
are asked of it, and says the same. Whatever else an entry shows is theirs.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Protocol

from extdebug.streams.producers import Producer
from extdebug.wire.events import Origin
from extdebug.wire.positions import EntryId


class Numbered(Protocol):
    """An entry with what its producer says of it."""

    @property
    def id(self) -> EntryId: ...

    @property
    def origin(self) -> Origin: ...


def take_plain(known: OrderedDict[str, Producer], entries: Iterable[Numbered]) -> int:
    """How many of these, from the first, have no producer or its next number while nothing of it
    is outstanding. They are accounted for."""
    taken = 0
    src: str | None = None
    producer: Producer | None = None
    for entry in entries:
        origin = entry.origin
        if origin.lost:
            break
        if origin.src is not None:
            other = origin.src != src
            if other:
                producer = known.get(origin.src)
            if producer is None or producer.last is None or origin.n != producer.last + 1:
                break
            if other:
                if not producer.settled:
                    break
                src = origin.src
                known.move_to_end(src)
            producer.last, producer.last_at = origin.n, entry.id
        taken += 1
    return taken
