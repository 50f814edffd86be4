"""Reads the value that belongs to a secret's name, however the two are joined.

`name=value` and its kin, `"name": value`, pairs in lists, `{"name": .., "value": ..}`, markup,
flags, and a blank. The pattern of a rule finds the end of a name; here the whole name is judged
(policies.redaction.secret_names), what joins it to its value is looked at, and the value read.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from policies.redaction.harmless_values import (
    LONGEST_PROSE,
    is_harmless,
    is_plain_word,
    is_sentence,
    is_uuid,
    is_version,
    looks_issued,
)
from policies.redaction.rules import Reader
from policies.redaction.secret_names import SecretNames, Verdict
from policies.redaction.values import FoundValue, read_markup, read_value

_Q: Final = r"""(?:\\*["'`]|\\+u002[27]|&quot;|&#3[49];|&apos;)"""
_SUFFIX: Final = (
    r"(?i:[_-]?\d{1,2}|[_.-]?(?:confirm(?:ation|ed)?|again|repeat(?:ed)?|retype|old|new|current"
    r"|prod(?:uction)?|dev|test|live|staging|stage|sandbox|value|raw|plain(?:text)?|text|b64|base64"
    r"|string|header|primary|secondary|hint))?"
)
_WIDE: Final = "\uff1a"  # the colon of full-width scripts
_S: Final = "(?:\\s|\u00a0)*"
_KV: Final = rf"{_Q}?(?:\[\d{{0,3}}\])?\]?(?:\s+is)?{_S}(?:=>|:=|->|==|[:=]|{_WIDE}){_S}"
_NAMED: Final = (
    rf"{_Q}?\s*(?:[,;]\s*)?(?:{_Q}?\w{{1,20}}{_Q}?\s?[:=]\s?{_Q}?[\w-]{{0,40}}{_Q}?\s?,\s?)?"
    rf"(?:{_Q}|>\s*<)?(?i:values?|val|v|content|data){_Q}?\s*(?:=>|[:=>])\s*"
)
_PAIR: Final = rf"{_Q}?\s*,\s*"
# The rest of a tag that has the name, or the end of an element and the tag of the next one.
_NEXT: Final = r"\s*</[\w:.-]{1,40}>\s*<[\w:.-]{1,40}[^<>]{0,100}>\s*"
_MARKUP: Final = rf"{_Q}?(?:\s[^<>]{{0,100}})?(?:>|&gt;)\s*(?:<!\[CDATA\[)?(?=[^<])|{_NEXT}"
_BLANK: Final = r"\s+(?:(?:is|was)\s+)?"
_IN_NAME: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.$-"
_MOST_BEFORE: Final = 64
_LONGEST_WORD: Final = 16
_LEAST_FLAT: Final = 8  # bytes
_DIGIT: Final = re.compile(rb"[0-9]")
_IS: Final = re.compile(rb"\s(?:is|was)\s")
_OPENERS: Final = re.compile(rb"""[\[({]\s?(?:\\*["'`]|&quot;|&#34;)?$""")
_NAME_KEY: Final = re.compile(
    rb"""(?i)(?:name|key|header|header_?name|field|param|k|n)\\*["'`]?\s?(?:=>|[:=])\s?\\*["'`]?$"""
)
_LIST: Final = re.compile(rb"""['"],\s?['"]$""")
_TAG: Final = re.compile(rb"""(?:<|&lt;)(?:[A-Za-z][\w-]{0,30}:)?$|>\s?$|\s(?:name|key|id)=["']$""")
_FLAG: Final = re.compile(rb"(?:^|[\s\"'`(\[=])--?$|(?:^|\s)/$|(?:^|\s)(?:ENV|ARG|setx)\s$")
_SYMBOL: Final = re.compile(rb"[:(]$")
_FOLDER: Final = (b"/", b"~", b".")
_SHORT_NAMES: Final = frozenset((b"ass", b"pwd", b"pin", b"otp"))  # they mean other things too
_NUMBERS: Final = (b"pin", b"otp")  # and totp
_FIELD_NAMES: Final = frozenset(
    b"email mail user username login name id phone address firstname lastname role roles title"
    b" password passwd token secret value key type status".split()
)


# The usual cases, for speed: `":`, `=`, `: `.
_PLAIN: Final = re.compile(rb"""["']?(?:: ?|=)(?=[^\s:=>\\])""")
# What stands between a name and its value; possessive, so that a look is linear.
_JOINT: Final = re.compile(
    rf"{_SUFFIX}(?:({_KV})|({_NAMED})|({_PAIR})|({_MARKUP})|({_BLANK}))".encode()
)


# How a value begins that is not masked, or not to its end: a masked line is a clean line.
_REST: Final = r"\[redacted:[a-z0-9#-]+\]"
BEGINS: Final = rf"""(?:[^\s"'`&\\\[]|\[[^r]|\[r[^e]|{_REST}[^\s"'`\\,;:)}}\]>&])"""
_BEGINS_QUOTED: Final = rf"""(?:{_Q}){{1,3}}(?:[^\["'`]|\[[^r]|\[r[^e]|{_REST}[^"'`\\])"""


def named_hint(tails: str) -> str:
    """What the scan of all rules looks for, where a rule's pattern is `tails`, ends of names."""
    begins = rf"(?:{BEGINS}|{_BEGINS_QUOTED})"
    return (
        rf"(?:{tails}){_SUFFIX}(?:{_Q}?(?:\[\d{{0,3}}\])?\]?(?:\s+is)?{_S}"
        rf"(?:=>|->|[:=,>]|{_WIDE}|&gt;)+{_S}{begins}|{_Q}?\s[^<>]*>"
        rf"|\s*</|{_Q}\s*[;>]?\s*<?{_Q}?[vVcCdD]|\s+{begins})"
    )


_LIKELY: Final = Verdict.LIKELY
_ISSUED: Final = Verdict.ISSUED
_NAMES: Final = SecretNames()  # bounded


@lru_cache(maxsize=4096)
def _judge(name: bytes) -> Verdict:
    """What a name in text says; `auth=basic` and `auth: ok` are frequent there."""
    if name.lower() == b"auth":
        return Verdict.LIKELY
    return _NAMES[name.decode("ascii", "replace")]


def reader(*verdicts: Verdict) -> Reader:
    """A reader for names of these verdicts."""

    def read(raw: bytes, match: Any) -> tuple[int, int] | None:
        start, end = match.span()
        joint = _PLAIN.match(raw, end) or _JOINT.match(raw, end)
        if joint is None:
            return None
        joined = joint.lastindex or _KV_GROUP
        before = raw[max(0, start - _MOST_BEFORE) : start]
        start -= len(before) - len(before.rstrip(_IN_NAME))
        name = raw[start : joint.start(joint.lastindex or 0)]
        verdict = _judge(name)
        if verdict not in verdicts:
            return None
        at = joint.end()
        if joined == _KV_GROUP:
            if raw[at : at + 1] == b":":  # Token::new
                return None
            value = read_value(raw, at)
        else:
            value = _read(raw, at, joined, raw[max(0, start - 24) : start], name)
        if value is None or _is_no_secret(raw, value, verdict, name, joined):
            return None
        return value.start, value.end

    return read


_KV_GROUP, _NAMED_GROUP, _PAIR_GROUP, _MARKUP_GROUP, _BLANK_GROUP = range(1, 6)


def _read(raw: bytes, at: int, joined: int, lead: bytes, name: bytes) -> FoundValue | None:
    """The value after this kind of joint, if what stands before the name bears it out."""
    if joined == _MARKUP_GROUP:
        return read_markup(raw, at) if _TAG.search(lead) else None
    if joined == _PAIR_GROUP:
        if not _OPENERS.search(lead) and not _is_flag(lead, name):
            return _in_flat_list(raw, at) if _LIST.search(lead) else None
        return read_value(raw, at, quoted=True)
    if joined == _NAMED_GROUP and not _NAME_KEY.search(lead):
        return None
    value = read_value(raw, at)
    if joined != _BLANK_GROUP or value is None:
        return value
    if _is_flag(lead, name):
        return value if not raw.startswith(b"-", value.start) else None
    if _SYMBOL.search(lead) and value.quoted:
        return value
    text = raw[value.start : value.end]
    if _IS.search(raw, at - 5, at) and len(text) >= 6 and _DIGIT.search(text):
        return value  # "the password is hunter2"
    return value if not value.quoted and looks_issued(text) and not is_uuid(text) else None


def _in_flat_list(raw: bytes, at: int) -> FoundValue | None:
    """The value in `["Host", "x", "X-Api-Key", ".."]`; a list of names has no digits."""
    value = read_value(raw, at, quoted=True)
    if value is None or value.end - value.start < _LEAST_FLAT:
        return None
    return value if _DIGIT.search(raw, value.start, value.end) else None


def _is_flag(lead: bytes, name: bytes) -> bool:
    """`--password x`, `-Password x`, `/password x`: dashes are part of what was read as a name."""
    return name.startswith(b"-") or _FLAG.search(lead) is not None


def _is_no_secret(
    raw: bytes, value: FoundValue, verdict: Verdict, name: bytes, joined: int
) -> bool:
    text = raw[value.start : value.end]
    if is_harmless(text):
        return True
    if verdict is _LIKELY:
        return not looks_issued(text)
    if (not value.quoted or b" " in text) and _is_prose(raw, value, joined):
        return True
    if joined >= _PAIR_GROUP and text.lower() in _FIELD_NAMES:
        return True  # ["user", "password", "email"], --password PASSWORD
    if verdict is _ISSUED:
        return len(text) < 6 or is_plain_word(text) or is_version(text)
    if name[-3:].lower() not in _SHORT_NAMES:
        return False
    last = name.lower()
    if last == b"pass" and len(text) < 5 and text.isdigit():  # pass=12 fail=3 of a test run
        return True
    if last.endswith(_NUMBERS) and (len(text) < 4 or not _DIGIT.search(text)):  # pin=high, pin=12
        return True
    return text.startswith(_FOLDER) and last in (b"pwd", b"oldpwd", b"old_pwd")


def _is_prose(raw: bytes, value: FoundValue, joined: int) -> bool:
    """A sentence in quotes, or behind a colon; what follows an equals sign is none."""
    if value.quoted:
        text = raw[value.start : value.end]
        return len(text) <= LONGEST_PROSE and is_sentence(text)
    if value.end - value.start > _LONGEST_WORD or raw[value.end : value.end + 1] != b" ":
        return False
    if joined == _KV_GROUP and b"=" in raw[value.start - 3 : value.start]:
        return False
    return is_sentence(raw[value.start : value.end + 80])


def read_before_name(raw: bytes, match: Any) -> tuple[int, int] | None:
    """The value in `{"value": .., "name": ..}`, where the name comes second, ending the match."""
    end = match.end()
    before = raw[max(0, end - _MOST_BEFORE) : end]
    name = before[len(before.rstrip(_IN_NAME)) :]
    start, stop = match.span(1)
    verdict = _judge(name)
    value = FoundValue(start, stop, quoted=True)
    if verdict < Verdict.LIKELY or _is_no_secret(raw, value, verdict, b"", _KV_GROUP):
        return None
    return start, stop
