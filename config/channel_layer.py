"""The channel layer's settings for an address of Redis. Control messages only, never data.

A cluster hands what is published on any of its nodes to all of them: there each connection of the
layer is made to a node that lives, whichever that is.
"""

from __future__ import annotations

from typing import Any, Final

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from extdebug.wire.any_node import AnyNode, AnyNodeOverTls
from extdebug.wire.redis_address import RedisAddress, Transport

# redis-py's default socket_timeout of 5 s kills an idle receiver about every 5 s; the pub/sub layer
# with 15 s survived restarts.
LIMITS: Final = {"socket_timeout": 15, "socket_connect_timeout": 2}
# redis-py asks each Sentinel ten times and waits in between, each time that it connects: a console
# whose Sentinels are gone took 13 s to end, now 0.6 s.
SENTINEL_LIMITS: Final = {"socket_timeout": 1, "socket_connect_timeout": 1}


def channel_layer(url: str, *, prefix: str) -> dict[str, Any]:
    """The layer in this process alone without a Redis, else the pub/sub layer."""
    if not url:
        return {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    return {
        "BACKEND": "config.patient_layer.PatientLayer",
        "CONFIG": {"hosts": [_host(url)], "prefix": prefix},
    }


def _host(url: str) -> dict[str, Any]:
    """What channels_redis calls a host: an address, or Sentinels and the service they know."""
    address = RedisAddress.parse(url)
    if address.nodes:
        any_node = AnyNodeOverTls if address.transport is Transport.TLS else AnyNode
        return {
            "connection_class": any_node, "nodes": address.nodes, "retry": Retry(NoBackoff(), 1),
            **LIMITS, **address.options,
        }  # fmt: skip
    if not address.sentinels:
        return {"address": url, **LIMITS}
    tls = {"ssl": True} if address.transport is Transport.TLS else {}
    return {
        "sentinels": list(address.sentinels),
        "master_name": address.service,
        "sentinel_kwargs": {
            **SENTINEL_LIMITS, "retry": Retry(NoBackoff(), 0), **tls, **address.sentinel_options
        },
        "retry": Retry(NoBackoff(), 1),
        **LIMITS, **tls, **address.options,
    }  # fmt: skip
