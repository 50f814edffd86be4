"""One connection to Redis: time limits, no retries of its own, errors that mean it is lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any, Final

from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError

CONNECT_TIMEOUT: Final = 1.0  # seconds
# One second more than the longest BLOCK, and room for a busy server.
REPLY_TIMEOUT: Final = 3.0
LOST: Final = (RedisConnectionError, OSError, TimeoutError, asyncio.TimeoutError)


class Link:
    """One Redis connection with raw replies, used by one task at a time.

    Any failure, a cancellation among them, closes the connection: a late reply must never be
    taken for the answer to the next question. The next call connects again. No retries here:
    the callers know what may be repeated.
    """

    def __init__(self, url: str, *, timeout: float = REPLY_TIMEOUT) -> None:
        self._kwargs: dict[str, Any] = dict(parse_url(url))
        self._class: type[AbstractConnection] = self._kwargs.pop("connection_class", Connection)
        self._timeout = timeout
        self._connection: AbstractConnection | None = None
        self._lock = asyncio.Lock()

    @property
    def connected(self) -> bool:
        return self._connection is not None

    async def connect(self) -> None:
        if self._connection is not None:
            return
        connection = self._class(
            **{
                "socket_connect_timeout": CONNECT_TIMEOUT,
                # Ours below: redis-py's own timeout swallows a cancellation on Python 3.11.
                "socket_timeout": None,
                "protocol": 2,
                "retry": Retry(NoBackoff(), 0),
                "health_check_interval": 0,
                **self._kwargs,
            }
        )
        try:
            await asyncio.wait_for(connection.connect(), CONNECT_TIMEOUT * 2)
        except BaseException:
            await _drop(connection)
            raise
        self._connection = connection

    async def call(self, *command: str | bytes | int, timeout: float | None = None) -> Any:
        """One command's raw reply; ResponseError as Redis gave it, LOST when the link is gone."""
        replies = await self._exchange([command], 1, timeout)
        if isinstance(replies[0], Exception):
            raise replies[0]
        return replies[0]

    async def atomic(self, *commands: tuple[str | bytes | int, ...]) -> list[Any]:
        """MULTI ... EXEC in one write. Errors of single commands are elements of the list."""
        batch: list[tuple[str | bytes | int, ...]] = [("MULTI",), *commands, ("EXEC",)]
        replies = await self._exchange(batch, len(batch), None)
        result = replies[-1]
        if isinstance(result, Exception):
            # EXECABORT hides the cause, which the queued command's own reply names.
            raise next((r for r in replies if isinstance(r, Exception)), result)
        return list(result)

    async def together(self, *commands: tuple[str | bytes | int, ...]) -> list[Any]:
        """Reads as of one moment. A server that is out of memory queues no transaction: there they
        come one after the other, which keeps every count exact and only the places less so."""
        try:
            return await self.atomic(*commands)
        except OutOfMemoryError:
            return await self.batch(commands)

    async def batch(self, commands: Iterable[tuple[str | bytes | int, ...]]) -> list[Any]:
        """Pipelined commands; errors are elements of the list."""
        batch = list(commands)
        return await self._exchange(batch, len(batch), None) if batch else []

    async def _exchange(
        self, commands: list[tuple[str | bytes | int, ...]], count: int, timeout: float | None
    ) -> list[Any]:
        async with self._lock:
            await self.connect()
            connection = self._connection
            if connection is None:  # pragma: no cover - connect() raises instead
                raise RedisConnectionError("no connection")
            try:
                replies: list[Any] = []
                async with asyncio.timeout(timeout or self._timeout):
                    await connection.send_packed_command(connection.pack_commands(commands))
                    for _ in range(count):
                        try:
                            replies.append(await connection.read_response(disable_decoding=True))
                        except ResponseError as error:
                            replies.append(error)
                return replies
            except BaseException as error:
                self._connection = None
                await _drop(connection)
                if isinstance(error, RuntimeError):  # uvloop's word for a transport that is closed
                    raise RedisConnectionError(str(error)) from error
                raise

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await _drop(connection)


async def _drop(connection: AbstractConnection) -> None:
    with contextlib.suppress(RedisError, OSError):
        await connection.disconnect(nowait=True)
