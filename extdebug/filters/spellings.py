"""What else people write for an attribute or a comparison than the language's own words.

`ms>=500`, `ms:>=500`, `fields.ms>=500`, `requestId:x`, `level=error`, `Level:Error`, `status:500`
are understood; `status!=500`, `ms > 500`, `a || b`, `!a`, `time>10:00`, `lvel:warn` are refused
with what was meant. As mere text they would find nothing, in silence. What is pasted from a line
(`key=value`, `a->b`, `http://x`) still finds it.
"""

from __future__ import annotations

import difflib
import re
from typing import Final

from extdebug.filters.query import (
    ATTRIBUTES,
    FIELD,
    Compare,
    LevelIn,
    Node,
    Or,
    StreamIn,
    Text,
    Where,
    levels_of,
    read_number,
    smart_case,
    value_of,
)
from extdebug.wire.events import LEVELS, OUTPUTS

NAMED: Final = re.compile(
    r"(fields?\.[^\s:<>=!()\"]{1,128}|[A-Za-z_]\w{0,63}(?:[.-]\w{1,63}){0,8})(:|[<>!=]=|[<>=])"
)
ORDER: Final = frozenset((">=", "<=", ">", "<"))
OTHER_NAMES: Final = {
    "req": "request", "reqId": "request", "requestId": "request", "request_id": "request",
    "installId": "install", "install_id": "install", "tenantId": "tenant", "tenant_id": "tenant",
    "extensionId": "extension", "extension_id": "extension", "versionId": "version",
    "version_id": "version", "contentHash": "hash", "content_hash": "hash", "lvl": "level",
}  # fmt: skip
# What others call an attribute, and people also name a field of their own: either is meant.
_ALSO: Final = {
    **{name.lower(): meant for name, meant in OTHER_NAMES.items()},
    **{name: name for name in ATTRIBUTES},
    "severity": "level", "loglevel": "level", "log_level": "level", "msg": "message",
    "inst": "install", "outcome": "execution",
}  # fmt: skip
ORDER_BEHIND: Final = re.compile(r"(?:>=|<=|[<>])(?=[+-]?\.?\d|(?:trace|debug|info|warn|error)\b)")
_SPACED: Final = re.compile(
    r"([A-Za-z_][\w.-]*)(?:\s+([<>!=]=|[<>])\s*|([<>!=]=|[<>])\s+)([^\s()]+)(?=[\s)]|$)"
)
_ELSEWHERE: Final = re.compile(
    r"(\|\||&&)(?=[\s(])|!(\w[\w.-]*|(?=[\"(]))|\*?(\w[\w.-]*)\*?(?=[\s)]|$)"
)
_TIMES: Final = frozenset(("time", "ts", "timestamp", "date", "since", "until"))
_QUOTE: Final = "or quote it to search for the text"


def known_name(written: str) -> str | None:
    """The attribute that is written so; None when there is none."""
    if written.startswith("fields."):
        return FIELD + written.removeprefix("fields.")
    if written.startswith(FIELD) or written in ATTRIBUTES:
        return written
    return OTHER_NAMES.get(written)


def other_syntax(q: str, at: int) -> str | None:
    """What refuses a term at `at` that is syntax of other query languages; None for any other."""
    if spaced := _SPACED.match(q, at):
        name, before, behind, value = spaced.groups()
        op = before or behind
        level = op in ORDER and _ALSO.get(name.lower()) == "level" and value.lower() in LEVELS
        if level or read_number(value) is not None:
            meant = f"-{_attribute(name)}:{value}" if op == "!=" else f"{name}{op}{value}"
            return f"a comparison has no spaces, try {meant} {_QUOTE}"
        return None
    found = _ELSEWHERE.match(q, at)
    if found is None:
        return None
    sign, excluded, word = found.groups()
    if sign:
        return f"there is no {sign}, try {'OR' if sign == '||' else 'AND'} {_QUOTE}"
    if found[0].startswith("!"):
        return f"there is no !, try -{excluded or ''} {_QUOTE}"
    if found[0] != word:
        return f"words are found anywhere in a line, try {word} without * {_QUOTE}"
    return None


def _attribute(written: str) -> str:
    return known_name(written) or FIELD + written


def _also(written: str, value: str, *, quoted: bool) -> Node | None:
    """The attribute that `written` means beside a field of that name; None when there is none."""
    name = _ALSO.get(written.lower())
    if name == "level":
        level = LEVELS.get(value.lower())
        return LevelIn(levels_of(":", level)) if level else None
    if name == "stream":
        output = OUTPUTS.get(value.lower())
        return StreamIn(frozenset((output,))) if output else None
    if name == "message":
        return Text(value, smart_case(value), Where.MESSAGE)
    return value_of(name, value, quoted=quoted) if name else None


def comparison(written: str, op: str, value: str, *, said: str) -> Node | str | None:
    """`written` compared by `op` with `value`; `said` is the value as it stands in q, with quotes.

    A tree; a sentence that refuses it; or None when it is text.
    """
    field = FIELD + written
    if op in ORDER:
        number = read_number(value)
        if number is not None:
            return Compare(field, op, number)
        if _ALSO.get(written.lower()) == "level" and value.lower() in LEVELS:
            return LevelIn(levels_of(op, LEVELS[value.lower()]))
        if op == "<" and value[0] == ">" and read_number(value[1:]) is not None:
            return f"there is no <>, try -{_attribute(written)}:{value[1:41]} {_QUOTE}"
        if written.lower() in _TIMES:
            return f"times are not compared here; choose where to start reading, {_QUOTE}"
        if op in (">=", "<=") or re.match(r"[+-]?\.?\d", value):
            return f"{written}{op} compares with a number, got {value[:40]}; correct it {_QUOTE}"
        return None
    if op == "!=":
        return f"there is no !=, try -{_attribute(written)}:{value[:40]} {_QUOTE}"
    quoted = value != said
    if value[0] not in "/\\" and (meant := _also(written, value, quoted=quoted)):
        by_field = () if op == "=" else (value_of(field, value, quoted=quoted),)
        whole = f"{written}{op}{said}"
        return Or((Text(whole, smart_case(whole)), *by_field, meant))
    if not quoted and (op == "=" or (op == ":" and value[0] in "/:\\")):
        return None  # behind = a text finds fields as well: see Batch.texts
    if op == "=":
        pair = f"{written}={value}"
        return or_text(f"{written}={said}", Text(pair, smart_case(pair)))
    if op == ":" and (close := _misspelt(written)):
        return f"there is no {written}: here, try {close}: {_QUOTE}"
    return or_text(written + op + said, value_of(field, value, quoted=quoted))


def or_text(written: str, meant: Node) -> Node:
    """What was meant, or lines with the text as it was written: it may have been pasted."""
    return Or((Text(written, smart_case(written)), meant))


def _misspelt(written: str) -> str | None:
    if not written.islower():
        return None
    close = difflib.get_close_matches(written, (*ATTRIBUTES, "field"), n=1, cutoff=0.75)
    return {"field": "field.NAME"}.get(close[0], close[0]) if close else None
