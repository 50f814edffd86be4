"""The channel layer of channels_redis, whose receiver waits for its next message.

It asks its connection for one ten times a second, which is a tenth of what the console does while
nothing happens. A message comes as soon either way: to ask again only begins another wait.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, Final

from channels_redis.pubsub import RedisPubSubChannelLayer, RedisSingleShardConnection

WAIT: Final = 5.0  # seconds; below `socket_timeout`, after which the receiver would end


class PatientShard(RedisSingleShardConnection):
    """One server's connection."""

    def _ensure_redis(self) -> None:
        known = self._pubsub
        super()._ensure_redis()
        if self._pubsub is not known:
            self._pubsub.get_message = partial(_get_message, self._pubsub.get_message)


class PatientLayer(RedisPubSubChannelLayer):
    """As its base, with such connections in each event loop."""

    def _get_layer(self) -> Any:
        begun = asyncio.get_running_loop() in self._layers
        layer = super()._get_layer()
        if not begun:
            shards = layer._shards  # noqa: SLF001 - the library offers no other way in
            shards[:] = [PatientShard(shard.host, layer) for shard in shards]
        return layer


async def _get_message(get: Any, *, ignore_subscribe_messages: bool, timeout: float) -> Any:
    return await get(ignore_subscribe_messages=ignore_subscribe_messages, timeout=WAIT)
