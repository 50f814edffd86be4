"""A process' consumer group on one stream: the tail reads by it, and it ends with the stream.

The group's place must be the account's whenever something is read by it: after a lost reply, or a
plain read, it is put there first. Where the server takes no group now (no memory, a replica, a
failing disk) reading goes on plainly, and the group is tried again later.
"""

from __future__ import annotations

import logging
import time
from typing import Final, NamedTuple

from redis.exceptions import ResponseError

from extdebug.streams.replies import Snapshot
from extdebug.wire.positions import ZERO_ID, Cursor, EntryId

log = logging.getLogger(__name__)

PLAIN: Final = 5.0  # seconds before a group is tried again

Command = tuple[str | bytes | int, ...]


class RolledBack(NamedTuple):
    """A server that misses our last read: all that it holds up to `known` is of the time before,
    and nothing behind `read` is."""

    known: EntryId
    read: EntryId


class ReaderGroup:
    """`exists` and `synced` are what we know: the server's answer to a read may tell otherwise."""

    def __init__(self, key: bytes, name: bytes) -> None:
        self.name = name
        self.exists = False
        self.synced = False  # it stands where the account does
        self._given: EntryId | None = None  # the place at which the server last put it for us
        self._key = key
        self._plain_until = 0.0

    @property
    def usable(self) -> bool:
        """Whether to read by the group; else plainly, and often."""
        return not self._plain_until or time.monotonic() >= self._plain_until

    def prepare(self, at: Cursor) -> list[Command]:
        """What puts the group at the account's place; empty when it is there."""
        if self.synced or not self.usable:
            return []
        place: list[str | bytes | int] = [self._key, self.name, str(at.id)]
        if at.index is not None:
            place += ["ENTRIESREAD", at.index]
        return [("XGROUP", "SETID" if self.exists else "CREATE", *place)]

    def read(self, at: Cursor, count: int) -> Command:
        """The entries behind the account, at the most `count`."""
        limit: Command = ("COUNT", count)
        if self.usable:
            group: Command = ("XREADGROUP", "GROUP", self.name, "c")
            return (*group, *limit, "NOACK", "STREAMS", self._key, ">")
        return ("XREAD", *limit, "STREAMS", self._key, str(at.id))

    def given(self, place: EntryId) -> None:
        """The server said that the group was read, or put, up to there."""
        self._given = place

    def rolled_back(self, snapshot: Snapshot) -> RolledBack | None:
        """Where the server knows less of our reading than an earlier run of it said.

        Redis logs and replicates the place of a group with the entries, in one order. A server
        that misses our last read therefore misses all that was written after it. What it holds
        between the two places came before that read or is its own: nobody can tell.
        """
        place = snapshot.groups.get(self.name, ZERO_ID)
        if self._given is None or place is None or place >= self._given:
            return None
        return RolledBack(place, self._given)

    def begin(self) -> list[Command]:
        """What makes the group anew at the stream's end."""
        return [
            ("XGROUP", "DESTROY", self._key, self.name),
            ("XGROUP", "CREATE", self._key, self.name, "$"),
        ]

    def refused(self, error: ResponseError) -> None:
        """What the server said to `prepare` or `read`. Raises it when the key cannot be read."""
        self.synced = False
        text = str(error)
        if text.startswith("BUSYGROUP"):
            self.exists = True
        elif "NOGROUP" in text or "no such key" in text or "requires the key" in text:
            self.exists = False
        elif "WRONGTYPE" in text or "NOPERM" in text:
            raise error
        else:  # OOM, READONLY, MISCONF
            if not self._plain_until:
                log.warning("%r is read without a group: %s", self._key, text[:160])
            self._plain_until = time.monotonic() + PLAIN

    def well(self, *, read_by_group: bool) -> None:
        """The server answered."""
        if read_by_group:
            self._plain_until = 0.0
            self.exists = self.synced = True
