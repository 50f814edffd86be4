"""Credentials of payments and shops, as their issuers document them."""

from __future__ import annotations

from typing import Final

from policies.redaction.checks import is_mixed
from policies.redaction.families.issued import (
    ALNUM,
    BASE64,
    DOTTED,
    FILL,
    HEX,
    HEX_FILL,
    UUID,
    UUID_EXAMPLE,
    WORD,
    issued,
    shaped,
)

PAYMENT_RULES: Final = (
    shaped(
        "stripe-key", "Stripe, Clerk, Paystack",
        r"(?:\b|_)((?:sk|rk|ek|pk_secret|sk_org|rk_org)_(?:live|test)_[A-Za-z0-9]{10,}"
        r"|whsec_[A-Za-z0-9+/=]{20,}|(?:cs|pi|seti|src)_[A-Za-z0-9_]{14,80}_secret_[A-Za-z0-9]{10,})",
        hint=r"[sre]k(?:_org)?_(?:live|test)_[A-Za-z0-9]{4}|whsec_[A-Za-z0-9+/=]{4}|pk_secret_"
        r"|_secret_[A-Za-z0-9]{10}",
        example="charging with sk_live_" + FILL[:24],
        form="sk_live_ rk_test_ sk_org_live_ whsec_ pi_.._secret_ and kin",
    ),
    issued("square-token", "Square", "sq0atp- sq0csp- sq0idp- sq0acp-", WORD, 22),
    issued("square-access-token", "Square", "EAAA", WORD, 56, check=is_mixed),
    issued("facebook-token", "Meta", "EAA IGQV IGAA", ALNUM, 80, check=is_mixed),
    issued("shopify-token", "Shopify", "shpat_ shpca_ shppa_ shpss_ shpua_ shptka_",
           "0-9a-fA-F", 32),
    issued("paypal-token", "PayPal", "A21AA", WORD, 60),
    shaped(
        "braintree-token", "Braintree, PayPal",
        r"\baccess_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}",
        hint=r"access_token\$(?:production|sandbox)\$",
        example="access_token$production$0123456789abcdef$" + HEX_FILL[:32],
        form="access_token$production$, 16 characters, $, 32 hex digits",
    ),
    shaped(
        "plaid-token", "Plaid",
        rf"\b(?:access|public|link|processor)-(?:sandbox|development|production)-{UUID}",
        hint=r"(?:access|public|link|processor)-(?:sandbox|development|production)-[0-9a-f]{4}",
        example="access-sandbox-" + UUID_EXAMPLE, form="access-sandbox- and kin, and a UUID",
    ),
    issued("quickbooks-token", "QuickBooks", "AB11", ALNUM, 40, check=is_mixed),
    issued("flutterwave-key", "Flutterwave", "FLWSECK- FLWSECK_TEST-", WORD, 12),
    shaped(
        "mollie-key", "Mollie, GoCardless",
        r"\b(?:live|test|sandbox)_(?:[A-Za-z0-9]{30}|[A-Za-z0-9_-]{40})\b",
        hint=r"\b(?:live|test|sandbox)_[A-Za-z0-9_-]{6}", example="live_" + FILL[:30],
        form="live_ or test_ and 30 or 40 characters", check=is_mixed,
    ),
    issued("razorpay-key", "Razorpay", "rzp_live_ rzp_test_", ALNUM, 14),
    issued("woocommerce-key", "WooCommerce", "ck_ cs_", HEX, 40),
    issued("onfido-token", "Onfido", "api_live. api_sandbox. api_live_us. api_live_ca.",
           DOTTED, 30),
    issued("adyen-key", "Adyen", "AQE", BASE64 + "-", 60, check=is_mixed),
)  # fmt: skip
