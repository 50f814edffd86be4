"""The configured provider as django-allauth takes it."""

from dataclasses import replace

from pytest_django import Settings


def test_the_code_flow_always_has_a_challenge_and_openid(settings: Settings):
    configured = replace(
        settings.SIGN_IN, issuer="https://id.example", client_id="c", client_secret="s",
        scopes=("groups", "openid", "groups"),
    )  # fmt: skip
    told = configured.for_allauth
    assert told["settings"] == {
        "server_url": "https://id.example", "oauth_pkce_enabled": True,
        "scope": ["openid", "groups"],
    }  # fmt: skip
    assert (told["client_id"], told["secret"]) == ("c", "s")
