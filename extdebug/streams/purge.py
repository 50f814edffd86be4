"""Removes what a stream holds between two places, for good. Synchronous Redis.

Whatever reaches back to the stream's first entry is trimmed, as age does it: watchers then know the
loss to the entry. What lies further on is deleted entry by entry; then the count is exact, too, and
its place is as near as a snapshot tells. Nothing that is written after `look` is ever removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import redis
from redis.exceptions import ResponseError

from extdebug.wire.positions import ZERO_ID, EntryId, behind

PAGE: Final = 500  # entries read, or deleted, by one command
MOST: Final = EntryId(2**64 - 1, 2**64 - 1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The entries from `first` to `last`, both with them. The default is everything."""

    first: EntryId = ZERO_ID
    last: EntryId = MOST

    def overlaps(self, first: EntryId, last: EntryId) -> bool:
        return self.first <= last and first <= self.last


EVERYTHING: Final = Stretch()


@dataclass(frozen=True, slots=True)
class Held:
    """What a stream holds of a stretch: how many entries, and the first and the last of them.

    `stretch` ends at the newest id that the stream ever gave, so that what is written from now on
    lies beyond it.
    """

    stretch: Stretch
    entries: int = 0
    first: EntryId | None = None
    last: EntryId | None = None


def look(client: redis.Redis, key: str, wanted: Stretch) -> Held:
    """What there is to remove. RedisError when Redis does not answer or refuses."""
    newest = _newest(client, key)
    stretch = Stretch(wanted.first, min(wanted.last, newest))
    entries, first, last = 0, None, None
    for ids in _pages(client, key, stretch):
        first = first or ids[0]
        entries, last = entries + len(ids), ids[-1]
    return Held(stretch, entries, first, last)


def remove(client: redis.Redis, key: str, stretch: Stretch) -> int:
    """Remove it; how many entries went. RedisError: some of them may be gone already.

    Safe to repeat, and beside a janitor that trims: each entry is counted by whoever removed it.
    """
    last = min(stretch.last, _newest(client, key))
    oldest: Any = client.xrange(key, count=1)
    if not oldest or last < stretch.first:
        return 0
    if EntryId.parse(oldest[0][0]) >= stretch.first:  # older ones never come
        return int(client.xtrim(key, minid=str(behind(last)), approximate=False))
    removed = 0
    for ids in _pages(client, key, Stretch(stretch.first, last)):
        removed += int(client.xdel(key, *map(str, ids)))
    return removed


def _newest(client: redis.Redis, key: str) -> EntryId:
    """The newest id that the stream ever gave; ZERO_ID where there is no stream."""
    try:
        info: Any = client.xinfo_stream(key)
    except ResponseError as error:
        if "no such key" in str(error):
            return ZERO_ID
        raise
    return EntryId.parse(info["last-generated-id"])


def _pages(client: redis.Redis, key: str, stretch: Stretch) -> Iterator[list[EntryId]]:
    at = stretch.first
    while at <= stretch.last:
        rows: Any = client.xrange(key, min=str(at), max=str(stretch.last), count=PAGE)
        ids = [EntryId.parse(row[0]) for row in rows]
        if not ids:
            return
        yield ids
        at = behind(ids[-1])
