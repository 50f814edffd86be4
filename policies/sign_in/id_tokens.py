"""Verifies an ID token by OpenID Connect Core 3.1.3.7: signature, issuer, audience, time, nonce.

Pure: keys and the time are passed in. Only asymmetric signatures count, whatever a token says of
itself: not `none`, and nothing that is signed with a secret.
"""

from __future__ import annotations

import datetime as dt
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

import jwt

ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
LEEWAY: Final = 60  # seconds between the clocks of provider and console
OLDEST: Final = 600  # seconds since it was issued: it was asked for in this very request
LONGEST: Final = 512 * 1024  # characters: 10,000 groups are about 300,000
LONGEST_SUBJECT: Final = 255  # characters, by the specification


class BadToken(ValueError):
    """The token proves nothing. The message is a clause: "its signature is not valid"."""


class UnknownKey(BadToken):
    """It is signed with a key that is none of these: the provider may have new ones."""


def verified(
    token: object,
    *,
    keys: Sequence[Mapping[str, Any]],
    issuer: str,
    client_id: str,
    nonce: str,
    now: dt.datetime,
) -> dict[str, Any]:
    """The claims of a token that holds. BadToken for any other."""
    if not isinstance(token, str) or len(token) > LONGEST:
        raise BadToken("there is no ID token in it")
    key, algorithm = _key_of(token, keys)
    try:
        # Time is judged below, by the clock that was passed in.
        claims = jwt.decode(
            token,
            key=key,
            algorithms=[algorithm],
            issuer=issuer,
            audience=client_id,
            options={
                "require": ["iss", "sub", "aud", "exp", "iat"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except jwt.InvalidIssuerError:
        raise BadToken("another provider issued it") from None
    except jwt.InvalidAudienceError:
        raise BadToken("it is meant for another client") from None
    except jwt.MissingRequiredClaimError as error:
        raise BadToken(f"it has no claim {error.claim}") from None
    except jwt.PyJWTError:
        raise BadToken("its signature is not valid") from None
    _require_party(claims, client_id)
    _require_time(claims, now.timestamp())
    said = claims.get("nonce")
    same = isinstance(said, str) and hmac.compare_digest(said.encode(), nonce.encode())
    if not nonce or not same:
        raise BadToken("it answers another request")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise BadToken("it names nobody")
    return claims


def _key_of(token: str, keys: Sequence[Mapping[str, Any]]) -> tuple[Any, str]:
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise BadToken("it cannot be read") from None
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS:
        raise BadToken("it is not signed with a key of the provider")
    kid = header.get("kid")
    signing = [each for each in keys if each.get("use", "sig") == "sig"]
    found = [each for each in signing if each.get("kid") == kid] if kid is not None else signing
    if len(found) != 1:
        raise UnknownKey("it is signed with a key that the provider does not name")
    try:
        return jwt.PyJWK(dict(found[0]), algorithm=algorithm), algorithm
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        raise BadToken("it is signed with a key of another kind") from None


def _require_party(claims: Mapping[str, Any], client_id: str) -> None:
    party, audience = claims.get("azp"), claims["aud"]
    several = isinstance(audience, list) and len(audience) > 1
    if (several or party is not None) and party != client_id:
        raise BadToken("it is meant for another client")


def _require_time(claims: Mapping[str, Any], now: float) -> None:
    expires, issued = claims["exp"], claims["iat"]
    if not all(isinstance(each, int | float) and abs(each) < 1e12 for each in (expires, issued)):
        raise BadToken("it has no time")
    if now > expires + LEEWAY or now > issued + OLDEST + LEEWAY:
        raise BadToken("its time is over; are the clocks of both right?")
    if issued > now + LEEWAY or _not_before(claims) > now + LEEWAY:
        raise BadToken("its time has not come; are the clocks of both right?")


def _not_before(claims: Mapping[str, Any]) -> float:
    moment = claims.get("nbf", 0)
    return float(moment) if isinstance(moment, int | float) else 0.0
