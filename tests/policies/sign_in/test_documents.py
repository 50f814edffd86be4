"""The provider's configuration and keys: checked, kept, asked for anew, and away."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from policies.sign_in.documents import AWAY_FOR, KEPT, KEYS_AGAIN, Documents, ProviderAway

ISSUER = "https://id.example/realm"
GOOD: dict[str, Any] = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/auth",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/jwks",
    "id_token_signing_alg_values_supported": ["RS256"],
}


class World:
    """A provider that answers what it is told to, and a clock."""

    def __init__(self, **change: Any) -> None:
        self.asked: list[str] = []
        self.now = 0.0
        self.answers: dict[str, Any] = {
            f"{ISSUER}/.well-known/openid-configuration": {**GOOD, **change},
            f"{ISSUER}/jwks": {"keys": [{"kid": "1"}, "no key"]},
        }
        self.documents = Documents(ISSUER, fetch=self.fetch, clock=lambda: self.now)

    def fetch(self, url: str) -> Any:
        self.asked.append(url)
        answer = self.answers[url]
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_it_is_asked_once_in_a_while():
    world = World()
    for _ in range(3):
        assert world.documents.configuration()["token_endpoint"] == f"{ISSUER}/token"
        assert world.documents.keys() == [{"kid": "1"}]
    assert len(world.asked) == 2
    world.now = KEPT
    world.documents.keys()
    assert len(world.asked) == 4


def test_unknown_keys_are_looked_for_but_not_all_the_time():
    world = World()
    world.documents.keys()
    world.answers[f"{ISSUER}/jwks"] = {"keys": [{"kid": "2"}]}
    world.now = KEYS_AGAIN - 0.1
    assert world.documents.keys(again=True) == [{"kid": "1"}]
    world.now = KEYS_AGAIN
    assert world.documents.keys(again=True) == [{"kid": "2"}]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"issuer": f"{ISSUER}/"}, "another issuer"),
        ({"issuer": None}, "another issuer"),
        ({"token_endpoint": "http://id.example/token"}, "no token_endpoint"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "no authorization_endpoint"),
        ({"jwks_uri": None}, "no jwks_uri"),
        ({"id_token_signing_alg_values_supported": ["HS256", "none"]}, "signs with nothing"),
        ({"id_token_signing_alg_values_supported": "RS256"}, "signs with nothing"),
    ],
)
def test_a_configuration_that_cannot_be_trusted_is_none(change: dict[str, Any], said: str):
    with pytest.raises(ProviderAway, match=said):
        World(**change).documents.configuration()


def test_one_that_is_away_is_left_alone_for_some_seconds():
    world = World()
    well_known = f"{ISSUER}/.well-known/openid-configuration"
    for answer in (requests.ConnectionError(), ValueError("no JSON"), ["a list"]):
        world.now += AWAY_FOR
        world.answers[well_known] = answer
        many = len(world.asked)
        for _ in range(3):
            with pytest.raises(ProviderAway):
                world.documents.configuration()
        assert len(world.asked) == many + 1
    world.now += AWAY_FOR
    world.answers[well_known] = GOOD
    assert world.documents.configuration() == GOOD


def test_keys_that_are_none_are_said():
    world = World()
    world.answers[f"{ISSUER}/jwks"] = {"keys": "none"}
    with pytest.raises(ProviderAway, match="no keys"):
        world.documents.keys()
