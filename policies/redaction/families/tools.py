"""Credentials of smaller services and of tools that extensions reach."""

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
    LOWER,
    UPPER,
    UUID,
    UUID_EXAMPLE,
    WORD,
    issued,
    shaped,
)

TOOL_RULES: Final = (
    # --- hosts, storage, databases ---
    shaped(
        "ansible-vault", "Ansible Vault", r"\$ANSIBLE_VAULT;[^\s]+\s+[0-9a-f\s]{32,}",
        hint=r"\$ANSIBLE_VAULT;", example="$ANSIBLE_VAULT;1.1;AES256 " + HEX_FILL,
        form="$ANSIBLE_VAULT; and the hex digits behind it",
    ),
    issued("docker-swarm-token", "Docker Swarm", "SWMTKN-1-", LOWER + "-", 60),
    issued("backblaze-key", "Backblaze B2", "K000 K001 K002 K003 K004 K005", BASE64, 27, exact=True,
           check=is_mixed),
    issued("tigris-key", "Tigris", "tid_ tsec_", WORD, 24),
    issued("xata-key", "Xata", "xau_", ALNUM, 24),
    issued("fauna-key", "Fauna", "fnA", WORD, 37, check=has_digit),
    issued("appwrite-key", "Appwrite", "standard_", HEX, 128),
    issued("deno-token", "Deno Deploy", "ddp_ ddo_ ddw_", ALNUM, 32),
    issued("laravel-key", "Laravel", "base64:", BASE64 + "=", 43),
    issued("django-key", "Django", "django-insecure-", ALNUM + "!@#$%^&*(_=+)-", 30),
    issued("vault-legacy-token", "HashiCorp Vault", "s.", ALNUM, 24, exact=True, check=is_mixed),
    issued("ngrok-token", "ngrok", "ngrok_api_", ALNUM, 24),
    issued("dependency-track-key", "Dependency-Track", "odt_", ALNUM, 32),
    issued("infracost-key", "Infracost", "ico-", ALNUM, 32, exact=True),
    issued("akamai-token", "Akamai", "akab-", LOWER + "-", 30),
    # --- what people's data goes through ---
    issued("adafruit-key", "Adafruit IO", "aio_", ALNUM, 28),
    issued("apify-token", "Apify", "apify_api_", ALNUM, 30),
    shaped(
        "authress-key", "Authress",
        r"\b(?:sc|ext|scauth|authress)_[A-Za-z0-9]{5,30}\.[A-Za-z0-9]{4,6}\."
        r"acc[_-][A-Za-z0-9-]{10,32}\.[A-Za-z0-9+/_=-]{30,120}",
        hint=r"\.acc[_-]",
        example="sc_00000.0000.acc_0000000000." + FILL[:40], form="sc_..., acc_..., apart by dots",
    ),
    issued("convex-key", "Convex", "prod: dev: preview:", DOTTED + "|=+/", 60, check=is_mixed),
    issued("clearbit-key", "Clearbit", "sk_", HEX, 32, exact=True),
    shaped(
        "firebase-key", "Firebase", r"\bAAAA[A-Za-z0-9_-]{7}:APA91b[A-Za-z0-9_-]{100,}",
        hint=r"\bAAAA[A-Za-z0-9_-]{7}:APA91b", example="AAAA0123456:APA91b" + FILL + FILL,
        form="AAAA, 7 characters, :APA91b, 100 or more",
    ),
    issued("intra42-secret", "42 Intra", "s-s4t2ud- s-s4t2af-", HEX, 60),
    issued("lob-key", "Lob", "live_ test_", HEX, 35, exact=True),
    shaped(
        "dropbox-legacy-token", "Dropbox", r"\b[A-Za-z0-9]{11}AAAAAAAAAA[A-Za-z0-9_=-]{43}",
        hint=r"AAAAAAAAAA[A-Za-z0-9_=-]{4}",
        example=FILL[:11] + "AAAAAAAAAA" + FILL[:43], form="11 characters, ten A, 43 more",
    ),
    shaped(
        "facebook-app-token", "Meta", r"\b\d{15,16}(?:\||%7C)[A-Za-z0-9_-]{27,40}\b",
        hint=r"\d(?:\||%7C)[A-Za-z0-9_-]{4}", example="1" * 15 + "|" + FILL[:27],
        form="15 or 16 digits, | and 27 to 40 characters",
    ),
    issued("mandrill-key", "Mandrill", "md-", WORD, 22, exact=True, check=is_mixed),
    issued("mailgun-public-key", "Mailgun", "pubkey-", HEX, 32),
    issued("telnyx-key", "Telnyx", "KEY0", UPPER + "_a-z", 36),
    issued("cal-key", "Cal.com", "cal_live_ cal_test_ cal_", HEX, 32),
    issued("plain-key", "Plain", "plainApiKey_", ALNUM + "_", 30),
    issued("zoho-token", "Zoho", "1000.", HEX + ".", 60),
    shaped(
        "deepl-key", "DeepL", rf"\b{UUID}:fx\b", hint=r"[0-9a-f]:fx\b",
        example=UUID_EXAMPLE + ":fx", form="a UUID and :fx",
    ),
    issued("pubnub-secret", "PubNub", "sec-c-", WORD, 40),
    issued("hcaptcha-secret", "hCaptcha", "ES_", HEX, 32),
    issued("recaptcha-key", "reCAPTCHA", "6Lc 6Ld 6Le 6Lf", WORD, 37, exact=True, check=is_mixed),
    issued("branch-key", "Branch", "key_live_ key_test_", ALNUM, 32),
    issued("devcycle-key", "DevCycle", "dvc_server_ dvc_client_ dvc_mobile_", ALNUM + "_", 30),
    # --- payments ---
    issued("checkout-key", "Checkout.com", "sk_sbox_", LOWER, 24),
    issued("xendit-key", "Xendit", "xnd_development_ xnd_production_", ALNUM, 40),
    issued("midtrans-key", "Midtrans", "Mid-server- SB-Mid-server-", WORD, 20),
    issued("paddle-key", "Paddle", "pdl_live_apikey_ pdl_sdbx_apikey_", ALNUM + "_", 40),
    issued("polar-token", "Polar", "polar_oat_ polar_pat_", ALNUM, 30),
    issued("mercury-token", "Mercury", "mercury_production_ mercury_sandbox_", ALNUM + "_", 30),
    issued("flutterwave-public-key", "Flutterwave", "FLWPUBK- FLWPUBK_TEST-", WORD, 32),
    # --- what watches programs ---
    issued("axiom-token", "Axiom", "xaat- xapt-", HEX + "-", 36),
    issued("coralogix-key", "Coralogix", "cxtp_ cxup_", ALNUM, 30),
    issued("chromatic-token", "Chromatic", "chpt_", ALNUM, 12),
    issued("stackhawk-key", "StackHawk", "hawk.", DOTTED, 36),
    # --- models and agents ---
    issued("cursor-key", "Cursor", "crsr_ key_", HEX, 64),
    issued("anyscale-key", "Anyscale", "esecret_", LOWER, 20),
    issued("runpod-key", "RunPod", "rpa_", ALNUM, 40),
    issued("friendli-token", "Friendli", "flp_", ALNUM, 40),
    issued("browserbase-key", "Browserbase", "bb_live_", WORD, 24),
    issued("cartesia-key", "Cartesia", "sk_car_", ALNUM, 20),
    issued("context7-key", "Context7", "ctx7sk-", WORD, 32),
    issued("brave-search-key", "Brave Search", "BSA", WORD, 28, exact=True, check=is_mixed),
    issued("mem0-key", "Mem0", "m0-", ALNUM, 40),
    issued("valtown-token", "Val Town", "vtwn_", ALNUM, 20),
    issued("unkey-key", "Unkey", "unkey_", ALNUM, 20),
)  # fmt: skip
