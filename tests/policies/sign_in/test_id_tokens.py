"""ID tokens: one way to hold, and each way not to."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from policies.sign_in.id_tokens import LEEWAY, LONGEST, OLDEST, BadToken, UnknownKey, verified

NOW = dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CURVE = ec.generate_private_key(ec.SECP256R1())


def public(key: Any, **more: Any) -> dict[str, Any]:
    of = jwt.algorithms.RSAAlgorithm if key is KEY else jwt.algorithms.ECAlgorithm
    return {**json.loads(of.to_jwk(key.public_key())), **more}


KEYS = [public(KEY, kid="1", use="sig"), public(CURVE, kid="2"), public(KEY, kid="3", use="enc")]


def token(*, key: Any = KEY, alg: str = "RS256", kid: str | None = "1", **change: Any) -> str:
    now = int(NOW.timestamp())
    claims = {"iss": "https://id.example", "sub": "s-1", "aud": "console", "nonce": "n",
              "iat": now, "exp": now + 60, **change}  # fmt: skip
    claims = {name: value for name, value in claims.items() if value is not ...}
    return jwt.encode(claims, key, algorithm=alg, headers={"kid": kid} if kid else {})


def check(
    text: object, *, keys: Any = None, nonce: str = "n", seconds: float = 0
) -> dict[str, Any]:
    return verified(
        text, keys=KEYS if keys is None else keys, issuer="https://id.example",
        client_id="console", nonce=nonce, now=NOW + dt.timedelta(seconds=seconds),
    )  # fmt: skip


def test_one_that_holds_is_read():
    assert check(token())["sub"] == "s-1"
    assert check(token(key=CURVE, alg="ES256", kid="2"))["sub"] == "s-1"
    assert check(token(aud=["console", "other"], azp="console"))["sub"] == "s-1"
    assert check(token(kid=None), keys=KEYS[:1])["sub"] == "s-1"  # the only key needs no name


@pytest.mark.parametrize("claim", ["iss", "sub", "aud", "exp", "iat"])
def test_one_without_a_claim_that_it_needs_is_refused(claim: str):
    without: dict[str, Any] = {claim: ...}
    with pytest.raises(BadToken):
        check(token(**without))


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://id.example/"}, {"aud": "other"}, {"aud": []},
        {"aud": ["console", "other"]}, {"azp": "other"}, {"nonce": "m"}, {"nonce": ...},
        {"nonce": 7}, {"sub": ""}, {"sub": "x" * 256}, {"exp": "soon"}, {"iat": True},
        {"exp": 10**15}, {"nbf": int(NOW.timestamp()) + LEEWAY + 1},
    ],
)  # fmt: skip
def test_one_that_says_something_else_is_refused(change: dict[str, Any]):
    with pytest.raises(BadToken):
        check(token(**change))


def test_its_time_is_the_callers_clock_with_a_minutes_leeway():
    assert check(token(), seconds=60 + LEEWAY)
    assert check(token(), seconds=-LEEWAY)
    for seconds in (61 + LEEWAY, -LEEWAY - 1):
        with pytest.raises(BadToken, match="time"):
            check(token(), seconds=seconds)
    lasting = token(exp=int(NOW.timestamp()) + 10**6)
    assert check(lasting, seconds=OLDEST + LEEWAY)
    with pytest.raises(BadToken, match="time is over"):
        check(lasting, seconds=OLDEST + LEEWAY + 1)


def test_only_the_providers_own_keys_count():
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(BadToken, match="signature"):
        check(token(key=other))
    for kid in ("9", "3", None):  # unknown, for encryption, and which of two
        with pytest.raises(UnknownKey):
            check(token(kid=kid))
    with pytest.raises(BadToken, match="another kind"):
        check(token(kid="2"))
    with pytest.raises(BadToken, match="not signed"):
        check(token(key="x" * 40, alg="HS256"))
    with pytest.raises(BadToken, match="not signed"):
        check(token(key=None, alg="none"))


@pytest.mark.parametrize("text", [None, "", "a.b.c", 7, "x" * (LONGEST + 1), token()[:-4] + "AAAA"])
def test_what_is_no_token_is_refused(text: object):
    with pytest.raises(BadToken):
        check(text)


def test_a_request_without_nonce_is_answered_by_nothing():
    with pytest.raises(BadToken, match="another request"):
        check(token(nonce=""), nonce="")
