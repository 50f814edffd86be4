"""Makes every connection to Redis from its address, for threads and for event loops.

Where Sentinels know the master, they are asked anew for each connection.
"""

from __future__ import annotations

from typing import Any

from redis import Redis
from redis.asyncio.connection import AbstractConnection as LoopConnection
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection, ConnectionPool
from redis.retry import Retry

from extdebug.wire.redis_address import RedisAddress
from extdebug.wire.redis_sentinels import (
    FOR_THREADS,
    Place,
    bare,
    bare_in_loop,
    master,
    master_in_loop,
)


def client(url: str, *, seconds: float) -> Redis:
    """A client of the server that is master now, for a few commands. Retries nothing.

    `seconds` bound the connecting and each command. NoMaster, a RedisError, from Sentinels alone.
    """
    address = RedisAddress.parse(url)
    pool = ConnectionPool(
        connection_class=FOR_THREADS[address.transport],
        **{
            "socket_timeout": seconds, "socket_connect_timeout": seconds,
            "retry": Retry(NoBackoff(), 0), **address.options,
            **_at(master(address) if address.sentinels else None),
        },
    )  # fmt: skip
    return Redis.from_pool(pool)


def connection(address: RedisAddress, **defaults: Any) -> AbstractConnection:
    """A connection, not yet connected; options of the address stand over `defaults`. NoMaster."""
    place = master(address) if address.sentinels else None
    return bare(address.transport, **{**defaults, **address.options, **_at(place)})


async def loop_connection(address: RedisAddress, **defaults: Any) -> LoopConnection:
    """`connection` for an event loop. The caller bounds how long it takes to connect."""
    place = await master_in_loop(address) if address.sentinels else None
    return bare_in_loop(address.transport, **{**defaults, **address.options, **_at(place)})


def _at(place: Place | None) -> dict[str, Any]:
    return {} if place is None else {"host": place[0], "port": place[1]}
