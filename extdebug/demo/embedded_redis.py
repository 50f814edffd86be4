"""A Redis-compatible server inside this process, for machines without redis-server.

Good for a demo and nothing else: no persistence, no INFO or CONFIG, no ACL.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fakeredis import TcpFakeServer
from redis.exceptions import ResponseError

STUCK = 10.0  # seconds until a client that reads nothing is given up


class _PatientWriter:
    """Writes whole replies. The server's sockets do not block, and its own writer gives up a
    connection whose buffer is full: a stream's page is larger than that."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def write(self, data: bytes) -> int:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._connection.send(rest) :]
            except BlockingIOError:
                if not select.select([], [self._connection], [], STUCK)[1]:
                    raise ConnectionResetError("the client reads nothing") from None
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


def _patient(handler: Any) -> Any:
    class Handler(handler):  # type: ignore[misc]
        # With Nagle's algorithm on, a pipeline takes 44 ms instead of 0.3.
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            self.writer.writer = _PatientWriter(self.connection)
            self.current_client.read_response = _answering(self.current_client.read_response)

    return Handler


def _answering(read: Any) -> Any:
    """An error is an answer like any other; fakeredis would close the connection after it."""

    def read_response(*args: Any, **kwargs: Any) -> Any:
        try:
            return read(*args, **kwargs)
        except ResponseError as error:
            return error

    return read_response


@contextmanager
def embedded_redis() -> Iterator[str]:
    """Serve on a free port of the loopback; yields the URL."""
    server = TcpFakeServer(("127.0.0.1", 0), server_type="redis", server_version=(7, 2))
    server.RequestHandlerClass = _patient(server.RequestHandlerClass)
    server.daemon_threads = True  # or an open connection would keep this process alive
    thread = threading.Thread(target=server.serve_forever, name="embedded-redis", daemon=True)
    thread.start()
    try:
        yield f"redis://127.0.0.1:{server.server_address[1]}/0"
    finally:
        server.shutdown()
        server.socket.close()  # server_close() would wait for the connections' threads
        thread.join(5)
