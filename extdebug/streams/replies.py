"""Raw replies of Redis about streams: rows of a read, and snapshots of what a stream is.

Replies stay raw bytes: a reader that decodes for us dies on the first invalid UTF-8, and
redis-py's own reply parsing costs more than the rest of the path.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from redis.exceptions import RedisError, ResponseError

from extdebug.streams import epochs as lives
from extdebug.wire.keys import EPOCH_PREFIX, MOVED_PREFIX
from extdebug.wire.positions import ZERO_ID, EntryId

Row = tuple[EntryId, list[bytes]]


class Snapshot(msgspec.Struct, frozen=True):
    """What a stream says of itself at one moment.

    `added` counts the entries it ever got, `top` is the last id it ever gave out, `deleted` the
    greatest id that XDEL ever removed (trimming does not move it). `groups` are its
    consumer groups with the last id that each was given (None: not told), `epochs` those that name
    the stream's life, `moves` those that say how it came to another server, both without their
    prefix. `group_count` is known without asking for the groups.
    """

    exists: bool
    length: int = 0
    added: int = 0
    top: EntryId = ZERO_ID
    first: EntryId | None = None
    last: EntryId | None = None
    deleted: EntryId = ZERO_ID
    groups: Mapping[bytes, EntryId | None] = {}
    epochs: tuple[str, ...] = ()
    moves: tuple[str, ...] = ()
    group_count: int = 0

    def soon_gone(self, index: int | None) -> bool:
        """Whether what follows the entry of this index may soon be trimmed: the stream was trimmed,
        and half of what it holds lies ahead of there."""
        ahead = self.added - (index or self.added)
        return self.added > self.length and ahead * 2 > self.length > 0

    def run(self, run_id: str) -> str:
        """The run of a server whose life goes on here, under the run `run_id` that answers: another
        one where the stream was moved here whole."""
        return lives.run_before(self.epochs, self.moves, run_id) if self.moves else run_id


def read_snapshot(info: Any, groups: Any = ()) -> Snapshot:
    """From the replies of XINFO STREAM and XINFO GROUPS; an absent key is `exists=False`."""
    if isinstance(info, ResponseError):
        if "no such key" in str(info):
            return Snapshot(exists=False)
        raise info
    if isinstance(info, RedisError):
        raise info
    values = dict(zip(info[::2], info[1::2], strict=False))
    first, newest = values.get(b"first-entry"), values.get(b"last-entry")
    given: dict[bytes, EntryId | None] = {}
    for group in groups if isinstance(groups, list) else ():
        told = dict(zip(group[::2], group[1::2], strict=False))
        last = told.get(b"last-delivered-id")
        given[told.get(b"name", b"")] = _id(last) if last else None
    length = int(values[b"length"])
    generated = values[b"last-generated-id"]
    top = _id(generated)
    deleted = values.get(b"max-deleted-entry-id", b"0-0")
    return Snapshot(
        exists=True,
        length=length,
        # entries-added came with Redis 7; readiness.py refuses older servers.
        added=int(values.get(b"entries-added", length)),
        top=top,
        first=_id(first[0]) if first else None,
        last=None if not newest else top if newest[0] == generated else _id(newest[0]),
        # Absent from the embedded server's answer: there nobody deletes single entries.
        deleted=ZERO_ID if deleted == b"0-0" else _id(deleted),
        groups=given,
        group_count=int(values.get(b"groups", len(given))),
        epochs=_named(given, EPOCH_PREFIX) if given else (),
        moves=_named(given, MOVED_PREFIX) if given else (),
    )


def _id(raw: bytes) -> EntryId:
    """An id as Redis wrote it: in half of the time of `EntryId.parse`, which trusts nobody."""
    ms, _, seq = raw.partition(b"-")
    return EntryId(int(ms), int(seq))


def _named(groups: Mapping[bytes, Any], prefix: str) -> tuple[str, ...]:
    """The names with this prefix, without it, in order."""
    return tuple(
        sorted(
            name.decode("ascii", "replace")[len(prefix) :]
            for name in groups
            if name.startswith(prefix.encode())
        )
    )


def scalars(info: Any) -> list[Any]:
    """The single values of an XINFO STREAM reply, in its order: equal ones tell of an equal stream.

    Of the first and last entry only the ids are known by them. Empty for an error.
    """
    if not isinstance(info, list):
        return []
    return [value for value in info[1::2] if not isinstance(value, list)]


def read_info(reply: bytes | str | None) -> dict[str, str]:
    """The fields of an INFO reply; none of them when the server did not tell (None)."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else (reply or "")
    return dict(line.partition(":")[::2] for line in text.splitlines())


def read_rows(raw: Any) -> list[Row]:
    """Rows of XRANGE, or of one key of XREAD. Deleted entries (nil) are left out."""
    rows: list[Row] = []
    for entry_id, fields in raw or ():
        if fields is not None:
            ms, _, seq = entry_id.partition(b"-")  # `_id`, without a call for each of a flood
            rows.append((EntryId(int(ms), int(seq)), fields))
    return rows


def read_keys(raw: Any) -> list[tuple[bytes, list[Row]]]:
    """An XREAD reply by key; None (nothing new) is an empty list."""
    return [(key, read_rows(rows)) for key, rows in raw or ()]
