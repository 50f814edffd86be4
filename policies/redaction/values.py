"""Where a value begins and ends: quoted, wrapped in a constructor, in markup, or up to a blank.

Places are byte offsets. Every pattern here is without overlapping choices (possessive or with
bounded look-ahead), so that reading a value is linear in its length.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

_IN_QUOTES: Final = True
_LONGEST_LIST: Final = 1024  # bytes; of a longer one the first item is the value
_MOST_WRAPPERS: Final = 4  # Arc(Some(SecretString("..."
# b"..", Some("..", string(9) "..", (string) (len=9) "..", <<"..", ["..", &"..", new X("..
_WRAPPER: Final = re.compile(
    rb"string\(\d{1,9}\)\s*+|[&*@$]|[A-Za-z_][\w.:<>]{0,40}\s?[(\[{]\s*+|\(\w{1,20}(?:=\d{1,9})?\)\s*+"
    rb"|<<|[\[{(]\s*+"
    rb"|!{1,2}[a-z]{1,10}\s|new\s"
)
# Constructors whose content some languages print without quotes: Some(x), Optional[x].
_CONSTRUCTOR: Final = re.compile(
    rb"(?:Some|Just|Optional|Option|Ok|Right|Secret\w{0,20}|Value|String|SecretStr)([(\[{])"
)
_YAML_TAG: Final = re.compile(rb"!{1,2}[a-z]{1,10}\s++")
_CLOSER: Final = {40: 41, 91: 93, 123: 125}
_OPENING: Final = re.compile(
    rb"""[bBrRuUfFcCLN]{0,2}(\\*+(?:"(?:"")?|'(?:'')?|`)|\\++u002[27]|&quot;|&#3[49];|&apos;|\xe2\x80[\x98\x9c\x9e])"""
)
_TYPOGRAPHIC: Final = {
    b"\xe2\x80\x98": b"\xe2\x80\x99",
    b"\xe2\x80\x9c": b"\xe2\x80\x9d",
    b"\xe2\x80\x9e": b"\xe2\x80\x9c",
}
# No group is repeated by `*+`: up to Python 3.11.4 the match goes on behind what the group
# failed on (python/cpython issue 106052).
_IN_DOUBLE: Final = rb'[^"\\\r\n]*+(?:\\.[^"\\\r\n]*+)*'
_IN_SINGLE: Final = rb"[^'\\\r\n]*+(?:\\.[^'\\\r\n]*+)*"
_DOUBLE: Final = re.compile(_IN_DOUBLE)
_SINGLE: Final = re.compile(_IN_SINGLE)
_LINE: Final = re.compile(rb"[^\r\n]*+")
_LIST: Final = re.compile(
    rb"""[^\]"'\r\n]*+(?:(?:"%b"|'%b')[^\]"'\r\n]*+)*\]""" % (_IN_DOUBLE, _IN_SINGLE)
)
# Punctuation belongs to a value unless what follows shows that the value has ended.
_UNQUOTED: Final = re.compile(
    rb"""(?:[^\s"'`,;&\\<]++"""
    rb"""|["'`](?![\s,:;)}\]>&"'`\\]|$)"""
    rb"""|,(?![\s"'{\[]|[\w.-]{1,40}\s?[=:]|$)"""
    rb"""|;(?![\s"']|[\w.-]{1,40}\s?=|$)"""
    rb"""|&(?![\w.%\[\]-]{1,40}=|(?:quot|apos|lt|gt|amp|#\d{2});|[\s"']|$)"""
    rb"""|\\(?!["'nrt]|u00|$)"""
    rb"""|<(?!/|br\b|$))*"""
)
_IN_MARKUP: Final = re.compile(rb"(?:[^<&\]]++|&(?!lt;)|\](?!\]>))*")


class FoundValue(NamedTuple):
    """A value's place without its quotes, and whether it had any."""

    start: int
    end: int
    quoted: bool


def read_value(raw: bytes, at: int, *, quoted: bool = False) -> FoundValue | None:
    """The value that begins here; None where there is none, or none in quotes if it must be."""
    if raw[at : at + 1] == b'"' and raw[at + 1 : at + 2] != b'"':  # as JSON has it
        return _between(raw, at + 1, b'"')
    start = at
    for _ in range(_MOST_WRAPPERS):
        opening = _OPENING.match(raw, start)
        if opening:
            return _quoted(raw, opening, in_list=raw[start - 1 : start] == b"[" and start > at)
        wrapper = _WRAPPER.match(raw, start)
        if wrapper is None:
            break
        start = wrapper.end()
    return None if quoted else _unquoted(raw, at)


def read_markup(raw: bytes, at: int) -> FoundValue | None:
    """An element's text, up to the next tag."""
    match: Any = _IN_MARKUP.match(raw, at)
    text = match.group()
    end = match.start() + len(text.rstrip())
    start = end - len(text.strip())
    return FoundValue(start, end, quoted=True) if start < end else None


def rest_of_line(raw: bytes, at: int) -> FoundValue | None:
    """Up to the quote that encloses it, or to the end of the line."""
    opening = _OPENING.match(raw, at)
    if opening:
        return _quoted(raw, opening, in_list=False)
    match: Any = _LINE.match(raw, at)
    return FoundValue(at, match.end(), quoted=False) if match.end() > at else None


def _quoted(raw: bytes, opening: Any, *, in_list: bool) -> FoundValue | None:
    start, quote = opening.end(), opening.group(1)
    if in_list and quote in (b'"', b"'"):  # ["one", "two"]
        whole = _LIST.match(raw, opening.start(1), opening.start(1) + _LONGEST_LIST)
        if whole:
            inner = whole.group()[:-1].rstrip()
            return _found(raw, start, opening.start(1) + len(inner) - 1)
    if quote == b'"' or quote == b"'":
        return _between(raw, start, quote)
    line: Any = _LINE.match(raw, start)
    end = raw.find(_TYPOGRAPHIC.get(quote, quote), start, line.end())
    return _found(raw, start, line.end() if end < 0 else end)


def _between(raw: bytes, start: int, quote: bytes) -> FoundValue | None:
    """Up to the matching quote; to the end of the line without one."""
    inside = _DOUBLE if quote == b'"' else _SINGLE
    body: Any = inside.match(raw, start)
    end = body.end()
    # 'it''s' and 'Tr0'ub4dor': a letter behind the quote means that it was not the last.
    while raw[end : end + 1] == quote:
        following = end + (2 if raw[end + 1 : end + 2] == quote else 1)
        if not raw[following : following + 1].isalnum():
            break
        body = inside.match(raw, following)
        if raw[body.end() : body.end() + 1] != quote:
            break
        end = body.end()
    return FoundValue(start, end, _IN_QUOTES) if start < end else None


def _found(raw: bytes, start: int, end: int) -> FoundValue | None:
    return FoundValue(start, end, quoted=True) if start < end <= len(raw) else None


def unquoted_end(raw: bytes, at: int, most: int) -> int:
    """Where a value without quotes ends, read up to the place `most`."""
    match: Any = _UNQUOTED.match(raw, at, most)
    return int(match.end())


def _unquoted(raw: bytes, at: int) -> FoundValue | None:
    tag = _YAML_TAG.match(raw, at)
    at = tag.end() if tag else at
    constructor = _CONSTRUCTOR.match(raw, at)
    if constructor:
        closer = bytes((_CLOSER[constructor.group(1)[0]],))
        line: Any = _LINE.match(raw, constructor.end())
        end = raw.find(closer, constructor.end(), line.end())
        if end > constructor.end():
            return FoundValue(constructor.end(), end, quoted=False)
    end = unquoted_end(raw, at, len(raw))
    body = raw[at:end]
    for opener, closer in ((b"[", b"]"), (b"{", b"}")):  # those of an enclosing list or object
        kept = body.rstrip(closer)
        surplus = max(0, body.count(closer) - body.count(opener))
        body = body[: len(body) - min(surplus, len(body) - len(kept))]
    end = at + len(body)
    return FoundValue(at, end, quoted=False) if at < end else None
