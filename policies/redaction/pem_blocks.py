"""Private keys that arrive line by line: the block is masked across the lines of one flow.

A rule sees one line; of a key in PEM form the first line says what it is and the rest looks like
any base64. This keeps, per flow, whether a block is open. Memory is bounded: only flows inside a
block are kept, and a block that never ends is given up after as many lines as the longest key has.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

RULE: Final = "private-key"
MASK: Final = f"[redacted:{RULE}]"
MAX_FLOWS: Final = 1024
MAX_LINES: Final = 400  # a 16,384-bit RSA key has about 200
MAX_STRANGERS: Final = 3  # lines in a row that cannot belong to a key end the block

_BEGIN: Final = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_END: Final = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_HEADER: Final = re.compile(r"\s*(?:[A-Za-z-]{2,20}: [^\r\n]*)?\s*")
_BODY: Final = re.compile(r"[A-Za-z0-9+/=]+")
_LONG: Final = 16  # characters from which the last word of a prefixed line counts as key material


class BlockMasker:
    """State of the open blocks of one process's flows. Not for use from several threads."""

    def __init__(self, *, max_flows: int = MAX_FLOWS) -> None:
        self._open: OrderedDict[Hashable, list[int]] = OrderedDict()  # flow -> [lines, strangers]
        self._max_flows = max_flows

    def line(self, flow: Hashable, text: str) -> tuple[str, tuple[str, ...]]:
        """The line without its part of a private key; the same object and () when it has none."""
        if self._open and flow in self._open:  # to hash a flow costs more than the rest
            return self._inside(flow, text)
        if "-----BEGIN " not in text:
            return text, ()
        return self._outside(flow, text)

    def end(self, flow: Hashable) -> None:
        """The flow is over: forget it."""
        self._open.pop(flow, None)

    def _outside(self, flow: Hashable, text: str) -> tuple[str, tuple[str, ...]]:
        begins = list(_BEGIN.finditer(text))
        begin = begins[-1] if begins else None
        if begin is None or _END.search(text, begin.end()):
            return text, ()  # nothing, or a whole block: the rule for one text sees it
        self._open[flow] = [0, 0]
        if len(self._open) > self._max_flows:
            self._open.popitem(last=False)
        return text[: begin.start()] + MASK, (RULE,)

    def _inside(self, flow: Hashable, text: str) -> tuple[str, tuple[str, ...]]:
        end = _END.search(text)
        if end is not None:
            del self._open[flow]
            rest, _ = self.line(flow, text[end.end() :])
            return MASK + rest, (RULE,)
        state = self._open[flow]
        state[0] += 1
        strange = not _belongs(text)
        state[1] = state[1] + 1 if strange else 0
        if state[0] >= MAX_LINES or state[1] >= MAX_STRANGERS:
            del self._open[flow]
        return (text, ()) if strange else (MASK, (RULE,))


def _belongs(text: str) -> bool:
    """Whether the line can be part of a PEM block, a logger's prefix before it included."""
    words = text.split()
    if not words or _HEADER.fullmatch(text):
        return True
    last = words[-1].strip("\"',\\")
    return bool(_BODY.fullmatch(last)) and (len(words) == 1 or len(last) >= _LONG)
