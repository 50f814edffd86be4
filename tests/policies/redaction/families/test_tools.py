"""Tokens of smaller services and tools, and names that begin alike."""

import pytest

from policies.redaction.families.issued import FILL, HEX_FILL, UUID_EXAMPLE
from policies.redaction.families.tools import TOOL_RULES
from tests.policies.redaction.families.finding import finders

MIXED = "Ab0cD1eF2gH3iJ4kL5mN6oP7qR8sT9uV0wX1yZ2a"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (r"\$ANSIBLE_VAULT;1.1;AES256 " + HEX_FILL, "ansible-vault"),
        ("django-insecure-" + FILL[:50], "django-key"),
        ("APP_KEY=base64:" + FILL[:43] + "=", "laravel-key"),
        ("ngrok_api_" + FILL[:30], "ngrok-token"),
        ("s-s4t2ud-" + HEX_FILL[:64], "intra42-secret"),
        ("prod:" + MIXED + MIXED, "convex-key"),
    ],
)
def test_a_credential_is_found_under_its_issuers_name(text, name):
    assert finders(TOOL_RULES, text) == [name]


@pytest.mark.parametrize(
    "text",
    [
        "ANSIBLE_VAULT_PASSWORD_FILE=/etc/vault",
        "django-insecure-mode",
        "data:image/png;base64," + FILL[:60],
        "prod:latest",
        "live_" + HEX_FILL[:36],  # one more than a key has
        "secret-agent-of-the-north",
        "id " + UUID_EXAMPLE,
    ],
)
def test_what_only_looks_like_one_is_left_alone(text):
    assert finders(TOOL_RULES, text) == []
