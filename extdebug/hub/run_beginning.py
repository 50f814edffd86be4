"""Where in a stream a run of the server began, for who notices first and gives the run its name.

All processes tell the loss between two runs at the place that the name says.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, NamedTuple

from extdebug.hub.reader_group import RolledBack
from extdebug.hub.snapshots import rows_of
from extdebug.hub.watched_stream import WatchedStream
from extdebug.streams.connection import Link
from extdebug.streams.replies import read_rows
from extdebug.streams.server_identity import ServerIdentity
from extdebug.wire.entries import read_origin
from extdebug.wire.events import Origin
from extdebug.wire.positions import EntryId, before, behind

PAGE: Final = 500  # entries read at once of what was written before the server was gone


class Beginning(NamedTuple):
    """When this run of the server began in a stream: it wrote nothing before `began_ms`, and
    everything from `doubt_ms` later on."""

    began_ms: int | None
    doubt_ms: int

    @property
    def places(self) -> tuple[EntryId, EntryId]:
        """From the first on an entry may be of this run, from the second on it is."""
        began_ms = self.began_ms or 0
        return EntryId(began_ms, 0), EntryId(began_ms + self.doubt_ms, 0)


def by_identity(server: ServerIdentity) -> Beginning:
    """As the server's identity says."""
    began_ms, certain_ms = server.began_ms, server.certain_ms
    if began_ms is None or certain_ms is None:
        return Beginning(None, 0)
    return Beginning(began_ms, max(0, certain_ms - began_ms))


async def find_beginning(
    link: Link, watched: WatchedStream, server: ServerIdentity, *, rolled_back: RolledBack | None
) -> Beginning:
    """For a reader that read `watched` up to its account's place under the run before.

    Another server may have begun right behind our place; one that was rolled back to before our
    last read wrote all that follows that; else what there is may be of either run. The same server
    began when its identity says, and behind what goes on without a hole.
    """
    place = watched.cursor.id
    if not (server.failover or rolled_back):
        return await _behind_what_goes_on(link, watched, by_identity(server))
    certain_ms = server.certain_ms or 0
    first = await _next(link, watched, max(place, rolled_back.known) if rolled_back else place)
    if first is None:
        return Beginning(certain_ms or None, 0)
    if rolled_back is not None:
        own = await _next(link, watched, max(place, rolled_back.read))
        certain_ms = own.ms if own else rolled_back.read.ms + 1
    return Beginning(first.ms, max(0, certain_ms - first.ms))


def behind_what_was_read(old: EntryId, doubt: Beginning) -> Beginning:
    """Where an entry of the run before this one was read, `old`, this one began later."""
    began, certain = doubt.places
    if doubt.began_ms is None:
        return doubt
    began_ms = max(began.ms, min(old.ms + 1, certain.ms))
    return Beginning(began_ms, certain.ms - began_ms)


async def _next(link: Link, watched: WatchedStream, place: EntryId) -> EntryId | None:
    read = ("XREAD", "COUNT", 1, "STREAMS", watched.key, str(place))
    rows = rows_of((await link.together(read))[0])
    return rows[0][0] if rows else None


async def _behind_what_goes_on(link: Link, watched: WatchedStream, doubt: Beginning) -> Beginning:
    """The last lines before a server went are often not read before it is back. They go on with
    their producers' numbers; what the restart cost leaves a hole in front of what follows it."""
    began, certain = doubt.places
    old = watched.cursor.id  # up to here all is of the earlier run
    if doubt.began_ms is None or old >= certain:
        return doubt
    last: dict[str, int] = {}
    async for place, origin in _between(link, watched, old, certain):
        src, n = origin.src, origin.n
        goes_on = False
        if src is not None and n is not None and not origin.lost:
            before_it = last.get(src, watched.sequence_gaps.last_number(src))
            goes_on, last[src] = before_it == n - 1, n
        if place >= began and not goes_on:  # of the later run, as far as anybody can tell
            began_ms = max(began.ms, min(old.ms + 1, place.ms))
            return Beginning(began_ms, certain.ms - began_ms)
        old = place
    return behind_what_was_read(old, doubt)


async def _between(
    link: Link, watched: WatchedStream, after: EntryId, until: EntryId
) -> AsyncIterator[tuple[EntryId, Origin]]:
    """What the producers say of their entries between two places, both exclusive."""
    target, end = watched.target, str(before(until))
    while True:
        start = str(behind(after))
        rows = read_rows(await link.call("XRANGE", watched.key, start, end, "COUNT", PAGE))
        for after, raw in rows:
            yield after, read_origin(raw, tenant=target.tenant, extension=target.extension)
        if len(rows) < PAGE:
            return
