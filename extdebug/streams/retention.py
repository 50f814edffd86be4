"""Trims streams to their age and removes what dead readers left on them. Synchronous Redis.

Safe at any moment and from several places at once: Redis does the comparing. Never an EXPIRE: one
set on an idle stream would kill what is written to it later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import redis
from redis.exceptions import AskError, MovedError, ResponseError, WatchError

from extdebug.wire.events import BARE, UNKNOWN_TENANT
from extdebug.wire.keys import (
    EPOCH_PREFIX,
    GROUP_PREFIX,
    MOVED_PREFIX,
    NAMING_PREFIX,
    Keys,
    Target,
)
from extdebug.wire.positions import FUTURE_MS, EntryId

ROUNDS: Final = 1_000  # XTRIM ~ removes at most 10,000 entries per call: 10 million per key
EMPTY_FOR_MS: Final = 60 * 60 * 1000  # a key this long without an entry is nobody's any more


TENANTLESS: Final = (BARE, UNKNOWN_TENANT)
MOST_TENANTLESS: Final = 200  # named for operators; there is one per extension in normal life
NAMES: Final = tuple(
    name.encode() for name in (EPOCH_PREFIX, NAMING_PREFIX, MOVED_PREFIX)
)  # groups that nobody reads by


class UnsafePrefix(ValueError):
    """A prefix under which other people's streams would be trimmed."""


@dataclass(slots=True)
class Tidied:
    """What one round did, and what it could not."""

    streams: int = 0  # looked at
    entries: int = 0  # removed by age
    keys: int = 0  # removed, long empty
    groups: int = 0  # removed, of dead hubs
    foreign: int = 0  # streams under the prefix that no runner or console of ours would make
    problems: list[str] = field(default_factory=list)
    tenantless: list[Target] = field(default_factory=list)  # streams of no tenant, MOST_TENANTLESS

    def add(self, other: Tidied) -> None:
        """The same round on another server."""
        for name in ("streams", "entries", "keys", "groups", "foreign", "problems"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.tenantless = [*self.tenantless, *other.tenantless][:MOST_TENANTLESS]


@dataclass(frozen=True, slots=True)
class _Seen:
    key: bytes
    target: Target
    length: int
    last: EntryId
    groups: tuple[bytes, ...]


def tidy(
    client: redis.Redis,
    *,
    keys: Keys,
    retention: float,
    alive: Callable[[], Collection[str]],
    watched: Callable[[], Collection[Target]],
) -> Tidied:
    """One round over all streams of one server; `retention` in seconds.

    `alive` names the hubs whose process lives, `watched` the targets of open sessions. Both are
    asked after all groups were read: a hub is known to the database before it makes a group.
    RedisError when the server is away; what one key refuses is a problem of that key. What is on
    its way to another node of a cluster is left to the next round.
    """
    if not keys.prefix:
        raise UnsafePrefix("the stream prefix is empty: other streams would be trimmed, too")
    done = Tidied()
    now = server_time_ms(client)
    seen: list[_Seen] = []
    for key, target in _streams(client, keys, done):
        done.streams += 1
        if target.tenant in TENANTLESS and len(done.tenantless) < MOST_TENANTLESS:
            done.tenantless.append(target)
        try:
            done.entries += _trim(client, key, cutoff=now - int(retention * 1000))
            seen.append(_look(client, key, target))
        except (AskError, MovedError):
            continue
        except ResponseError as error:
            if "no such key" not in str(error):
                done.problems.append(f"{target}: {error}")
    living = {f"{GROUP_PREFIX}{name}".encode() for name in alive()}
    busy = set(watched())
    for one in seen:
        try:
            _leave_behind(client, one, living=living, busy=busy, now=now, done=done)
        except (AskError, MovedError):
            continue
        except ResponseError as error:
            done.problems.append(f"{one.target}: {error}")
    return done


def server_time_ms(client: redis.Redis) -> int:
    """The clock that ids are made of; ours where the server does not tell (fakeredis)."""
    try:
        told: Any = client.info("server")
        return int(told["server_time_usec"]) // 1000
    except (ResponseError, KeyError):
        return int(time.time() * 1000)


def _streams(client: redis.Redis, keys: Keys, done: Tidied) -> Iterator[tuple[bytes, Target]]:
    known: set[bytes] = set()  # SCAN may name a key twice
    for key in client.scan_iter(match=keys.pattern, count=500, _type="STREAM"):
        if key in known:
            continue
        known.add(key)
        target = keys.target(key.decode("utf-8", "replace"))
        if target is None:
            done.foreign += 1
        else:
            yield key, target


def _trim(client: redis.Redis, key: bytes, *, cutoff: int) -> int:
    """Whole nodes while there are any; to the entry once nothing new came within the age."""
    if cutoff <= 0:
        return 0
    removed = 0
    for _ in range(ROUNDS):
        count = int(client.xtrim(key, minid=cutoff, approximate=True))
        removed += count
        if not count:
            break
    newest: Any = client.xrevrange(key, count=1)
    if newest and EntryId.parse(newest[0][0]).ms < cutoff:
        removed += int(client.xtrim(key, minid=cutoff, approximate=False))
    return removed


def _look(client: redis.Redis, key: bytes, target: Target) -> _Seen:
    info: Any = client.xinfo_stream(key)
    groups: Any = client.xinfo_groups(key)
    return _Seen(
        key,
        target,
        length=int(info["length"]),
        last=EntryId.parse(info["last-generated-id"]),
        groups=tuple(group["name"] for group in groups),
    )


def _leave_behind(
    client: redis.Redis,
    one: _Seen,
    *,
    living: Collection[bytes],
    busy: Collection[Target],
    now: int,
    done: Tidied,
) -> None:
    """Remove the groups of dead hubs, then the key if it is long empty and nobody's."""
    if one.last.ms > now + FUTURE_MS:
        done.problems.append(f"{one.target}: its last id {one.last} lies in the future")
    remaining = 0
    for group in one.groups:
        if group.startswith(GROUP_PREFIX.encode()) and group not in living:
            done.groups += int(client.xgroup_destroy(one.key, group))
        elif not group.startswith(NAMES):  # those go with the key
            remaining += 1
    unused = not one.length and not remaining and one.target not in busy
    if unused and one.last.ms + EMPTY_FOR_MS < now:
        done.keys += _delete_if_empty(client, one.key)


def _delete_if_empty(client: redis.Redis, key: bytes) -> int:
    """DEL only what is still empty when it is deleted: a line may come in between."""
    with client.pipeline() as transaction:
        try:
            transaction.watch(key)
            if int(transaction.xlen(key)):
                return 0
            transaction.multi()
            transaction.delete(key)
            return int(transaction.execute()[0])
        except WatchError:
            return 0
