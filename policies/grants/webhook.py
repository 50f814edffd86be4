"""The signed webhook: one POST, no redirects, 5 seconds.

The receiver checks `X-Ext-Debug-Signature: t=<unix seconds>,v1=<hex>`, where the hex is
HMAC-SHA256 with EXT_DEBUG_WEBHOOK_SECRET over `<t>.<body>`, and refuses an old `t`.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import time
import urllib.request
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

TIMEOUT: Final = 5.0  # seconds


class WebhookError(Exception):
    """The webhook is not configured safely, or the receiver did not say 2xx."""


def is_configured() -> bool:
    """Whether there is an http(s) address and a secret: without both nothing is sent."""
    url = getattr(settings, "EXT_DEBUG_WEBHOOK_URL", "")
    secret = getattr(settings, "EXT_DEBUG_WEBHOOK_SECRET", "")
    return urlsplit(url).scheme in ("http", "https") and bool(secret)


def post(body: str, *, delivery: str) -> None:
    """Send one payload to EXT_DEBUG_WEBHOOK_URL; WebhookError or OSError when it did not arrive."""
    url = getattr(settings, "EXT_DEBUG_WEBHOOK_URL", "")
    secret = getattr(settings, "EXT_DEBUG_WEBHOOK_SECRET", "")
    if not is_configured():
        raise WebhookError("EXT_DEBUG_WEBHOOK_URL must be http(s), with EXT_DEBUG_WEBHOOK_SECRET")
    raw = body.encode()
    request = urllib.request.Request(  # noqa: S310 - the scheme was checked above
        url,
        data=raw,
        method="POST",
        headers={
            "Content-Type": "application/json",
            "X-Ext-Debug-Delivery": delivery,
            "X-Ext-Debug-Signature": sign(raw, secret=secret, at=int(time.time())),
        },
    )
    with _opener.open(request, timeout=TIMEOUT) as answer:
        if not 200 <= answer.status < 300:
            raise WebhookError(f"the receiver said {answer.status}")


def sign(body: bytes, *, secret: str, at: int) -> str:
    """The signature's header for this body at this second."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: they would send grants to any address that an answer names."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: object,
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> None:
        raise WebhookError(f"the receiver redirects ({code}), which is not followed")


_opener = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))
