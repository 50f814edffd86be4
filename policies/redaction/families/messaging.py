"""Credentials of chats, mail and other messages, and the addresses of their webhooks."""

from __future__ import annotations

from typing import Final

from policies.redaction.checks import has_digit
from policies.redaction.families.issued import (
    ALNUM,
    FILL,
    HEX,
    HEX_FILL,
    UUID,
    UUID_EXAMPLE,
    WORD,
    issued,
    shaped,
)

MESSAGING_RULES: Final = (
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
        hint=r"\b[MNO][DTjz][A-Za-z0-9]{2}",
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
        hint=r"\bkey-[0-9a-f]{4}|-[0-9a-f]{8}-",
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
)  # fmt: skip
