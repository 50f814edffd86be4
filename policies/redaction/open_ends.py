"""Texts that end too soon: half a token in a cut message, and partial lines that may go on.

A hint matches a secret's beginning and a few characters. So a text ends inside a secret if a hint
matches across its end once characters that nearly every token may hold are put behind it. Knows the
built-in rules alone. Places are byte offsets.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import re2

from policies.redaction import visible_text
from policies.redaction.builtin_rules import BUILTIN_RULES
from policies.redaction.rules import compile_pattern, options
from policies.redaction.secret_names import (
    CHOSEN_ENDINGS,
    CHOSEN_WORDS,
    ISSUED_ENDINGS,
    ISSUED_WORDS,
)

_MOST_TAIL: Final = 8192  # bytes of a token that may stand at the end
_MORE: Final = (b"00000000", b"0a1b2c3d4e5f0a1b2c3d", b"a0=00000000")
_MEMORY: Final = 32 << 20
_TOKEN_BYTES: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.+/=:~-"
_NAME_BYTES: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.$-"
_INCOMPLETE: Final = re.compile(
    rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z"
)
_ESCAPE: Final = re.compile(rb"(?:%[0-9A-Fa-f]?|\x1b[^A-Za-z]{0,20})\Z")  # half of one
_SHORTEST: Final = 4  # letters of a name's beginning inside a longer word
_LONGEST: Final = 40


@cache
def _scan() -> Any:
    scan = re2.Set.SearchSet(options(memory=_MEMORY))
    for rule in BUILTIN_RULES:
        scan.Add(rule.hint or rule.pattern)
    scan.Compile()
    return scan.Match


@cache
def _beginnings() -> frozenset[bytes]:
    """What a secret's name or a token may begin with, without punctuation, in small letters."""
    whole = [*CHOSEN_ENDINGS, *CHOSEN_WORDS, *ISSUED_ENDINGS, *ISSUED_WORDS]
    whole += [_plain(start) for rule in BUILTIN_RULES for start in rule.starts]
    return frozenset(word[:end].encode() for word in whole for end in range(1, len(word) + 1))


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", text.lower())


def half_token(raw: bytes) -> tuple[int, str] | None:
    """Where the token begins in which the text ends, and its rule's name; None without one."""
    words = raw[-_MOST_TAIL:].rsplit(None, 1)
    if not words or raw[-1:].isspace():
        return None
    word = words[-1]
    longer = word + _MORE[0]
    for index in sorted(_scan()(longer) or ()):
        rule = BUILTIN_RULES[index]
        if rule.read is not None or not (rule.token or rule.starts):
            continue
        for match in compile_pattern(rule.hint or rule.pattern).finditer(longer):
            start, end = match.span()
            if start < len(word) and not longer[end:].strip(_TOKEN_BYTES):
                return len(raw) - len(word) + start, rule.name
    return None


def may_go_on(raw: bytes) -> bool:
    """Whether a line that is still being written may turn out to hold a secret across its end.

    Then it is not to be shown in parts: each part alone might tell no rule what it is. Nor is a
    line that ends within a character.
    """
    if _INCOMPLETE.search(raw[-3:]):
        return True
    tail = unquote_to_bytes(visible_text.split(_ESCAPE.sub(b"", raw[-_MOST_TAIL:]))[0])
    if tail.lstrip()[:1] in (b"{", b"[") and tail.rstrip()[-1:] not in (b"}", b"]"):
        return True  # names and values of an object that is still open
    return _last_word_may(tail) or any(_crosses(tail, more) for more in _MORE)


def _crosses(raw: bytes, more: bytes) -> bool:
    """Whether a rule would mask across the end if the line went on so."""
    longer = raw + more
    for index in _scan()(longer) or ():
        rule = BUILTIN_RULES[index]
        for match in compile_pattern(rule.hint or rule.pattern).finditer(longer):
            if match.start() < len(raw) < match.end():
                return True
        found = rule.places(compile_pattern(rule.pattern), longer)
        if any(start <= len(raw) < end for start, end in found):
            return True
    return False


def _last_word_may(raw: bytes) -> bool:
    """Whether the last word may become an address, a token or a secret's name."""
    words = raw.rsplit(None, 1)
    if not words or raw[-1:].isspace():
        return False
    word = words[-1]
    if b"@" in word or b"://" in word or word.startswith(b"-----"):
        return True
    name = word[len(word.rstrip(_NAME_BYTES)) :]
    if name.endswith(b".."):
        return False
    plain = _plain(name.decode("ascii", "replace")).encode()
    if not plain:
        return bool(name.strip(b"."))  # the dashes of a flag
    beginnings = _beginnings()
    first = max(0, len(plain) - _LONGEST)
    return plain in beginnings or any(
        plain[at:] in beginnings for at in range(first, len(plain) - _SHORTEST + 1)
    )
