"""One connection to Redis: time limits, no retries of its own, errors that mean it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ResponseError

from extdebug.wire.deadlines import Deadline
from extdebug.wire.keys import slot_of
from extdebug.wire.redis_address import RedisAddress
from extdebug.wire.redis_clients import loop_connection
from extdebug.wire.redis_cluster import (
    MYID,
    NODE_SECONDS,
    SLOTS,
    away,
    heir,
    on_its_way_to,
    read_slots,
)
from extdebug.wire.redis_sentinels import SENTINEL_SECONDS, Place, drop

CONNECT_TIMEOUT: Final = 1.0  # seconds
# One second more than the longest BLOCK, and room for a busy server.
REPLY_TIMEOUT: Final = 3.0
LOST: Final = (RedisConnectionError, OSError, TimeoutError, asyncio.TimeoutError)

Command = tuple[str | bytes | int, ...]
Make = Callable[..., Awaitable[AbstractConnection]]


def pack(command: Command) -> bytes:
    """A command as Redis reads it. In C: redis-py's own packing is 27 us a command, this is 1."""
    args: Any = command  # hiredis' stub knows no variadic tuple
    packed: bytes = hiredis.pack_command(args)
    return packed


_MULTI: Final = pack(("MULTI",))
_EXEC: Final = pack(("EXEC",))
_DECODED: Final = False  # what hiredis gives us: bytes


