"""Credentials of social networks, customers' data and wallets."""

from __future__ import annotations

from typing import Final

from policies.redaction.checks import is_mixed
from policies.redaction.families.issued import (
    ALNUM,
    BASE64,
    DOTTED,
    FILL,
    HEX,
    UPPER,
    UUID,
    UUID_EXAMPLE,
    WORD,
    issued,
    shaped,
)

PLATFORM_RULES: Final = (
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
    issued("age-key", "age", "AGE-SECRET-KEY-1", UPPER, 58),
    issued("bitcoin-key", "BIP 32 wallets", "xprv yprv zprv tprv", ALNUM, 100),
)  # fmt: skip
