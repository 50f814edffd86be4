"""The channel layer's connections go to whichever node of a cluster can be reached."""

from __future__ import annotations

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from extdebug.wire.any_node import AnyNode
from tests.fixtures.programs import free_port
from tests.fixtures.redis import RedisServer

pytestmark = pytest.mark.redis


async def test_a_node_that_is_gone_is_passed_over(redis_server: RedisServer):
    living = ("127.0.0.1", redis_server.port)
    nodes = [("127.0.0.1", free_port()) for _ in range(3)] + [living]
    for _ in range(8):
        one = AnyNode(nodes=nodes, socket_timeout=2)
        await one.connect()
        assert (one.host, one.port) == living
        await one.send_command("PING")
        assert await one.read_response() in (b"PONG", "PONG")
        await one.disconnect()


async def test_without_one_that_lives_the_reason_is_said():
    one = AnyNode(nodes=[("127.0.0.1", free_port())], socket_timeout=2)
    with pytest.raises(RedisConnectionError):
        await one.connect()
