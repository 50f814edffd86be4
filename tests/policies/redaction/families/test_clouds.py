"""Keys of clouds, databases and networks: prefixes, marks inside, and what is none."""

import pytest

from policies.redaction.families.clouds import CLOUD_RULES
from policies.redaction.families.issued import FILL, HEX_FILL
from tests.policies.redaction.families.finding import finders

MIXED = "Ab0cD1eF2gH3iJ4kL5mN6oP7qR8sT9uV0wX1yZ2a"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("AKIA" + FILL[:16].upper(), "aws-access-key"),
        ("AIza" + FILL[:35], "gcp-api-key"),
        ("AccountKey=" + FILL[:43] + "=", "azure-key"),
        ("secret is abc8Q~" + FILL[:33], "azure-client-secret"),
        ("dapi" + HEX_FILL[:32], "databricks-token"),
        (FILL[:14] + ".atlasv1." + FILL[:67], "terraform-token"),
        ("tskey-auth-" + FILL[:20], "tailscale-key"),
    ],
)
def test_a_credential_is_found_under_its_issuers_name(text, name):
    assert finders(CLOUD_RULES, text) == [name]


@pytest.mark.parametrize(
    "text",
    [
        "AKIA is how an id begins",
        "AKIA" + FILL[:17].upper(),  # one more than an id has
        "image@sha256:" + HEX_FILL[:64],
        "api-gateway-7d9f8b6c5-x2v4q",
        "dose " + HEX_FILL[:32],
        "https://acme.example/?sigma=" + FILL[:30],
    ],
)
def test_what_only_looks_like_one_is_left_alone(text):
    assert finders(CLOUD_RULES, text) == []
