"""Tokens with which the console asks a runner for one stream: good once, for thirty seconds.

`base64url(JSON).base64url(HMAC-SHA256)`. Console and runners share the key. The token names
tenant, extension and installs, so that the request that carries it cannot ask for more.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Final

import msgspec

from extdebug.wire.events import BadId, clean_id

LIFE: Final = 30.0  # s
SKEW: Final = 5.0  # s the clocks of console and runner may differ
MOST_CHARS: Final = 16 * 1024


class BadToken(ValueError):
    """Not signed with our key, malformed, or outside its time."""


class Claims(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What a token allows. `installs` None = all of them, events without an install included."""

    tenant: str
    extension: str
    installs: tuple[str, ...] | None
    expires: float
    nonce: str


_decoder: Final = msgspec.json.Decoder(Claims)


def sign(
    key: bytes, *, tenant: str, extension: str, installs: tuple[str, ...] | None, now: float
) -> str:
    """A token that is good from now for LIFE seconds."""
    claims = Claims(
        tenant=clean_id(tenant, what="tenant"),
        extension=clean_id(extension, what="extension"),
        installs=None if installs is None else tuple(sorted(installs)),
        expires=now + LIFE,
        nonce=secrets.token_hex(8),
    )
    body = msgspec.json.encode(claims)
    return f"{_text(body)}.{_text(_mac(key, body))}"


def verify(key: bytes, token: str, *, now: float) -> Claims:
    """The claims; BadToken otherwise. The caller refuses a `nonce` it has seen before."""
    if len(token) > MOST_CHARS:
        raise BadToken("the token is too long")
    body_text, _, mac_text = token.partition(".")
    try:
        body, mac = _bytes(body_text), _bytes(mac_text)
    except (binascii.Error, ValueError) as error:
        raise BadToken("not a token") from error
    if not hmac.compare_digest(mac, _mac(key, body)):
        raise BadToken("the signature does not fit: the keys of console and runner differ")
    try:
        claims = _decoder.decode(body)
        clean_id(claims.tenant, what="tenant")
        clean_id(claims.extension, what="extension")
    except (msgspec.DecodeError, BadId) as error:
        raise BadToken(f"the token's content is not what was agreed: {error}") from error
    if now > claims.expires:
        raise BadToken("the token has expired")
    if claims.expires > now + LIFE + SKEW:
        raise BadToken("the token lives longer than allowed: the clocks differ too much")
    return claims


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"ext-debug-stream." + body, hashlib.sha256)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _text(raw) != text:  # one token, one spelling: the last character has bits to spare
        raise ValueError("not canonical")
    return raw
