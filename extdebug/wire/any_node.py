"""A connection to any node of a cluster that can be reached: for messages, which all hand on."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from redis.asyncio.connection import Connection, SSLConnection
from redis.exceptions import RedisError

from extdebug.wire.redis_sentinels import Place


class AnyNode(Connection):
    """Tries the `nodes` in random order, each time that it connects."""

    def __init__(self, *, nodes: Sequence[Place], **options: Any) -> None:
        super().__init__(**options)
        self._nodes = nodes

    async def _connect(self) -> None:
        failed: Exception | None = None
        for place in random.sample(self._nodes, len(self._nodes)):
            self.host, self.port = place
            try:
                await super()._connect()  # type: ignore[no-untyped-call]
            except (RedisError, OSError, TimeoutError) as error:
                failed = error
            else:
                return
        if failed is not None:
            raise failed


class AnyNodeOverTls(SSLConnection, AnyNode):
    """The same over TLS, ended at once: a connection that waits for the server's goodbye, as the
    library leaves one whose reader was cancelled, outlives its event loop and its socket."""

    async def disconnect(self, *how: Any, **why: Any) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
        await super().disconnect(*how, **why)
