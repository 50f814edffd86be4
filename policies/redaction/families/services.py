"""Credentials of payments, messages, customers' data and models, as their issuers document them."""

from __future__ import annotations

from typing import Final

from policies.redaction.checks import has_digit, is_mixed
from policies.redaction.families.issued import (
    ALNUM,
    BASE64,
    DOTTED,
    FILL,
    HEX,
    HEX_FILL,
    UPPER,
    UUID,
    UUID_EXAMPLE,
    WORD,
    issued,
    shaped,
)

SERVICE_RULES: Final = (
    # --- messages ---
    shaped(
        "slack-token", "Slack",
        r"(?:\b|_)((?:xox[abceoprs]|xapp)(?:\.xox[bp])?-[A-Za-z0-9-]{10,})",
        hint=r"(?:xox[abceoprs]|xapp)(?:\.xox[bp])?-[A-Za-z0-9-]{4}",
        example="xoxb-" + "123456789012-1234567890123-" + FILL[:24],
        form="xoxb- xoxp- xapp- and kin, 10 or more of A-Z a-z 0-9 -",
    ),
    shaped(
        "slack-webhook", "Slack",
        r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/([A-Za-z0-9_+/-]{20,})",
        hint=r"hooks\.slack(?:-gov)?\.com/[a-z]+/[A-Za-z0-9_+/-]{4}",
        example="https://hooks.slack.com/services/" + "T00000000/B00000000/" + FILL[:24],
        form="hooks.slack.com/services/ and the path behind it",
    ),
    shaped(
        "discord-webhook", "Discord",
        r"discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/([A-Za-z0-9_-]{40,})",
        hint=r"discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/[A-Za-z0-9_-]{4}",
        example="https://discord.com/api/webhooks/1234567890/" + FILL[:68],
        form="discord.com/api/webhooks/, a number, 40 or more",
    ),
    shaped(
        "discord-bot-token", "Discord",
        r"\b[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}",
        hint=r"\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{8}",
        example="bot MTAw" + FILL[:20] + ".Gabcde." + FILL[:38],
        form="M, N or O and 23 to 27 characters, 6 and 27 or more, apart by dots", check=has_digit,
    ),
    shaped(
        "teams-webhook", "Microsoft Teams",
        rf"\.webhook\.office\.com/webhookb2/({UUID}@{UUID}/[A-Za-z]+/[A-Za-z0-9]{{16,}}/[^\s\"'<>]+)",
        hint=r"\.webhook\.office\.com/webhookb2/[0-9a-f]{4}",
        example=f"https://acme.webhook.office.com/webhookb2/{UUID_EXAMPLE}@{UUID_EXAMPLE}"
        f"/IncomingWebhook/{HEX_FILL[:32]}/{UUID_EXAMPLE}",
        form="*.webhook.office.com/webhookb2/ and the path behind it",
    ),
    shaped(
        "webhook-address", "Google Chat, Zapier, IFTTT, Make, n8n",
        r"(?:chat\.googleapis\.com/v1/spaces/[A-Za-z0-9_-]+/messages\?|hooks\.zapier\.com/hooks/(?:catch|standard)/"
        r"|maker\.ifttt\.com/trigger/[^\s/]+/(?:json/)?with/key/|hook\.(?:[a-z]{2}\d\.)?(?:make|integromat)\.com/"
        r"|open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/v2/hook/)([A-Za-z0-9_/%&=+.-]{12,})",
        hint=r"chat\.googleapis\.com/v1/spaces/|hooks\.zapier\.com/hooks/|maker\.ifttt\.com/trigger/"
        r"|hook\.(?:[a-z]{2}\d\.)?(?:make|integromat)\.com/|/open-apis/bot/v2/hook/",
        example="POST https://hooks.zapier.com/hooks/catch/1234567/" + "abc1234def",
        form="the address of an incoming webhook",
    ),
    shaped(
        "telegram-token", "Telegram", r"\d{8,10}:AA[A-Za-z0-9_-]{33}\b",
        hint=r"\d:AA[A-Za-z0-9_-]{4}", example="bot1 123456789:AA" + FILL[:33],
        form="8 to 10 digits, :AA and 33 characters",
    ),
    shaped(
        "sendgrid-key", "SendGrid", r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
        hint=r"\bSG\.[A-Za-z0-9_-]{4}", example="SG." + FILL[:22] + "." + FILL[:43],
        form="SG., 22 and 43 characters",
    ),
    issued("twilio-key", "Twilio", "SK", HEX, 32, exact=True),
    shaped(
        "mailgun-key", "Mailgun",
        r"\b(?:key-[0-9a-f]{32}|[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8})\b",
        hint=r"\bkey-[0-9a-f]{4}|[0-9a-f]-[0-9a-f]{8}-[0-9a-f]{8}\b",
        example="key-" + HEX_FILL[:32], form="key- and 32 hex digits, or 32-8-8 hex digits",
    ),
    shaped(
        "mailchimp-key", "Mailchimp", r"\b[0-9a-f]{32}-us\d{1,2}\b", hint=r"[0-9a-f]-us\d",
        example="using " + HEX_FILL[:32] + "-us12", form="32 hex digits, -us and a number",
    ),
    issued("brevo-key", "Brevo", "xkeysib- xsmtpsib-", WORD, 80),
    shaped(
        "resend-key", "Resend", r"\bre_[A-Za-z0-9]{6,12}_[A-Za-z0-9]{20,}",
        hint=r"\bre_[A-Za-z0-9]{6}", example="re_" + FILL[:8] + "_" + FILL[:24],
        form="re_, 8 characters, _ and 24 more",
    ),
    issued("onesignal-key", "OneSignal", "os_v2_app_ os_v2_org_", ALNUM, 60),
    issued("matrix-token", "Matrix", "syt_ syr_", ALNUM + "_", 30),
    issued("nostr-key", "Nostr", "nsec1", "a-z0-9", 58),
    shaped(
        "ably-key", "Ably", r"\b[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{6}:[A-Za-z0-9_-]{43}\b",
        hint=r"\.[A-Za-z0-9_-]{6}:[A-Za-z0-9_-]{12}", example="abcd12.efgh34:" + FILL[:43],
        form="6.6:43 characters",
    ),
    # --- payments and shops ---
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
        hint=r"\b(?:live|test|sandbox)_[A-Za-z0-9_-]{12}", example="live_" + FILL[:30],
        form="live_ or test_ and 30 or 40 characters", check=is_mixed,
    ),
    issued("razorpay-key", "Razorpay", "rzp_live_ rzp_test_", ALNUM, 14),
    issued("woocommerce-key", "WooCommerce", "ck_ cs_", HEX, 40),
    issued("onfido-token", "Onfido", "api_live. api_sandbox. api_live_us. api_live_ca.",
           DOTTED, 30),
    issued("adyen-key", "Adyen", "AQE", BASE64 + "-", 60, check=is_mixed),
    # --- customers' data ---
    shaped(
        "hubspot-token", "HubSpot", rf"\bpat-(?:na|eu|ap)\d-{UUID}",
        hint=r"\bpat-(?:na|eu|ap)\d-[0-9a-f]{4}", example="pat-na1-" + UUID_EXAMPLE,
        form="pat-na1- and a UUID",
    ),
    shaped(
        "salesforce-token", "Salesforce", r"\b00D[A-Za-z0-9]{12,15}![A-Za-z0-9._]{60,}",
        hint=r"\b00D[A-Za-z0-9]{12}",
        example="session 00D000000000001!" + FILL + FILL[:30], form="00D, 12 to 15, !, 60 or more",
    ),
    issued("intercom-token", "Intercom", "dG9r", BASE64, 50, check=is_mixed),
    issued("klaviyo-key", "Klaviyo", "pk_", HEX, 34, exact=True),
    issued("dropbox-token", "Dropbox", "sl.", WORD, 120),
    issued("vk-token", "VK", "vk1.a.", WORD, 60),
    issued("twitter-bearer", "X (Twitter)", "AAAAAAAAAAAAAAAAAAAA", ALNUM + "%", 60,
           check=is_mixed),
    issued("linkedin-secret", "LinkedIn", "WPL_AP1.", DOTTED + "=", 16),
    issued("roblox-cookie", "Roblox", "WARNING:-DO-NOT-SHARE-THIS.", DOTTED, 20),
    # --- models ---
    issued("ai-api-key", "OpenAI, Anthropic, DeepSeek, OpenRouter, Langfuse",
           "sk-proj- sk-ant- sk-svcacct- sk-admin- sk-or- sk-lf- sk-", WORD, 20, check=has_digit),
    issued("huggingface-token", "Hugging Face", "hf_ api_org_", ALNUM, 30),
    issued("groq-key", "Groq", "gsk_", ALNUM, 40),
    issued("perplexity-key", "Perplexity", "pplx-", ALNUM, 40),
    issued("replicate-token", "Replicate", "r8_", ALNUM, 32),
    issued("xai-key", "xAI", "xai-", ALNUM, 60),
    issued("nvidia-key", "NVIDIA", "nvapi-", WORD, 40),
    issued("langsmith-key", "LangSmith", "lsv2_pt_ lsv2_sk_ ls__", ALNUM + "_", 32),
    issued("elevenlabs-key", "ElevenLabs", "sk_", HEX, 48),
    issued("voyage-key", "Voyage AI", "pa-", WORD, 43, check=is_mixed, exact=True),
    issued("pinecone-key", "Pinecone", "pcsk_", ALNUM + "_", 50),
    issued("tavily-key", "Tavily", "tvly-", WORD, 24, check=has_digit),
    issued("firecrawl-key", "Firecrawl", "fc-", HEX, 32, exact=True),
    issued("e2b-key", "E2B", "e2b_", HEX, 40),
    issued("jina-key", "Jina AI", "jina_", WORD, 40),
    issued("cerebras-key", "Cerebras", "csk-", "a-z0-9", 40),
    issued("together-key", "Together AI", "tgp_v1_", WORD, 40),
    issued("fireworks-key", "Fireworks AI", "fw_", ALNUM, 22, check=is_mixed),
    issued("modal-token", "Modal", "ak- as-", ALNUM, 22, exact=True, check=is_mixed),
    issued("wandb-key", "Weights & Biases", "wandb_v1_", ALNUM + "_", 40),
    # --- keys that people hold ---
    issued("age-key", "age", "AGE-SECRET-KEY-1", UPPER, 58),
    issued("bitcoin-key", "BIP 32 wallets", "xprv yprv zprv tprv", ALNUM, 100),
)  # fmt: skip
