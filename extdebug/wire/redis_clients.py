"""Makes every connection to Redis from its address, for threads and for event loops.

Where Sentinels know the master, they are asked anew for each connection; where the address is that
of a cluster, its nodes are asked who owns the slot of a bucket. To callers each bucket is a server
of its own.
"""

from __future__ import annotations

from typing import Any

from redis import Redis
from redis.asyncio.connection import AbstractConnection as LoopConnection
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection, ConnectionPool
from redis.retry import Retry

from extdebug.wire.keys import Keys, slot_of
from extdebug.wire.redis_address import RedisAddress
from extdebug.wire.redis_cluster import masters, owner, owner_in_loop
from extdebug.wire.redis_sentinels import (
    FOR_THREADS,
    Place,
    bare,
    bare_in_loop,
    master,
    master_in_loop,
)


def keys(url: str, *, prefix: str) -> Keys:
    """How keys are made on the Redis of this address."""
    return Keys(prefix, bucketed=bool(url) and bool(RedisAddress.parse(url).nodes))


def client(url: str, *, seconds: float, bucket: int | None = None) -> Redis:
    """A client of the server that is master now, for a few commands. Retries nothing.

    `seconds` bound the connecting and each command. NoMaster, a RedisError, from Sentinels and the
    nodes of a cluster alone. On a cluster the keys of one `bucket` may be named; of any key nothing
    without it.
    """
    address = RedisAddress.parse(url)
    if address.nodes and bucket is None:
        return _client(address, masters(address)[0], seconds=seconds)
    return _client(address, _master(address, bucket), seconds=seconds)


def clients(url: str, *, seconds: float) -> list[Redis]:
    """`client` for each server that holds streams: all masters of a cluster, else the one."""
    address = RedisAddress.parse(url)
    if not address.nodes:
        return [client(url, seconds=seconds)]
    return [_client(address, place, seconds=seconds) for place in masters(address)]


def _client(address: RedisAddress, place: Place | None, *, seconds: float) -> Redis:
    pool = ConnectionPool(
        connection_class=FOR_THREADS[address.transport],
        **{
            "socket_timeout": seconds, "socket_connect_timeout": seconds,
            "retry": Retry(NoBackoff(), 0), **address.options,
            **_at(place),
        },
    )  # fmt: skip
    return Redis.from_pool(pool)


def connection(
    address: RedisAddress, *, bucket: int | None = None, **defaults: Any
) -> AbstractConnection:
    """A connection, not yet connected; options of the address stand over `defaults`. NoMaster."""
    place = _master(address, bucket)
    return bare(address.transport, **{**defaults, **address.options, **_at(place)})


async def loop_connection(
    address: RedisAddress, *, bucket: int | None = None, place: Place | None = None, **defaults: Any
) -> LoopConnection:
    """`connection` for an event loop. The caller bounds how long it takes to connect.

    `place`: where a node of the cluster said that the bucket is; nobody else is asked then.
    """
    if address.sentinels:
        place = await master_in_loop(address)
    elif address.nodes and place is None:
        place = await owner_in_loop(address, _slot(bucket))
    return bare_in_loop(address.transport, **{**defaults, **address.options, **_at(place)})


def _master(address: RedisAddress, bucket: int | None) -> Place | None:
    """Where to connect to; None where the address says it."""
    if address.nodes:
        return owner(address, _slot(bucket))
    return master(address) if address.sentinels else None


def _slot(bucket: int | None) -> int:
    if bucket is None:
        raise ValueError("a connection to a cluster is one for a bucket")
    return slot_of(bucket)


def _at(place: Place | None) -> dict[str, Any]:
    return {} if place is None else {"host": place[0], "port": place[1]}
