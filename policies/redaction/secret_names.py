"""Which names say that their value is secret: one list for text, fields, pairs, flags and markup.

A name is split into words at case changes and punctuation, so that `db_pass`, `dbPass`, `DB-PASS`
and `db.pass` read alike. Field names follow the default deny list of Sentry's SDKs and the
variable names that vendors' documents use.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final


class Verdict(IntEnum):
    """What a name says about its value."""

    HARMLESS = 0
    PHONE = 1  # a telephone number, if the value has enough digits
    LIKELY = 2  # a credential, if the value looks as if a machine had issued it
    ISSUED = 3  # a credential that a machine made: the mask may carry a token
    CHOSEN = 4  # chosen by people or short: a token of the value could be compared with guesses


# A name that ends so is secret, with or without a boundary before it: dbPassword, slacktoken.
CHOSEN_ENDINGS: Final = (
    "password", "passwd", "passphrase", "passcode", "passwort", "secret", "credentials", "userpwd",
    "dbpwd", "mysqlpwd", "sshpass", "cardnumber", "creditcard", "securitycode",
)  # fmt: skip
ISSUED_ENDINGS: Final = (
    "token", "apikey", "secretkey", "accesskey", "accesskeyid", "privatekey", "authorization",
    "cookie", "cookies", "sessionid", "sessid", "sessionkey", "authkey", "signingkey",
    "encryptionkey", "licensekey", "licencekey", "masterkey", "sharedkey", "sharedaccesskey",
    "accountkey", "clientkey", "hmackey", "webhookkey", "integrationkey", "subscriptionkey",
    "deploykey", "ingestionkey", "signaturekey", "xamzsignature", "xamzcredential", "connectsid",
    "usersession", "aiohttpsession",
)  # fmt: skip
# The last word of a longer or a whole name.
CHOSEN_WORDS: Final = frozenset(
    ("pwd", "pass", "pw", "creds", "cred", "credential", "cvv", "cvv2", "cvc", "cvc2", "ssn",
     "mnemonic", "pin", "otp", "totp")
)  # fmt: skip
ISSUED_WORDS: Final = frozenset(("csrf", "xsrf", "jwt"))
LIKELY_WORDS: Final = frozenset((
    "auth", "pat", "key", "signature", "sig", "bearer", "webhook", "assertion"
))  # fmt: skip
PHONE_WORDS: Final = frozenset(
    ("phone", "mobile", "telephone", "tel", "fax", "msisdn", "cellphone", "telefon", "whatsapp")
)
# Whole names only.
CHOSEN_NAMES: Final = frozenset(("secrets", "auth", "seedphrase", "socialsecuritynumber"))
ISSUED_NAMES: Final = frozenset(
    ("session", "phpsessid", "jsessionid", "symfony", "csrfmiddlewaretoken", "setcookie", "sid")
)
# What `key`, `pass` and `pin` mean after these words has nothing to do with secrets.
_HARMLESS_KEYS: Final = frozenset((
    "websocket", "cache", "primary", "sort", "partition", "routing", "idempotency", "object",
    "s3", "redis", "row", "group", "grouping", "public", "publishable", "foreign", "unique",
    "index", "translation", "i18n", "locale", "message", "msg", "event", "hash", "range",
    "lookup", "file", "storage", "blob", "map", "dict", "dedup", "dedupe", "deduplication",
    "sharding", "shard", "search", "join", "composite", "candidate", "natural", "surrogate",
    "arrow", "hot", "short", "config", "setting", "option", "bucket", "metric", "label", "lock",
    "rate", "limit", "limiter", "queue", "topic", "record", "item", "entry", "parent", "child",
    "tree", "node", "state", "store", "field", "column", "header", "json", "yaml", "i", "any",
    "home", "end", "up", "down", "left", "right", "del", "press"
))  # fmt: skip
_HARMLESS_PASS: Final = frozenset((
    "test", "tests", "first", "second", "third", "by", "all", "low", "high", "band", "single",
    "multi", "build", "render", "is", "did", "can", "should", "fast", "bug", "one", "two",
    "lint", "check", "checks", "compiler", "optimization"
))  # fmt: skip
_HARMLESS_PIN: Final = frozenset((
    "gpio", "map", "output", "input", "led", "out", "in", "mosi", "miso", "clock", "data"
))  # fmt: skip
# After the name proper: password2, api_key_prod, passwordConfirmation, access_token_value.
_MODIFIERS: Final = frozenset((
    "hint", "confirm", "confirmation", "confirmed", "again", "repeat", "repeated", "retype",
    "old", "new", "current", "prod", "production", "dev", "test", "live", "staging", "stage",
    "sandbox", "value", "raw", "plain", "plaintext", "text", "b64", "base64", "str", "string",
    "header", "primary", "secondary"
))  # fmt: skip
_MAX_CACHED: Final = 4096  # programs use few names; whoever makes up more pays for each
_MAX_TOGETHER: Final = 1024  # objects' names kept, and how long all names of one may be
_LONGEST: Final = 512
# Anything else is a text to scan, not a name; so is a name that was masked.
_NAME: Final = re.compile(r"(?!.*\[redacted:)[\w .:/$\[\]-]{1,128}")
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+\d?(?![0-9])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")


class SecretNames(dict[str, Verdict]):
    """The verdict for each name, made when it is first asked for; bounded in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.harmless_together: set[tuple[str, ...]] = set()  # all names of one object

    def keep_harmless(self, names: tuple[str, ...]) -> None:
        """No closer look at an object with these names again; bounded in memory."""
        if len(self.harmless_together) < _MAX_TOGETHER and sum(map(len, names)) <= _LONGEST:
            self.harmless_together.add(names)

    def __missing__(self, name: str) -> Verdict:
        verdict = _judge(name) if _NAME.fullmatch(name) else Verdict.HARMLESS
        if len(self) < _MAX_CACHED:
            self[name] = verdict
        return verdict


def _judge(name: str) -> Verdict:
    words = [word.lower() for word in _WORDS.findall(name)]
    verdict = _of_words(words)
    while verdict is Verdict.HARMLESS and len(words) > 1 and _is_modifier(words[-1]):
        words.pop()
        verdict = _of_words(words)
    return verdict


def _is_modifier(word: str) -> bool:
    return word in _MODIFIERS or (word.isdigit() and len(word) < 3)


def _of_words(words: list[str]) -> Verdict:
    if not words:
        return Verdict.HARMLESS
    last, before = words[-1].rstrip("0123456789") or words[-1], words[-2] if words[1:] else ""
    bare = "".join(words).rstrip("0123456789")
    if bare.endswith(CHOSEN_ENDINGS) or bare in CHOSEN_NAMES:
        return Verdict.CHOSEN
    if bare.endswith(ISSUED_ENDINGS) or bare in ISSUED_NAMES or last in ISSUED_WORDS:
        return Verdict.ISSUED
    if last in CHOSEN_WORDS:
        if last == "pass" and before in _HARMLESS_PASS:
            return Verdict.HARMLESS
        return Verdict.HARMLESS if last == "pin" and before in _HARMLESS_PIN else Verdict.CHOSEN
    if last in LIKELY_WORDS and before and not (last == "key" and before in _HARMLESS_KEYS):
        return Verdict.LIKELY
    if last in PHONE_WORDS or (last in {"number", "no", "nr"} and before in PHONE_WORDS):
        return Verdict.PHONE
    return Verdict.HARMLESS
