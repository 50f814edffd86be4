"""The webhook against a real receiver on the loopback: signed, no redirects, no silent failure."""

import hashlib
import hmac
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from policies.grants import webhook
from policies.grants.webhook import WebhookError


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


def test_the_receiver_can_check_the_signature(receiver: HTTPServer) -> None:
    webhook.post('{"event":"grant.requested"}', delivery="7")
    [(headers, body)] = Receiver.seen
    at, mac = (part.split("=")[1] for part in headers["X-Ext-Debug-Signature"].split(","))
    expected = hmac.new(b"a secret", f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert mac == expected
    assert headers["X-Ext-Debug-Delivery"] == "7"
    assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", ["/moved", "/broken"])
def test_anything_but_success_is_an_error(receiver: HTTPServer, settings: Any, path: str) -> None:
    settings.EXT_DEBUG_WEBHOOK_URL = settings.EXT_DEBUG_WEBHOOK_URL.replace("/hook", path)
    with pytest.raises((WebhookError, OSError)):
        webhook.post("{}", delivery="7")
    assert len(Receiver.seen) == 1  # a redirect is not followed


@pytest.mark.parametrize(
    "wrong",
    [
        {"EXT_DEBUG_WEBHOOK_SECRET": ""},
        {"EXT_DEBUG_WEBHOOK_URL": "file:///etc/passwd"},
        {"EXT_DEBUG_WEBHOOK_URL": ""},
    ],
)
def test_nothing_is_sent_unsigned_or_elsewhere(
    receiver: HTTPServer, settings: Any, wrong: dict[str, str]
) -> None:
    for name, value in wrong.items():
        setattr(settings, name, value)
    with pytest.raises(WebhookError):
        webhook.post("{}", delivery="7")
    assert Receiver.seen == []
