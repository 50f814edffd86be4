"""Builds the rule of a credential that its issuer begins with a prefix of its own."""

from __future__ import annotations

import re
from typing import Final

from policies.redaction.rules import Check, Rule

HEX: Final = "0-9a-f"
LOWER: Final = "a-z0-9"
UPPER: Final = "A-Z0-9"
ALNUM: Final = "A-Za-z0-9"
WORD: Final = "A-Za-z0-9_-"
BASE64: Final = "A-Za-z0-9+/"
DOTTED: Final = "A-Za-z0-9_.-"
_IN_WORDS: Final = {
    DOTTED: "A-Z a-z 0-9 _ . -", WORD: "A-Z a-z 0-9 _ -", BASE64: "base64",
    ALNUM: "A-Z a-z 0-9", "0-9a-fA-F": "hex digits", HEX: "hex digits",
    LOWER: "a-z 0-9", UPPER: "A-Z 0-9",
}  # fmt: skip
FILL: Final = "0123456789abcdefghijABCDEFGHIJ0123456789abcdefghijABCDEFGHIJ01234567"
UUID: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
UUID_EXAMPLE: Final = "00000000-1111-2222-3333-444444444444"
HEX_FILL: Final = "0123456789abcdef" * 8
# Characters of the body in a hint: few, because each one multiplies the states of the scan.
_AFTER_SHORT: Final = 4
_SHORT: Final = 4  # characters of a prefix that words begin with too


def issued(
    name: str,
    family: str,
    starts: str,
    chars: str,
    least: int,
    *,
    check: Check | None = None,
    exact: bool = False,
) -> Rule:
    """A rule for `starts` (prefixes, apart by a blank) and at least so many of `chars`.

    `exact`: exactly so many, and then the word is over. A prefix also counts as the end of a
    longer name: KEY_AKIA...
    """
    prefixes = starts.split()
    start = "|".join(re.escape(prefix) for prefix in prefixes)
    start = f"(?:{start})" if len(prefixes) > 1 else start
    known, extra = _split(chars)
    body = re.escape(extra) + known
    count = rf"{{{least}}}\b" if exact else f"{{{least},}}"
    amount = f"{least}" if exact else f"{least} or more"
    return Rule(
        name=name,
        pattern=rf"(?:\b|_)({start}[{body}]{count})",
        hint=_hint(prefixes, body),
        example=f"using {prefixes[0]}{fill(chars, least)} today",
        check=check,
        family=family,
        starts=tuple(prefixes),
        form=f"{' '.join(prefixes)} + {amount} of {_in_words(chars)}",
    )


def _hint(prefixes: list[str], body: str) -> str:
    longer = [re.escape(prefix) for prefix in prefixes if len(prefix) > _SHORT]
    short = [re.escape(prefix) for prefix in prefixes if len(prefix) <= _SHORT]
    hints = [f"(?:{'|'.join(longer)})[{body}]"] if longer else []
    if short:
        hints.append(f"(?:{'|'.join(short)})[{body}]{{{_AFTER_SHORT}}}")
    return rf"(?:\b|_)(?:{'|'.join(hints)})"


def shaped(
    name: str,
    family: str,
    pattern: str,
    *,
    hint: str,
    example: str,
    form: str,
    check: Check | None = None,
) -> Rule:
    """A rule for a credential whose parts or whose address tell it."""
    return Rule(
        name=name, pattern=pattern, hint=hint, example=example, form=form, family=family,
        check=check,
    )  # fmt: skip


def fill(chars: str, length: int) -> str:
    """So many characters that nobody issues: 0123456789ab..."""
    chars, _ = _split(chars)
    text = {HEX: HEX_FILL, "0-9a-fA-F": HEX_FILL, UPPER: FILL.upper(), LOWER: FILL.lower()}.get(
        chars, FILL
    )
    return (text * (length // len(text) + 1))[:length]


def _split(chars: str) -> tuple[str, str]:
    known = next(known for known in _IN_WORDS if chars.startswith(known))
    return known, chars[len(known) :]


def _in_words(chars: str) -> str:
    known, extra = _split(chars)
    return " ".join((_IN_WORDS[known], *extra))
