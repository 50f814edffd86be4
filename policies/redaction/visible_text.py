"""A line as a reader sees it: without escape sequences and invisible characters.

Rules match on what is visible. The invisible rest is kept aside as gaps, each with its place in
the visible text, and put back around the masks. Works on UTF-8 bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# For the scan of all rules (RE2): something here is invisible or written as an escape.
INVISIBLE_HINT: Final = (
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x{80}-\x{9f}\x{ad}\x{300}-\x{36f}\x{600}-\x{605}\x{61c}"
    r"\x{6dd}\x{70f}\x{890}-\x{891}\x{8e2}\x{115f}-\x{1160}\x{17b4}-\x{17b5}\x{180b}-\x{180f}"
    r"\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{206f}\x{3164}\x{fe00}-\x{fe0f}\x{feff}"
    r"\x{ffa0}\x{fff9}-\x{fffb}\x{110bd}\x{110cd}\x{13430}-\x{1343f}\x{1bca0}-\x{1bca3}"
    r"\x{1d173}-\x{1d17a}\x{e0000}-\x{e0fff}]|\\(?:u001[bB]|x1[bB]|033|e)\["
)
# The same characters in UTF-8.
_CHARACTER: Final = (
    rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f\xad]|\xcc[\x80-\xbf]|\xcd[\x80-\xaf]"
    rb"|\xd8[\x80-\x85\x9c]|\xdb\x9d|\xdc\x8f|\xe0\xa2[\x90\x91]|\xe0\xa3\xa2|\xe1\x85[\x9f\xa0]"
    rb"|\xe1\x9e[\xb4\xb5]|\xe1\xa0[\x8b-\x8f]|\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xaf]"
    rb"|\xe3\x85\xa4|\xef\xb8[\x80-\x8f]|\xef\xbb\xbf|\xef\xbe\xa0|\xef\xbf[\xb9-\xbb]"
    rb"|\xf0\x91\x82\xbd|\xf0\x91\x83\x8d|\xf0\x93\x90[\xb0-\xbf]|\xf0\x9b\xb2[\xa0-\xa3]"
    rb"|\xf0\x9d\x85[\xb3-\xba]|\xf3\xa0[\x80-\xbf][\x80-\xbf]"
)
# At most two intermediate bytes: a run of dashes behind an escape is text, as a key's BEGIN line.
_CSI: Final = rb"(?:\x1b\[|\xc2\x9b)[0-?]*+[ -/]{0,2}+[@-~]"
_COLOUR: Final = rb"\\++(?:u001[bB]|x1[bB]|033|e)\[[0-9;:]*+m"  # as a program quotes it
_SGR: Final = rb"\x1b\[[0-9;:]*+m"
# Links, titles, clipboards: text that a terminal does not show, up to its end.
_STRING: Final = (
    rb"(?:\x1b[\]P_^X]|\xc2[\x90\x98\x9d\x9e\x9f])"
    rb"([^\x07\x1b\r\n\xc2]*+(?:\xc2(?!\x9c)[^\x07\x1b\r\n\xc2]*+)*)(?:\x07|\x1b\\|\xc2\x9c)"
)
_GAP: Final = re.compile(
    b"(?:" + b"|".join((_CSI, _STRING, rb"\x1b[ -/]{0,2}+[0-OQ-WYZ\\`-~]", _CHARACTER, _COLOUR))
    + b")"
)  # fmt: skip
# As a viewer sees it that knows colours alone, and shows the bytes of other sequences.
_COLOURS_ALONE: Final = re.compile(b"()(?:" + b"|".join((_SGR, _CHARACTER, _COLOUR)) + b")")
_OTHER_SEQUENCE: Final = re.compile(rb"\x1b(?!\[[0-9;:]*+m)|\xc2[\x90\x98\x9b\x9d\x9e\x9f]")
# The same in parts that begin with one byte each, which makes the search for them fast.
_SEQUENCE: Final = re.compile(
    rb"\x1b(?:\[[0-?]*+[ -/]{0,2}+[@-~]"
    rb"|[\]P_^X][^\x07\x1b\r\n\xc2]*+(?:\xc2(?!\x9c)[^\x07\x1b\r\n\xc2]*+)*(?:\x07|\x1b\\|\xc2\x9c)"
    rb"|[ -/]{0,2}+[0-OQ-WYZ\\`-~])"
)
_COLOURS: Final = re.compile(_COLOUR)
_CONTROLS: Final = bytes({*range(32), 127} - {9, 10, 13})
_STRING_BEGINS: Final = re.compile(rb"\x1b[\]P_^X]|\xc2[\x90\x98\x9d\x9e\x9f]")
# What begins a sequence but is none would swallow the beginning of a mask behind it.
_UNFINISHED: Final = frozenset(
    (b"\x1b", b"\xc2\x90", b"\xc2\x98", b"\xc2\x9b", b"\xc2\x9d", b"\xc2\x9e", b"\xc2\x9f")
)
_KEPT_IN_MASK: Final = re.compile(_SGR)  # colours go on after a mask


@dataclass(slots=True)
class HiddenSpan:
    """Bytes that are not seen, before the visible byte at `place`; `payload` is a string's text."""

    place: int
    raw: bytes
    payload: tuple[int, int] | None = None