class Link:
    """One Redis connection with raw replies, used by one task at a time.

    Any failure, a cancellation among them, closes the connection: a late reply must never be
    taken for the answer to the next question. The next call connects again. No retries here:
    the callers know what may be repeated.

    On a cluster it is a connection to whichever node owns the slot of `bucket`. Where another does,
    the call ends it with SlotAway, which is LOST; the next call connects to that one. ASK and
    TRYAGAIN, while a slot is on its way to another node, are answers to one command.
    """

    def __init__(
        self, url: str, *, bucket: int | None = None, timeout: float = REPLY_TIMEOUT,
        make: Make = loop_connection,
    ) -> None:  # fmt: skip
        self._address = RedisAddress.parse(url)
        self._bucket = bucket
        self._sent_to: Place | None = None  # where a node of the cluster said that the bucket is
        self._on_its_way_to: Place | None = None
        self._make = make
        self._timeout = timeout
        self._connection: AbstractConnection | None = None
        self._leaves = False
        self._lock = asyncio.Lock()

    @property
    def connected(self) -> bool:
        return self._connection is not None

    @property
    def place(self) -> Place | None:
        """Host and port that it is connected to, where these are known."""
        host, port = (getattr(self._connection, name, None) for name in ("host", "port"))
        return (str(host), int(port)) if host and port else None

    def leave(self) -> None:
        """Its server has been replaced: the next question finds the connection LOST."""
        self._leaves = self._connection is not None

    async def node_id(self) -> str:
        """The server's id in its cluster; empty where it is in none."""
        return (await self.call(*MYID)).decode() if self._address.nodes else ""

    async def follow(self, other: Link) -> None:
        """On a cluster: be connected to the same node."""
        if self._address.nodes and self.place != other.place:
            self._sent_to = other.place
            if self._lock.locked():
                self.leave()
            else:
                await self.close()

    async def connect(self) -> None:
        if self._connection is not None:
            return
        connection: AbstractConnection | None = None
        where: dict[str, Any] = {}
        if self._address.nodes:
            self._on_its_way_to = None
            where, self._sent_to = {"bucket": self._bucket, "place": self._sent_to}, None
        try:
            # Not wait_for: on Python 3.11 it swallows a cancellation that comes as it connects.
            async with asyncio.timeout(
                CONNECT_TIMEOUT * 2 + SENTINEL_SECONDS * len(self._address.sentinels)
                + NODE_SECONDS * bool(self._address.nodes)
            ):  # fmt: skip
                connection = await self._make(
                    self._address,
                    **where,
                    socket_connect_timeout=CONNECT_TIMEOUT,
                    # Ours below: redis-py's own timeout swallows a cancellation on Python 3.11.
                    socket_timeout=None,
                )
                await connection.connect()
        except BaseException:
            if connection is not None:
                await drop(connection)
            raise
        self._connection, self._leaves = connection, False

    async def call(self, *command: str | bytes | int, timeout: float | None = None) -> Any:
        """One command's raw reply; ResponseError as Redis gave it, LOST when the link is gone."""
        return await self.ask(pack(command), timeout=timeout)

    async def ask(self, packed: bytes, *, timeout: float | None = None) -> Any:
        """`call` for a command that was packed once, to be sent often."""
        replies = await self._exchange(packed, 1, timeout)
        if isinstance(replies[0], Exception):
            raise replies[0]
        return replies[0]

    async def atomic(self, *commands: Command) -> list[Any]:
        """MULTI ... EXEC in one write. Errors of single commands are elements of the list."""
        packed = b"".join([_MULTI, *map(pack, commands), _EXEC])
        replies = await self._exchange(packed, len(commands) + 2, None)
        result = replies[-1]
        if isinstance(result, Exception):
            # EXECABORT hides the cause, which the queued command's own reply names.
            raise next((r for r in replies if isinstance(r, Exception)), result)
        return list(result)

    async def together(self, *commands: Command) -> list[Any]:
        """Reads as of one moment. A server that is out of memory queues no transaction: there they
        come one after the other, which keeps every count exact and only the places less so."""
        try:
            return await self.atomic(*commands)
        except OutOfMemoryError:
            return await self.batch(commands)

    async def batch(self, commands: Iterable[Command]) -> list[Any]:
        """Pipelined commands; errors are elements of the list."""
        return await self.ask_each([pack(command) for command in commands])

    async def ask_each(self, packed: Sequence[bytes]) -> list[Any]:
        """`batch` for commands that were packed once, to be sent often."""
        return await self._exchange(b"".join(packed), len(packed), None) if packed else []

    async def _exchange(self, packed: bytes, count: int, timeout: float | None) -> list[Any]:
        async with self._lock:
            if self._leaves:
                await self.close()
                raise RedisConnectionError("another server is master now")
            await self.connect()
            connection = self._connection
            if connection is None:  # pragma: no cover - connect() raises instead
                raise RedisConnectionError("no connection")
            try:
                async with asyncio.timeout(None) as patience:
                    with Deadline(patience, timeout or self._timeout):
                        await connection.send_packed_command(packed)
                        replies = [await _reply(connection)]
                        while len(replies) < count:
                            came = _came_too(connection, count - len(replies))
                            replies += came or [await _reply(connection)]
                        if self._address.nodes:
                            await self._look_for_redirections(connection, replies)
                return replies
            except BaseException as error:
                self._connection = None
                await drop(connection)
                if isinstance(error, RuntimeError):  # uvloop's word for a transport that is closed
                    raise RedisConnectionError(str(error)) from error
                raise

    async def _look_for_redirections(
        self, connection: AbstractConnection, replies: Sequence[Any]
    ) -> None:
        """SlotAway where the node does not serve the slot; with the node to which it gave the slot
        by itself, which it says now, or nobody can. Not with one that took the place of the node to
        which the slot was on its way: what that one had taken may be lost."""
        self._on_its_way_to = on_its_way_to(replies) or self._on_its_way_to
        gone = away(replies)
        if gone is None:
            return
        if gone.place is None or self._bucket is None:
            raise gone
        here = self.place or ("", 0)
        self._sent_to = (gone.place[0] or here[0], gone.place[1])
        if self._on_its_way_to not in (None, gone.place):
            raise gone
        await connection.send_packed_command(b"".join(map(pack, (MYID, SLOTS))))
        try:
            myself = await connection.read_response(disable_decoding=True)
            owned = read_slots(await connection.read_response(disable_decoding=True), asked=here)
        except ResponseError:  # its ACL does not let us ask
            raise gone from None
        gone.heir = heir(slot_of(self._bucket), owned, myself=myself.decode())
        raise gone

    async def close(self) -> None:
        connection, self._connection, self._leaves = self._connection, None, False
        if connection is not None:
            await drop(connection)


async def _reply(connection: AbstractConnection) -> Any:
    """The next reply; an error that Redis gave is one."""
    try:
        return await connection.read_response(disable_decoding=True)
    except ResponseError as error:
        return error


def _came_too(connection: AbstractConnection, most: int) -> list[Any]:
    """Further replies that came with the last one, at the most so many: from the parser itself,
    which redis-py would wrap in five calls for each. None where it keeps its parser elsewhere."""
    reader = getattr(getattr(connection, "_parser", None), "_reader", None)
    replies: list[Any] = []
    while reader is not None and len(replies) < most:
        reply = reader.gets(_DECODED)
        if reply is False or type(reply) is object:  # what stands for "not all of it is here"
            break
        first = reply[0] if type(reply) is list and reply else reply
        if isinstance(first, RedisConnectionError):  # LOADING, for one
            raise first
        replies.append(reply)
    return replies
