"""A receiver of webhooks on the loopback that keeps what it got."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest


class Receiver(BaseHTTPRequestHandler):
    """Keeps what it got; `/moved` redirects and `/broken` fails."""

    seen: list[tuple[dict[str, str], bytes]]

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.seen.append((dict(self.headers), self.rfile.read(length)))
        self.send_response({"/moved": 302, "/broken": 500}.get(self.path, 204))
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver(settings: Any) -> Iterator[HTTPServer]:
    Receiver.seen = []
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    settings.EXT_DEBUG_WEBHOOK_URL = f"http://127.0.0.1:{server.server_port}/hook"
    settings.EXT_DEBUG_WEBHOOK_SECRET = "a secret"
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
