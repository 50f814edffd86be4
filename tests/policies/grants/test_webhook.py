"""The webhook against a real receiver on the loopback: signed, no redirects, no silent failure."""

import hashlib
import hmac
from http.server import HTTPServer
from typing import Any

import pytest

from policies.grants import webhook
from policies.grants.webhook import WebhookError
from tests.policies.grants.conftest import Receiver


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
