"""Masks themselves: how one looks, where secrets are in a line, and how they are replaced.

Works on UTF-8 bytes, as RE2 does; places are byte offsets.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from policies.redaction.rules import Rule
from policies.redaction.visible_text import HiddenSpan, shift

MIN_TOKEN_BYTES: Final = 16  # a shorter secret could be guessed, printed and compared
MASK: Final = re.compile(rb"\[redacted:[a-z0-9-]{1,64}(?:#[0-9a-f]{8})?\]")
WORD: Final = re.compile(rb"[A-Za-z0-9\x80-\xff]")  # in what has none there is no secret
_MASKED: Final = b"[redacted:"
_ESCAPE: Final = re.compile(rb"%[0-9A-Fa-f]{2}")


@dataclass(frozen=True, slots=True)
class Mask:
    """How secrets of one stream look on one day. Without a key masks carry no token."""

    key: bytes | None

    def of(self, rule: str, secret: bytes, *, token: bool) -> bytes:
        """The mask of one secret."""
        if self.key is None or not token or len(secret) < MIN_TOKEN_BYTES:
            return b"[redacted:%b]" % rule.encode()
        digest = _keyed(self.key).copy()  # a copy of one that has its key costs half
        digest.update(secret)
        return f"[redacted:{rule}#{digest.hexdigest()}]".encode()


@lru_cache(maxsize=64)
def _keyed(key: bytes) -> hashlib.blake2b:
    return hashlib.blake2b(key=key, digest_size=4)


def looks_at_edges(pattern: str) -> bool:
    """Whether the pattern has an anchor (outside of character classes)."""
    rest = re.sub(r"\\[^AzZ]|\[\^?\]?(?:\\.|[^\]\\])*\]", "", pattern)
    return re.search(r"[\^$]|\\[AzZ]", rest) is not None


def decode(raw: bytes) -> str:
    """The text again; lone surrogates that a guest printed come back."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        pass
    try:
        return raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace")


def places_of(raw: bytes, levels: int) -> list[int]:
    """For each byte left after undoing URL encoding so often, and for the end, its place in raw."""
    places = list(range(len(raw) + 1))
    for level in range(levels):
        kept: list[int] = []
        done = 0
        for match in _ESCAPE.finditer(raw):
            kept += places[done : match.start() + 1]
            done = match.end()
        places = kept + places[done:]
        if level + 1 < levels:
            raw = unquote_to_bytes(raw)
    return places


def spans_of(rule: Rule, compiled: Any, raw: bytes) -> list[tuple[int, int]]:
    """Where the rule's secrets are, without what is masked already."""
    masks = [match.span() for match in MASK.finditer(raw)] if _MASKED in raw else ()
    if not masks:
        return list(rule.places(compiled, raw))
    spans: list[tuple[int, int]] = []
    at = 0
    for start, end in rule.places(compiled, raw):
        while at < len(masks) and masks[at][1] <= start:
            at += 1
        for place in range(at, len(masks)):  # never cut a mask in two
            left, right = masks[place]
            if left >= end:
                break
            start, end = min(start, left), max(end, right)
        if WORD.search(MASK.sub(b"", raw[start:end])):
            spans.append((start, end))
    return spans


def replace(
    raw: bytes,
    spans: list[tuple[int, int]],
    rule: Rule,
    mask: Mask,
    names: dict[str, None],
    gaps: list[HiddenSpan] | None = None,
) -> bytes:
    """The line with a mask in each place; `names` takes the rule's name, `gaps` move along."""
    if not spans:
        return raw
    names[rule.name] = None
    if len(spans) == 1 and not gaps:  # the usual case, for speed
        start, end = spans[0]
        return raw[:start] + mask.of(rule.name, raw[start:end], token=rule.token) + raw[end:]
    pieces: list[bytes] = []
    moves: list[tuple[int, int, int]] = []
    done = 0
    for start, end in spans:
        if start < done:  # widened over a mask into the span before
            start = done
        if start >= end:
            continue
        shown = mask.of(rule.name, raw[start:end], token=rule.token)
        pieces += (raw[done:start], shown)
        moves.append((start, end, len(shown)))
        done = end
    pieces.append(raw[done:])
    if gaps:
        gaps[:] = shift(gaps, moves)
    return b"".join(pieces)
