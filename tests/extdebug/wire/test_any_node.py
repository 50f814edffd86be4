"""The channel layer's connections go to whichever node of a cluster can be reached."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from extdebug.wire.any_node import AnyNode, AnyNodeOverTls
from tests.fixtures.certificates import Certificates
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


async def test_over_tls_nothing_of_a_connection_is_left_when_it_is_ended(
    certificates: Certificates, tmp_path: Path
):
    port = free_port()
    options = certificates.server_options(port)
    server = await asyncio.to_thread(RedisServer(tmp_path, options=options).start)
    try:
        one = AnyNodeOverTls(
            nodes=[("127.0.0.1", port)], socket_timeout=2, ssl_ca_certs=str(certificates.ca),
            ssl_certfile=str(certificates.certificate), ssl_keyfile=str(certificates.key),
        )  # fmt: skip
        await one.connect()
        writer = one._writer
        assert writer is not None
        sock = writer.transport.get_extra_info("socket")
        with server.paused():  # it says no goodbye
            await one.disconnect(nowait=True)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert sock.fileno() == -1
    finally:
        server.kill9()
