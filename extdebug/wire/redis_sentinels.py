"""Asks Sentinels who is master of a service, from threads and from event loops.

Whoever connects takes the first answer, in random order: a Sentinel that is cut off from the others
would else be believed for ever. Whoever is connected asks all of them from time to time, and goes
when most name another: a master that was frozen or cut off still answers when it has been replaced.

redis-py's own `Sentinel` does not say why none could be asked, and needs a socket timeout, which on
Python 3.11 swallows a cancellation; only the channel layer uses it (config/channel_layer.py).
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import redis.asyncio.connection as for_loops
import redis.connection as for_threads
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from extdebug.wire.redis_address import RedisAddress, Transport
from extdebug.wire.redis_causes import NoMaster, cause

SENTINEL_SECONDS: Final = 1.0  # for one Sentinel: connecting to it and its answer
ASK_AGAIN: Final = 2.0  # seconds until who is connected asks whether the master is another
_QUESTION: Final = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME")

Place = tuple[str, int]  # host and port

# Callers know what may be repeated: the library repeats nothing. RESP2, as replies are read here.
_PLAIN: Final[dict[str, Any]] = {"protocol": 2, "health_check_interval": 0}
FOR_THREADS: Final[Mapping[Transport, Callable[..., for_threads.AbstractConnection]]] = {
    Transport.TCP: for_threads.Connection,
    Transport.TLS: for_threads.SSLConnection,
    Transport.UNIX: for_threads.UnixDomainSocketConnection,
}
_FOR_LOOPS: Final[Mapping[Transport, Callable[..., for_loops.AbstractConnection]]] = {
    Transport.TCP: for_loops.Connection,
    Transport.TLS: for_loops.SSLConnection,
    Transport.UNIX: for_loops.UnixDomainSocketConnection,
}


def bare(transport: Transport, **options: Any) -> for_threads.AbstractConnection:
    """A connection for a thread that retries nothing, not yet connected."""
    return FOR_THREADS[transport](**{**_PLAIN, "retry": Retry(NoBackoff(), 0), **options})


def bare_in_loop(transport: Transport, **options: Any) -> for_loops.AbstractConnection:
    """`bare` for an event loop."""
    return _FOR_LOOPS[transport](**{**_PLAIN, "retry": AsyncRetry(NoBackoff(), 0), **options})


async def drop(connection: for_loops.AbstractConnection) -> None:
    """End it at once: over TLS it would wait for the server's goodbye, and outlive its loop."""
    writer = connection._writer  # noqa: SLF001 - the library can close it, not end it
    if writer is not None:
        writer.transport.abort()
    with suppress(RedisError, OSError):
        await connection.disconnect(nowait=True)


def master(address: RedisAddress) -> Place:
    """Who is master, by the first Sentinel that says so. NoMaster."""
    whys: list[Exception | None] = []  # of each Sentinel: why it could not be asked
    for options in _shuffled(address):
        try:
            if place := _ask(address, options):
                return place
            whys.append(None)
        except (RedisError, OSError) as error:
            whys.append(error)
    raise _no_master(address, whys)


async def master_in_loop(address: RedisAddress) -> Place:
    """`master` for an event loop."""
    whys: list[Exception | None] = []
    for options in _shuffled(address):
        try:
            if place := await _ask_in_loop(address, options):
                return place
            whys.append(None)
        except (RedisError, OSError, TimeoutError) as error:
            whys.append(error)
    raise _no_master(address, whys)


def replaced(address: RedisAddress, place: Place) -> bool:
    """Whether most of the Sentinels name another master. Those that do not answer count as no."""

    def named() -> Iterable[Place | None]:
        for options in _shuffled(address):
            with suppress(RedisError, OSError):
                yield _ask(address, options)

    return _most_name_another(address, place, named())


async def replaced_in_loop(address: RedisAddress, place: Place) -> bool:
    """`replaced` for an event loop; all are asked at once."""
    asked = (_ask_in_loop(address, options) for options in _shuffled(address))
    found = await asyncio.gather(*asked, return_exceptions=True)
    named = (each for each in found if not isinstance(each, BaseException))
    return _most_name_another(address, place, named)


def _most_name_another(address: RedisAddress, place: Place, named: Iterable[Place | None]) -> bool:
    votes = Counter(each for each in named if each is not None)
    return any(
        each != place and count * 2 > len(address.sentinels) for each, count in votes.items()
    )


def _ask(address: RedisAddress, options: Mapping[str, Any]) -> Place | None:
    sentinel = bare(
        address.transport, socket_connect_timeout=SENTINEL_SECONDS,
        socket_timeout=SENTINEL_SECONDS, **options,
    )  # fmt: skip
    try:
        sentinel.connect()
        sentinel.send_command(*_QUESTION, address.service)
        return _place(sentinel.read_response())
    finally:
        with suppress(RedisError, OSError):
            sentinel.disconnect()


async def _ask_in_loop(address: RedisAddress, options: Mapping[str, Any]) -> Place | None:
    sentinel = bare_in_loop(
        address.transport, socket_connect_timeout=SENTINEL_SECONDS, socket_timeout=None, **options
    )
    try:
        async with asyncio.timeout(SENTINEL_SECONDS):
            await sentinel.connect()
            await sentinel.send_command(*_QUESTION, address.service)
            return _place(await sentinel.read_response())
    finally:
        await drop(sentinel)


def _shuffled(address: RedisAddress) -> list[dict[str, Any]]:
    """How to connect to each Sentinel."""
    shuffled = random.sample(address.sentinels, len(address.sentinels))
    return [{**address.sentinel_options, "host": host, "port": port} for host, port in shuffled]


def _place(answer: Any) -> Place | None:
    if not answer:
        return None
    host, port = answer
    return host.decode() if isinstance(host, bytes) else str(host), int(port)


def _no_master(address: RedisAddress, whys: Sequence[Exception | None]) -> NoMaster:
    why = None if None in whys else whys[0]
    if why is None:
        return NoMaster(
            f"its Sentinels know no master {address.service!r}: compare the address, which ends "
            "with /SERVICE, with `sentinel monitor SERVICE ...`"
        )
    return NoMaster(f"none of its Sentinels could be asked: {cause(why)}")
