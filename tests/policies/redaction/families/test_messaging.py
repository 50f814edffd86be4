"""Tokens of chats and mail, and addresses of webhooks, with what stands beside them."""

import pytest

from policies.redaction.families.issued import FILL, HEX_FILL, UUID_EXAMPLE
from policies.redaction.families.messaging import MESSAGING_RULES
from tests.policies.redaction.families.finding import finders

MIXED = "Ab0cD1eF2gH3iJ4kL5mN6oP7qR8sT9uV0wX1yZ2a"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("xoxb-123456789012-" + FILL[:24], "slack-token"),
        ("https://hooks.slack.com/services/T0/B0/" + FILL[:24], "slack-webhook"),
        ("bot 123456789:AA" + FILL[:33], "telegram-token"),
        ("SG." + FILL[:22] + "." + FILL[:43], "sendgrid-key"),
        ("key-" + HEX_FILL[:32], "mailgun-key"),
        (HEX_FILL[:32] + "-us12", "mailchimp-key"),
    ],
)
def test_a_credential_is_found_under_its_issuers_name(text, name):
    assert finders(MESSAGING_RULES, text) == [name]


@pytest.mark.parametrize(
    "text",
    [
        "https://slack.com/services/" + FILL[:24],
        "https://discord.com/channels/1234567890/" + FILL[:18],
        "SKU " + HEX_FILL[:12],
        "id " + UUID_EXAMPLE,
        "re_try_after_the_third_attempt",
        "re_" + MIXED[:8],
    ],
)
def test_what_only_looks_like_one_is_left_alone(text):
    assert finders(MESSAGING_RULES, text) == []