def has_payload(raw: bytes) -> bool:
    """Whether a sequence may hold a text of its own, as a link's address does."""
    return _STRING_BEGINS.search(raw) is not None


def strip(raw: bytes) -> bytes:
    """The visible text alone, for a first look: several times faster than `split`."""
    seen = _SEQUENCE.sub(b"", raw)
    if not seen.isascii():
        return _GAP.sub(b"", seen)
    seen = seen.translate(None, _CONTROLS)
    return _COLOURS.sub(b"", seen) if b"\\" in seen else seen


def has_other_sequences(raw: bytes) -> bool:
    """Whether viewers differ in what they show: not all know sequences other than colours."""
    return _OTHER_SEQUENCE.search(raw) is not None


def split(raw: bytes, *, colours_alone: bool = False) -> tuple[bytes, list[HiddenSpan]]:
    """The visible text, and what has to be put back into it. `colours_alone`: as it is to a viewer
    that shows all other sequences."""
    gaps: list[HiddenSpan] = []
    pieces: list[bytes] = []
    done = place = 0
    for match in (_COLOURS_ALONE if colours_alone else _GAP).finditer(raw):
        start, end = match.span()
        if start > done:
            pieces.append(raw[done:start])
            place += start - done
        left, right = match.span(1)
        payload = (left - start, right - start) if right > left else None
        gaps.append(HiddenSpan(place, raw[start:end], payload))
        done = end
    pieces.append(raw[done:])
    return b"".join(pieces), gaps


def join(text: bytes, gaps: list[HiddenSpan]) -> bytes:
    """The line again, without the beginnings of sequences that never came."""
    pieces: list[bytes] = []
    done = 0
    for gap in gaps:
        if gap.raw in _UNFINISHED:
            continue
        pieces += (text[done : gap.place], gap.raw)
        done = gap.place
    pieces.append(text[done:])
    return b"".join(pieces)


def shift(gaps: list[HiddenSpan], spans: list[tuple[int, int, int]]) -> list[HiddenSpan]:
    """The gaps after each visible span (start, end) was replaced by so many bytes.

    Of what stood inside a span only colours are kept, so that a line does not end in red.
    """
    moved: list[HiddenSpan] = []
    grown = index = 0
    for gap in gaps:
        while index < len(spans) and spans[index][1] <= gap.place:
            start, end, length = spans[index]
            grown += length - (end - start)
            index += 1
        if index < len(spans) and spans[index][0] < gap.place:
            start, _, length = spans[index]
            if _KEPT_IN_MASK.fullmatch(gap.raw):
                moved.append(HiddenSpan(start + grown + length, gap.raw))
            continue
        moved.append(HiddenSpan(gap.place + grown, gap.raw, gap.payload))
    return moved
