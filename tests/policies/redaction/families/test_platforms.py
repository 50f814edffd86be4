"""Tokens of networks, customers and wallets, and words that begin alike."""

import pytest

from policies.redaction.families.issued import FILL, HEX_FILL, UUID_EXAMPLE
from policies.redaction.families.platforms import PLATFORM_RULES
from tests.policies.redaction.families.finding import finders

MIXED = "Ab0cD1eF2gH3iJ4kL5mN6oP7qR8sT9uV0wX1yZ2a"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("pat-na1-" + UUID_EXAMPLE, "hubspot-token"),
        ("00D000000000001!" + FILL + FILL[:30], "salesforce-token"),
        ("pk_" + HEX_FILL[:34], "klaviyo-key"),
        ("AGE-SECRET-KEY-1" + FILL[:58].upper(), "age-key"),
        ("xprv" + FILL + FILL[:40], "bitcoin-key"),
    ],
)
def test_a_credential_is_found_under_its_issuers_name(text, name):
    assert finders(PLATFORM_RULES, text) == [name]


@pytest.mark.parametrize(
    "text",
    [
        "pat-na1-" + HEX_FILL[:8],
        "pat-us1-" + UUID_EXAMPLE,  # no such region
        "xpub" + FILL + FILL[:40],  # the public half
        "00D000000000001 is an organisation",
        "AGE-SECRET-KEY- begins a key",
    ],
)
def test_what_only_looks_like_one_is_left_alone(text):
    assert finders(PLATFORM_RULES, text) == []
