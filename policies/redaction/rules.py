"""What a redaction rule is, how an admin's rule is validated, and checks a pattern cannot make.

Pure; RE2 only, so that no pattern and no text can make a scan slower than linear.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import re2

MAX_PATTERN: Final = 500  # characters of an admin's pattern
MAX_RULES: Final = 200  # built-in and admin rules together; the scan's automaton grows with them
RULE_MEMORY: Final = 1 << 20  # bytes RE2 may use for one compiled admin pattern
NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
MAX_NAME: Final = 64
MAX_KEYWORDS: Final = 20

# Says whether the bytes from start to end of a line really are a secret of this rule.
Check = Callable[[bytes, int, int], bool]


class RuleError(ValueError):
    """A rule that cannot be used; the message says why and what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One kind of secret. Masked is the last matched group, or the whole match without a group.

    `token`: equal secrets may show an equal keyed token; never for values that could be guessed,
    printed and compared. `hint`: a pattern without long tails that matches wherever `pattern`
    does; the scan of all rules uses it, because the states of many long tails at once would fill
    any memory. `keywords`: the rule only looks at texts with one of them, in any case. `example`
    is a line that the rule must change.
    """

    name: str
    pattern: str
    example: str
    hint: str = ""
    token: bool = True
    keywords: tuple[str, ...] = ()
    check: Check | None = None

    @classmethod
    def from_row(
        cls,
        name: str,
        pattern: str,
        *,
        token: bool = False,
        keywords: Iterable[str] = (),
        example: str = "",
        counter_example: str = "",
    ) -> Rule:
        """An admin's rule, validated; RuleError with a sentence for the form otherwise.

        `example` must be masked and `counter_example` must not, where they are given.
        """
        if len(name) > MAX_NAME or not NAME.fullmatch(name):
            raise RuleError(
                f"name: expected at most {MAX_NAME} characters of a-z 0-9 and single hyphens"
                f" that start with a letter, got {name[:80]!r}"
            )
        if not pattern or len(pattern) > MAX_PATTERN:
            raise RuleError(f"pattern: expected 1 to {MAX_PATTERN} characters, got {len(pattern)}")
        words = tuple(str(word).strip().lower() for word in keywords)
        if not all(words) or len(words) > MAX_KEYWORDS:
            raise RuleError(f"keywords: expected at most {MAX_KEYWORDS} words, none of them empty")
        compiled = compile_pattern(pattern, memory=RULE_MEMORY)
        if compiled.groups > 1:
            raise RuleError(
                "pattern: expected at most one capturing group (it marks the secret);"
                " write the others as (?:…)"
            )
        if compiled.search(b"") is not None:
            raise RuleError("pattern: it matches the empty text, so it would match everywhere")
        rule = cls(name=name, pattern=pattern, token=token, keywords=words, example=example)
        if example and not rule.finds(example):
            raise RuleError("example: the rule does not match it")
        if counter_example and rule.finds(counter_example):
            raise RuleError("counter-example: the rule matches it")
        return rule

    def finds(self, text: str) -> bool:
        """Whether the rule on its own would mask something in the text."""
        raw = text.encode("utf-8", "surrogatepass")
        if self.keywords and not self.wanted(raw):
            return False
        for match in compile_pattern(self.pattern).finditer(raw):
            start, end = match.span(match.lastindex or 0)
            if start < end and (self.check is None or self.check(raw, start, end)):
                return True
        return False

    def wanted(self, raw: bytes) -> bool:
        """Whether one of the keywords is in the text."""
        text = raw.decode("utf-8", "replace").lower()
        return any(word in text for word in self.keywords)


def options(*, memory: int) -> Any:
    """RE2 options for bytes of UTF-8, quiet about errors, bounded in memory."""
    chosen = re2.Options()
    chosen.max_mem = memory
    chosen.log_errors = False
    return chosen


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str, *, memory: int = 8 << 20) -> Any:
    """A compiled RE2 pattern over bytes; RuleError when RE2 refuses it."""
    try:
        return re2.compile(pattern.encode(), options(memory=memory))
    except (re2.error, UnicodeEncodeError) as error:
        detail = error.args[0] if error.args else ""
        text = detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(detail)
        raise RuleError(f"pattern: RE2 refuses it: {text or 'too large'}") from error


# --- checks: what a pattern cannot say ----------------------------------------------------------


def has_digit(raw: bytes, start: int, end: int) -> bool:
    """Names that look like a credential have no digit; credentials nearly always do."""
    return any(48 <= byte <= 57 for byte in raw[start:end])


def is_luhn(raw: bytes, start: int, end: int) -> bool:
    """A card number on its own: not part of a longer number, an id or a decimal; Luhn holds."""
    before, after = raw[start - 1 : start], raw[end : end + 2]
    if before in (b"-", b".", b"/", b"#") or after[:1] in (b"-", b"/"):
        return False
    if after[:1] == b"." and after[1:].isdigit():
        return False
    digits = [byte - 48 for byte in reversed(raw[start:end]) if 48 <= byte <= 57]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return len(set(digits)) > 1 and (sum(digits[::2]) + sum(doubled)) % 10 == 0


def is_basic(raw: bytes, start: int, end: int) -> bool:
    """Base64 of `user:password`."""
    try:
        plain = base64.b64decode(raw[start:end] + b"=" * (-(end - start) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in plain


def is_address(raw: bytes, start: int, end: int) -> bool:
    """An e-mail address, not the user of an SSH clone URL."""
    return not (raw[start : start + 4] == b"git@" and raw[end : end + 1] in (b":", b"/"))


def not_prose(raw: bytes, start: int, end: int) -> bool:
    """Not a plain word, as in "Bearer authentication failed" or "Authorization: missing"."""
    secret = raw[start:end].rstrip(b".,:;!?)]}")
    return not (secret.isalpha() and len(secret) < _LONGEST_WORD) and secret.lower() != _AWS_SCHEME


def is_credential(raw: bytes, start: int, end: int) -> bool:
    """Something a machine issued, after a word that prose uses too: "token: expired"."""
    return end - start >= 6 and not_prose(raw, start, end)


def is_password(raw: bytes, start: int, end: int) -> bool:
    """Anything after the word, but for what programs print instead of one, and paths of `PWD=`."""
    if raw[start:end].rstrip(b".,:;!?)]}").lower() in _NO_PASSWORD:
        return False
    return not (raw[start] in b"/~." and _WORKING_FOLDER.search(raw[max(0, start - 16) : start]))


_LONGEST_WORD: Final = 16  # letters; a credential of letters alone is longer
_AWS_SCHEME: Final = b"aws4-hmac-sha256"  # of a header whose credential is masked already
_NO_PASSWORD: Final = frozenset(
    b"true false null nil none undefined yes no empty unset set missing required optional invalid"
    b" incorrect wrong expired changed rejected accepted hidden redacted filtered masked".split()
)
_WORKING_FOLDER: Final = re.compile(rb"(?:^|[^A-Za-z_-])(?:OLD)?PWD\W+$", re.IGNORECASE)
