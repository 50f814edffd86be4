"""Checks that a pattern cannot make: sums, tables of lengths, what stands beside a match.

Each takes the line's bytes and the match's start and end, and says whether it is a secret.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from policies.redaction.harmless_values import is_plain_word

# Of these the last label of "name@2x.png" or "getty@tty1.service" is one, and no domain ends so.
_SUFFIXES: Final = frozenset(
    b"js mjs cjs jsx ts tsx mts java kt rb cpp hpp cs php html htm css scss less json json5 xml yml"
    b" yaml toml txt png jpg jpeg gif svg webp ico bmp avif pdf gz tgz bz2 xz tar wasm wat dll exe"
    b" log lock sql vue svelte jar war ear class bin dat tmp bak conf cfg ini woff woff2 ttf otf"
    b" mp3 mp4 webm"
    b" csv tsv parquet pyc pyi swift scala groovy gradle proto service socket timer slice"
    b" scope target mount swap path device handle".split()
)
# By the number of digits: how a number of an issuer that gives out this length begins.
_ISSUERS: Final = {
    12: re.compile(rb"5018|5020|5038|5893|6304|6759|676[1-3]"),
    13: re.compile(rb"4|5018|5020|5038|5893|6304|6759|676[1-3]"),
    14: re.compile(rb"30[0-5]|3095|36|3[89]|5018|5020|5038|5893|6304|6759|676[1-3]"),
    15: re.compile(rb"3[47]|5018|5020|5038|5893|6304|6759|676[1-3]"),
    16: re.compile(
        rb"4|5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720|35(?:2[89]|[3-8])|6011|64[4-9]|65|62|81"
        rb"|5018|5020|5038|5893|6304|6759|676[1-3]"
    ),
    17: re.compile(rb"62|81|6759|676[1-3]"),
    18: re.compile(rb"62|81|6759|676[1-3]"),
    19: re.compile(rb"4|6011|64[4-9]|65|62|81|5018|5020|5038|5893|6304|6759|676[1-3]"),
}
_DOUBLED: Final = bytes.maketrans(b"0123456789", b"0246813579")  # twice, its digits added
# A number right behind one of these words counts or names something else than a card.
_ID_BEFORE: Final = re.compile(
    rb"(?i)(?:\b|_|(?-i:[a-z](?=[A-Z])))(?:ids?|uid|guid|order|user|request|req|trace|span|job|event|msg|message"
    rb"|offset|seq|sequence|ts|time|timestamp|nanos?|micros?|millis?|ns|us|ms|snowflake|tweet"
    rb"|customer|invoice|ticket|tenant|session|commit|build|version|hash|nonce|size|bytes"
    rb"|count|total|port|pid|serial|sku|ean|isbn|imei|tracking|shipment|batch|cursor)"
    rb"(?:[ _-](?:no|nr|num|number))?[\"'\\]*\s{0,2}[:=#]{0,2}\s{0,2}[\"'#\\]*$"
)
_IBAN_LENGTHS: Final = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28,
    "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23,
    "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20,
    "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30,
    "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22,
    "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28,
    "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip


def has_digit(raw: bytes, start: int, end: int) -> bool:
    """Names that look like a credential have no digit; credentials nearly always do."""
    return any(48 <= byte <= 57 for byte in raw[start:end])


def is_mixed(raw: bytes, start: int, end: int) -> bool:
    """Capitals, small letters and digits, as in a random token without a telling prefix."""
    text = raw[start:end]
    return has_digit(raw, start, end) and text != text.lower() and text != text.upper()


def is_id_name(name: str) -> bool:
    """Whether a field of this name holds an id or a count, which may have a card's digits."""
    return _ID_BEFORE.search(name.encode("utf-8", "replace")) is not None


def is_card(raw: bytes, start: int, end: int) -> bool:
    """A card number on its own: issuer and length fit, Luhn holds, and nothing calls it an id."""
    before, after = raw[start - 1 : start], raw[end : end + 2]
    if before in (b"-", b".", b"/", b"#") or after[:1] in (b"-", b"/"):
        return False
    if after[:1] == b"." and after[1:].isdigit():
        return False
    digits = raw[start:end].translate(None, b" .-")
    issuer = _ISSUERS.get(len(digits))
    if issuer is None or not issuer.match(digits):
        return False
    if len(digits) == end - start and _ID_BEFORE.search(raw[max(0, start - 24) : start]):
        card = raw[max(0, start - 32) : start].lower()
        if not any(word in card for word in (b"card", b"pan", b"visa", b"master", b"credit")):
            return False
    sums = sum(digits[-1::-2]) + sum(digits[-2::-2].translate(_DOUBLED)) - 48 * len(digits)
    return sums % 10 == 0 and digits.count(digits[:1]) < len(digits)


def is_iban(raw: bytes, start: int, end: int) -> bool:
    """The country's length, and a remainder of 1 modulo 97."""
    text = raw[start:end].replace(b" ", b"").replace(b"-", b"").decode("ascii", "replace")
    if _IBAN_LENGTHS.get(text[:2]) != len(text):
        return False
    return int("".join(str(int(char, 36)) for char in text[4:] + text[:4])) % 97 == 1


def is_basic(raw: bytes, start: int, end: int) -> bool:
    """Base64 of `user:password`."""
    try:
        plain = base64.b64decode(raw[start:end] + b"=" * (-(end - start) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in plain


def is_address(raw: bytes, start: int, end: int) -> bool:
    """An e-mail address: not an SSH clone URL, a stack frame, a package or a file."""
    if raw[start : start + 4] == b"git@" and raw[end : end + 1] in (b":", b"/"):
        return False
    if raw[end : end + 1] == b":" and raw[end + 1 : end + 2].isdigit():  # index.js:10:5
        return False
    labels = raw[raw.rindex(b"@", start, end) + 1 : end].split(b".")
    last = labels[-1]
    if not (last.islower() or last.isupper() or last[1:].islower()) or last.lower() in _SUFFIXES:
        return False
    # outgoing-handler@0.2.0.handle, react@18.2.0-beta.next; but ann@163.com is one
    return not (labels[0].isdigit() and labels[1][:1].isdigit())


def not_prose(raw: bytes, start: int, end: int) -> bool:
    """Not a plain word, as in "Bearer authentication failed" or "Authorization: missing"."""
    return not is_plain_word(raw[start:end])
