"""Ends a read that blocks on another connection, without harm to the server.

While `CLIENT PAUSE ... WRITE` is in force, as in each failover on command, a read by group is held
back like a write. `CLIENT UNBLOCK` of a client that is held back ends the server: Redis 7.0 panics,
newer ones refuse (redis/redis#14164). So a write goes before it on the same connection, which is
held back with all that follows it. It changes nothing: it destroys a group that there never is.
"""

from __future__ import annotations

from typing import Final

from redis.exceptions import ResponseError

from extdebug.streams.connection import Link

NO_GROUP: Final = "ext-debug-none"


async def unblock(control: Link, client_id: bytes, *, key: bytes) -> None:
    """Let the blocking read of this client end now, as its time would; `key` is one that we may
    write on its server. It does nothing when it arrives just before the read blocks.

    ResponseError when the server refuses, LOST as from every call.
    """
    held_back = ("XGROUP", "DESTROY", key, NO_GROUP)
    *_, answer = await control.batch([held_back, ("CLIENT", "UNBLOCK", client_id, "TIMEOUT")])
    if isinstance(answer, ResponseError):
        raise answer
