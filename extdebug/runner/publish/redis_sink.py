"""The one Redis connection a publisher writes through: batches out, one verdict per command back.

At most once: a batch whose fate is unknown is never written again. The numbers in its entries
tell every reader exactly which of them are missing, while a second copy would be shown twice.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from redis.connection import AbstractConnection
from redis.exceptions import (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)

from extdebug.wire import redis_clients
from extdebug.wire.redis_address import RedisAddress, Transport
from extdebug.wire.redis_causes import SlotRefused, cause, of_the_slot
from extdebug.wire.redis_sentinels import ASK_AGAIN, replaced

CONNECT_TIMEOUT: Final = 2.0  # s
# Unacknowledged bytes on a dead network path end the connection after this many milliseconds.
USER_TIMEOUT_MS: Final = 10_000
# Of the time, at most one part in so many is spent on asking Sentinels that do not answer.
SLOW_SHARE: Final = 20

# Answers that may change: the same command can succeed later. redis-py gives some codes a class of
# their own and takes them out of the text.
_PASSING: Final = (
    AskError, AuthenticationError, BusyLoadingError, ClusterDownError, MasterDownError, MovedError,
    NoPermissionError, OutOfMemoryError, ReadOnlyError, SlotRefused, TryAgainError,
)  # fmt: skip
_PASSING_TEXT: Final = ("BUSY ", "MISCONF ", "NOREPLICAS ", "WRONGTYPE ")
# Of these, the ones that another connection may not get: its name, or the Sentinels, then lead to
# another server, or it signs in. A master that has lost its replicas may have been replaced.
_OF_THE_CONNECTION: Final = (
    AskError, AuthenticationError, BusyLoadingError, ClusterDownError, MasterDownError, MovedError,
    ReadOnlyError, SlotRefused,
)  # fmt: skip


class Unreachable(Exception):
    """No connection; nothing of the batch was sent."""


class Uncertain(Exception):
    """The connection ended before all answers came; `results` are those of the first commands."""

    def __init__(self, message: str, *, results: list[Any]) -> None:
        super().__init__(message)
        self.results = results


def passing(error: Exception) -> bool:
    """Whether Redis refused a command for a reason that can go away."""
    return isinstance(error, _PASSING) or str(error).startswith(_PASSING_TEXT)


def needs_another_connection(error: Exception) -> bool:
    """Whether the refusal is this connection's: a demoted master, a login that is missing."""
    return isinstance(error, _OF_THE_CONNECTION) or str(error).startswith("NOREPLICAS ")


class RedisSink:
    """Used by one thread. Connects on demand and never retries by itself.

    On a cluster it is a connection to whichever node owns `bucket`. MOVED, ASK and CLUSTERDOWN are
    refusals that pass: the next connection is made to the owner of then.
    """

    def __init__(self, url: str, *, reply_timeout: float, bucket: int | None = None) -> None:
        self._bucket = bucket
        self._address = RedisAddress.parse(url)
        self._options: dict[str, Any] = {
            "socket_connect_timeout": CONNECT_TIMEOUT,
            "socket_timeout": reply_timeout,
            "driver_info": None,  # the runner's ACL allows no CLIENT SETINFO
        }
        if self._address.transport is not Transport.UNIX:
            self._options["socket_keepalive"] = True
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                self._options["socket_keepalive_options"] = {
                    socket.TCP_USER_TIMEOUT: USER_TIMEOUT_MS
                }
        self._connection: AbstractConnection | None = None
        self._ask_at = 0.0  # when the Sentinels are asked whether the master is another

    @property
    def connected(self) -> bool:
        return self._connection is not None

    def connect(self) -> bool:
        """Make sure of a connection; whether it is a new one.

        Unreachable unless Redis answers; its message is fit for a log (no password).
        """
        if self._connection is not None:
            if not self._stale(self._connection) and not self._replaced(self._connection):
                return False
            self.close()
        connection: AbstractConnection | None = None
        try:
            connection = redis_clients.connection(
                self._address, bucket=self._bucket, **self._options
            )
            connection.connect()
        except (RedisError, OSError) as error:
            if connection is not None:
                _drop(connection)
            raise Unreachable(cause(error)) from error
        self._connection = connection
        self._ask_at = time.monotonic() + ASK_AGAIN
        return True

    @staticmethod
    def _stale(connection: AbstractConnection) -> bool:
        """Whether the server closed it while nothing was asked: then nothing is in doubt."""
        try:
            return bool(connection.can_read(timeout=0))
        except (RedisError, OSError):
            return True

    def _replaced(self, connection: AbstractConnection) -> bool:
        """Whether the Sentinels name another master by now, where they know it. Nothing of ours is
        under way. Some that do not answer hold it up for seconds: then they are asked seldom."""
        now = time.monotonic()
        if not self._address.sentinels or now < self._ask_at:
            return False
        place = (getattr(connection, "host", ""), getattr(connection, "port", 0))
        found = replaced(self._address, place)
        took = time.monotonic() - now
        self._ask_at = now + max(ASK_AGAIN, SLOW_SHARE * took)
        return found

    def probe(self, key: str) -> None:
        """One harmless question; Unreachable when the server turns this connection away.

        A full server (`maxclients`), one that loads its data and one that wants a login say so
        here, before anything is sent that could get lost. After the answer the server has nothing
        older of ours left to read on this connection.
        """
        connection = self._require()
        try:
            connection.send_command("XLEN", key)
            connection.read_response(disconnect_on_error=False)
        except ResponseError:
            return
        except (RedisError, OSError) as error:
            self.close()
            raise Unreachable(cause(error)) from error

    def write(self, commands: Sequence[bytes]) -> list[Any]:
        """Send packed commands in one go; their results in order, refusals among them.

        Uncertain when the connection ended first: the results that came are in the exception.
        """
        connection = self._require()
        results: list[Any] = []
        try:
            connection.send_packed_command([b"".join(commands)])
            for _ in commands:
                try:
                    # Left open on an error answer: LOADING and NOAUTH, which the library takes for
                    # failures of the connection, are one command's answer, and others follow.
                    answer = connection.read_response(
                        disable_decoding=True, disconnect_on_error=False
                    )
                except (ResponseError, BusyLoadingError, AuthenticationError) as error:
                    slot = of_the_slot(error) if self._bucket is not None else None
                    answer = slot or error
                results.append(answer)
        except (RedisError, OSError) as error:
            self.close()
            raise Uncertain(cause(error), results=results) from error
        return results

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            _drop(connection)

    def _require(self) -> AbstractConnection:
        if self._connection is None:
            raise Unreachable("not connected")
        return self._connection


def _drop(connection: AbstractConnection) -> None:
    with suppress(RedisError, OSError):
        connection.disconnect()
