"""Keys of payments and shops: live and test ones, and ids that may be shown."""

import pytest

from policies.redaction.families.issued import FILL, HEX_FILL, UUID_EXAMPLE
from policies.redaction.families.payments import PAYMENT_RULES
from tests.policies.redaction.families.finding import finders

MIXED = "Ab0cD1eF2gH3iJ4kL5mN6oP7qR8sT9uV0wX1yZ2a"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("sk_live_" + FILL[:24], "stripe-key"),
        ("STRIPE_rk_test_" + FILL[:24], "stripe-key"),
        ("pi_" + FILL[:24] + "_secret_" + FILL[:25], "stripe-key"),
        ("shpat_" + HEX_FILL[:32], "shopify-token"),
        ("access-sandbox-" + UUID_EXAMPLE, "plaid-token"),
        ("live_" + MIXED[:30], "mollie-key"),
    ],
)
def test_a_credential_is_found_under_its_issuers_name(text, name):
    assert finders(PAYMENT_RULES, text) == [name]


@pytest.mark.parametrize(
    "text",
    [
        "pk_live_" + FILL[:24],  # a publishable key is in every page
        "pi_" + FILL[:24],
        "ch_" + FILL[:24],
        "cs_" + HEX_FILL[:12],
        "live_stream_of_the_second_channel",
        "access-sandbox-denied",
    ],
)
def test_what_only_looks_like_one_is_left_alone(text):
    assert finders(PAYMENT_RULES, text) == []
