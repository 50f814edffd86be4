"""What else people write for an attribute or a comparison than the language's own words.

`ms>=500`, `fields.ms>=500`, `requestId:x`, `level=error`, `status:500` are understood;
`status!=500`, `time>10:00`, `lvel:warn` are refused with what was meant. As mere text they would
find nothing, in silence. What is pasted from a line (`key=value`, `a->b`, `http://x`) still finds
it.
"""

from __future__ import annotations

import difflib
import re
from typing import Final

from extdebug.filters.query import (
    ATTRIBUTES,
    FIELD,
    Compare,
    Node,
    Or,
    Text,
    read_number,
    smart_case,
    value_of,
)

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
_TIMES: Final = frozenset(("time", "ts", "timestamp", "date", "since", "until"))
_QUOTE: Final = "or quote it to search for the text"


def known_name(written: str) -> str | None:
    """The attribute that is written so; None when there is none."""
    if written.startswith("fields."):
        return FIELD + written.removeprefix("fields.")
    if written.startswith(FIELD) or written in ATTRIBUTES:
        return written
    return OTHER_NAMES.get(written)


def comparison(written: str, op: str, value: str, *, said: str) -> Node | str | None:
    """`written` compared by `op` with `value`; `said` is the value as it stands in q, with quotes.

    A tree; a sentence that refuses it; or None when it is text.
    """
    field = FIELD + written
    if op in ORDER:
        number = read_number(value)
        if number is not None:
            return Compare(field, op, number)
        if written.lower() in _TIMES:
            return f"times are not compared here; choose where to start reading, {_QUOTE}"
        if op in (">=", "<=") or re.match(r"[+-]?\.?\d", value):
            return f"{written}{op} compares with a number, got {value[:40]}; correct it {_QUOTE}"
        return None
    if op == "!=":
        meant = written if known_name(written) else field
        return f"there is no !=, try -{meant}:{value[:40]} {_QUOTE}"
    quoted = value != said
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
