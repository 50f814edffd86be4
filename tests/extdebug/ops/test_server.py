"""Our listener and uvicorn's settings keep what the live tail relies on."""

import socket
from collections.abc import Callable

import pytest

from extdebug.ops import server
from extdebug.protocol import client_frames
from tests.fixtures.console import Console


def test_accepted_connections_inherit_the_listeners_options():
    with (
        server.listen("127.0.0.1", port=0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        timeout = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        buffer = accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    assert timeout == server.USER_TIMEOUT_MS
    assert buffer <= 2 * server.SEND_BUFFER  # the kernel doubles what it is asked for


def test_a_taken_port_is_named():
    with server.listen("127.0.0.1", port=0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(server.PortTaken, match=f"port {port}: Address already in use"):
            server.listen("127.0.0.1", port=port)


def test_processes_may_share_a_port_when_told_to():
    with server.listen("127.0.0.1", port=0, reuse_port=True) as first:
        port = first.getsockname()[1]
        server.listen("127.0.0.1", port=port, reuse_port=True).close()


def test_a_socket_that_does_not_accept_gets_no_connections_beside_one_that_does():
    with server.listen("127.0.0.1", port=0, reuse_port=True, accepting=False) as kept:
        port = kept.getsockname()[1]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        with server.listen("127.0.0.1", port=port, reuse_port=True):
            for _ in range(8):
                socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_websockets_are_bounded_and_uncompressed():
    config = server.config(trusted_proxies=[])
    assert config.ws_per_message_deflate is False
    assert client_frames.MAX_FRAME_BYTES <= config.ws_max_size <= 65_536
    assert config.timeout_graceful_shutdown == server.GRACEFUL_SECONDS
    assert config.access_log is False
    assert config.proxy_headers is False


def test_only_named_proxies_are_believed():
    config = server.config(trusted_proxies=["10.0.0.7"])
    assert config.proxy_headers is True
    assert config.forwarded_allow_ips == ["10.0.0.7"]


def test_the_log_names_no_urls(live_console: Callable[..., Console]):
    import httpx

    console = live_console()
    httpx.get(f"{console.url}/login/?next=/secret-place/")
    assert "secret-place" not in console.log
