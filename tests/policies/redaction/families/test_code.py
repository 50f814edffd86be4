"""Tokens of code hosts, registries and builds: prefixes, and names that begin alike."""

import pytest

from policies.redaction.families.code import CODE_RULES
from policies.redaction.families.issued import FILL, HEX_FILL, UUID_EXAMPLE
from tests.policies.redaction.families.finding import finders

MIXED = "Ab0cD1eF2gH3iJ4kL5mN6oP7qR8sT9uV0wX1yZ2a"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ghp_" + FILL[:36], "github-token"),
        ("remote: glpat-" + FILL[:20], "gitlab-token"),
        ("npm_" + FILL[:36], "npm-token"),
        ("2/1111111111111111:" + HEX_FILL[:32], "asana-token"),
        ("sdk-" + UUID_EXAMPLE, "launchdarkly-key"),
        ("pub" + HEX_FILL[:32], "datadog-client-token"),
        ("SSWS 00" + MIXED, "okta-token"),
        ("default:development." + HEX_FILL[:56], "unleash-token"),
    ],
)
def test_a_credential_is_found_under_its_issuers_name(text, name):
    assert finders(CODE_RULES, text) == [name]


@pytest.mark.parametrize(
    "text",
    [
        "npm_config_registry=https://registry.example",
        "npm_lifecycle_event=postinstall",
        "commit " + HEX_FILL[:40],
        "id " + UUID_EXAMPLE,
        "oy2 is a prefix",
        "secret-" + FILL[:20],
    ],
)
def test_what_only_looks_like_one_is_left_alone(text):
    assert finders(CODE_RULES, text) == []
