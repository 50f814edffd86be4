"""Silent sockets and heads without end do not hold a connection or the memory."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from extdebug.ops import http_limits, server
from tests.fixtures.console import Console


@contextlib.contextmanager
def raw(console: Console, text: bytes) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", console.port), timeout=20) as sock:
        sock.sendall(text)
        yield sock


def test_a_head_that_never_ends_is_not_kept(live_console: Callable[..., Console]) -> None:
    console = live_console()
    sent = 0
    start = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    with raw(console, start) as sock, contextlib.suppress(OSError):
        while sent < 64 * http_limits.MAX_HEAD:
            sock.sendall(b"X-Filler: " + b"x" * 4000 + b"\r\n")
            sent += 4012
            time.sleep(0.0005)
    assert sent < 64 * http_limits.MAX_HEAD, "the server went on reading"


class Impatient(http_limits.BoundedHttpProtocol):
    head_seconds = body_seconds = 0.3


def test_a_head_or_body_that_never_comes_is_given_up() -> None:
    """The socket ends, whatever was or was not said."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with server.listen("127.0.0.1", port=0) as listener:
        port = listener.getsockname()[1]
        one = uvicorn.Server(
            uvicorn.Config(application, http=Impatient, lifespan="off", log_config=None)
        )
        thread = threading.Thread(target=one.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            whole = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
            for said in (
                b"",
                b"GET / HTTP/1.1\r\nHost:",
                b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
                whole + b"GET / HT",
            ):
                with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
                    sock.sendall(said)
                    while sock.recv(4096):
                        pass
            with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
                for _ in range(3):  # who is in time is served, also after a pause
                    sock.sendall(whole)
                    assert b"204" in sock.recv(4096)
                    time.sleep(0.4)
        finally:
            one.should_exit = True
            thread.join(10)
