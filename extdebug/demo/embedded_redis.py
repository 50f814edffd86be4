"""A Redis-compatible server inside this process, for machines without redis-server.

Good for a demo and nothing else: no persistence, no INFO or CONFIG, no ACL.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import StreamRequestHandler

from fakeredis import TcpFakeServer


@contextmanager
def embedded_redis() -> Iterator[str]:
    """Serve on a free port of the loopback; yields the URL."""
    server = TcpFakeServer(("127.0.0.1", 0), server_type="redis", server_version=(7, 2))
    # With Nagle's algorithm on, a pipeline takes 44 ms instead of 0.3.
    handler = server.RequestHandlerClass
    assert isinstance(handler, type)
    assert issubclass(handler, StreamRequestHandler)
    handler.disable_nagle_algorithm = True
    server.daemon_threads = True  # or an open connection would keep this process alive
    thread = threading.Thread(target=server.serve_forever, name="embedded-redis", daemon=True)
    thread.start()
    try:
        yield f"redis://127.0.0.1:{server.server_address[1]}/0"
    finally:
        server.shutdown()
        server.socket.close()  # server_close() would wait for the connections' threads
        thread.join(5)
