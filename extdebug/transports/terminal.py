"""Events and gaps as lines of a terminal, made safe to print.

What could act on a terminal or reorder what is read (controls, escape sequences, bidirectional
and invisible marks) is shown as `\\x1b` or `\\u202e`; JSON lines get JSON's escapes instead.
"""

from __future__ import annotations

import re
from typing import Final

from extdebug.filters.batch import flat_fields
from extdebug.wire.events import Event, Gap, GapReason, Level, encode_json

# C0 without tab and newline, DEL and C1; line and paragraph separators; what has no width or
# changes direction; variation and tag characters; surrogates, which no terminal could be sent.
_ACTIVE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)
_RESET: Final = "\x1b[0m"
_COLOURS: Final = {
    Level.TRACE: "\x1b[2m",
    Level.DEBUG: "\x1b[2m",
    Level.INFO: "",
    Level.WARN: "\x1b[33m",
    Level.ERROR: "\x1b[31m",
}
_GAP_COLOUR: Final = "\x1b[35m"
_WHY: Final = {
    GapReason.NOT_CONSUMED: "this terminal was too slow",
    GapReason.RATE_LIMITED: "more came than a session may take",
    GapReason.RETENTION: "trimmed before it was read",
    GapReason.RESET: "Redis lost or replaced the stream",
    GapReason.PRODUCER: "dropped by the runner",
    GapReason.FAILOVER: "another Redis answered",
    GapReason.UNREADABLE: "unreadable",
}


def escaped(text: str) -> str:
    """`text` with every control and invisible character spelled out; tabs and newlines stay."""
    return _ACTIVE.sub(_spelled, text)


def _spelled(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def json_line(json: bytes) -> str:
    """One encoded event as a line of JSON that is safe to print and decodes to the same value."""
    return _ACTIVE.sub(_in_json, json.decode())


def _in_json(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def json_gap(gap: Gap) -> str:
    """A loss as `{"gap": {...}}` in one line, so that it cannot be taken for an event."""
    shown = {
        "reason": gap.reason, "missed": gap.missed, "after": gap.after, "before": gap.before,
        "since": gap.since, "scope": gap.scope, "detail": gap.detail,
    }  # fmt: skip
    return json_line(encode_json({"gap": shown}))


def pretty(event: Event, *, colour: bool) -> str:
    """`time LEVEL stream install request  message  name=value`; further lines are indented."""
    head = " ".join(
        (
            event.ts[11:23] or event.ts,
            f"{event.level.value.upper():5}",
            f"{event.stream.value:6}",
            escaped(event.install_id or "-"),
            escaped(event.request_id or "-"),
        )
    )
    first, *more = escaped(event.message).split("\n")
    if event.fields:
        first = f"{first}  {escaped(flat_fields(event.fields)).replace(chr(10), ' ')}".strip()
    marks = [*(["cut"] if event.truncated else []), *(f"masked:{name}" for name in event.redacted)]
    if marks:
        first = f"{first}  [{escaped(', '.join(marks))}]"
    text = "\n".join((f"{head}  {first}", *(f"{'':12} | {line}" for line in more)))
    paint = _COLOURS[event.level]
    return f"{paint}{text}{_RESET}" if colour and paint else text


def pretty_gap(gap: Gap, *, colour: bool) -> str:
    """`--- 37 entries missing: trimmed before it was read ---`"""
    what = "events" if gap.scope == "matching" else "entries"
    count = "an unknown number of" if gap.missed is None else str(gap.missed)
    detail = f" ({escaped(gap.detail)})" if gap.detail else ""
    text = f"--- {count} {what} missing: {_WHY[gap.reason]}{detail} ---"
    return f"{_GAP_COLOUR}{text}{_RESET}" if colour else text
