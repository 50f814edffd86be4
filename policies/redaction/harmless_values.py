"""What stands after a secret's name without being a secret: prose, placeholders, plain words.

One judgement for text and for fields. Values are UTF-8 bytes.
"""

from __future__ import annotations

import re
from typing import Final

LONGEST_PROSE: Final = 200  # bytes; anything longer is taken for a secret unread
_LONGEST_WORD: Final = 16  # letters; a credential of letters alone is longer
_AWS_SCHEME: Final = b"aws4-hmac-sha256"  # of a header whose credential is masked already
_NO_SECRET: Final = frozenset(
    b"true false null nil none undefined nan yes no empty unset set missing required optional"
    b" invalid incorrect wrong expired changed rejected accepted hidden redacted filtered masked"
    b" string str text object number int bool boolean any void bytes unknown n/a include omit"
    b" same-origin enabled disabled default unchanged ok failed success valid object xxx".split()
)
# A sentence begins with one of these, or has one second: "the field is required".
_FIRST: Final = frozenset(
    b"the is are was were must should cannot can't may might not this that your you it its if"
    b" please use for to of in at by with from when does doesn't do don't has have had too field"
    b" value minimum maximum min max at least length expected unexpected unable failed could"
    b" couldn't will would no only both either neither any all error invalid missing required wrong"
    b" incorrect provided supplied given reset changed updated expired rotated found enter".split()
)
_SECOND: Final = frozenset(
    b"is are was were must should cannot may might not has have had does will would field required"
    b" for to of at by with from and or be been being too least than in on into already longer"
    b" characters chars mismatch reset failed".split()
)
_PLACEHOLDER: Final = re.compile(
    rb"\W*|\$\{?[A-Z_][A-Z0-9_]*\}?|\$\{[^}]*\}|\$\([^)]*\)|\{\{?[\w. -]*\}?\}|<[A-Za-z][\w -]*>"
    rb"|%\w"
    rb"|%\(\w+\)s|[xX]{3,}|[*.#\xe2\x80\xa2\x97\x8f]+|(?:process\.env|os\.environ|os\.getenv|env)[\w.\[(].*"
    rb"|[A-Za-z_][\w.]*\(\)[;,)]*"
)
_SENTENCE: Final = re.compile(rb"\s*([A-Za-z']+)[,.:;!?)]*(?:\s+([A-Za-z0-9']+))?")
_ISSUED: Final = re.compile(rb"[A-Za-z0-9+/_=.~%:-]+")
_RUN: Final = re.compile(rb"[A-Za-z0-9+=~]{16,}")
_UUID: Final = re.compile(rb"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_VERSION: Final = re.compile(rb"v?\d{1,5}(?:\.\d{1,6}){1,3}(?:[-+@][\w.+:-]*)?")
_DIGIT: Final = re.compile(rb"[0-9]")
_LETTER: Final = re.compile(rb"[A-Za-z]")


def is_harmless(value: bytes) -> bool:
    """What programs print instead of a secret: null, required, ****, ${PASSWORD}."""
    if len(value) > LONGEST_PROSE:
        return False
    if value.isalnum() and value[:1] not in b"xX":  # the usual value; no placeholder
        return value.lower() in _NO_SECRET
    bare = value.strip(b" \t.,:;!?()[]{}<>").lower()
    return bare in _NO_SECRET or _PLACEHOLDER.fullmatch(value) is not None


def is_sentence(text: bytes) -> bool:
    """Prose, as in "the field is required" or "must be longer"; not a passphrase of nouns."""
    match = _SENTENCE.match(text[:LONGEST_PROSE])
    if match is None or match.group(2) is None:
        return False
    return match.group(1).lower() in _FIRST or match.group(2).lower() in _SECOND


def is_plain_word(value: bytes) -> bool:
    """A word of letters, as in "token: expired" or "Bearer authentication failed"."""
    bare = value.rstrip(b".,:;!?)]}'\"")
    return (bare.isalpha() and len(bare) < _LONGEST_WORD) or bare.lower() == _AWS_SCHEME


def is_version(value: bytes) -> bool:
    """1.33.49 or 3.1.50@sha256:..., as behind the name of an image or a package."""
    return _VERSION.fullmatch(value) is not None


def is_uuid(value: bytes) -> bool:
    """A UUID alone, which mostly is an id."""
    return _UUID.fullmatch(value) is not None


def looks_issued(value: bytes) -> bool:
    """A credential of a machine: a long run of letters with digits, or a UUID."""
    if len(value) > LONGEST_PROSE:
        return True
    if len(value) < 16 or not _ISSUED.fullmatch(value):
        return False
    if not (_DIGIT.search(value) and _LETTER.search(value)):
        return False
    return _UUID.search(value) is not None or _RUN.search(value) is not None
