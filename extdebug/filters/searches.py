"""The texts that the filters of one stream look for, found in one pass over a batch.

A search for one of them takes 5.4 us of the 15 KB of a full frame, and most find nothing; an
automaton of all of them takes 19 us, however many they are. Dozens of watchers who each look for
something else so cost their stream little more than four would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import re2

from policies.redaction.rules import options

FEWEST: Final = 8  # texts: fewer are looked for singly
SHORTEST: Final = 4096  # characters of a batch, likewise
# All texts of an automaton together, in bytes: it has about a state of 2 KB for each, once a batch
# has led there. What does not fit is looked for singly.
MOST_BYTES: Final = 4096
REVIEWED: Final = 1000  # batches after which texts that nobody looks for any more are left out
_MEMORY: Final = 32 << 20  # bytes, so that it never has to begin its states anew

Kind = tuple[bool, bool]  # whether fields are searched too, and whether case is folded
NOTHING_KNOWN: Final[Mapping[str, bool]] = {}


class Searches:
    """Owned by a stream. What is looked for is learnt from what batches are asked."""

    __slots__ = ("_texts",)

    def __init__(self) -> None:
        self._texts: dict[Kind, _Texts] = {}

    def of(self, kind: Kind) -> _Texts:
        """Those of one kind."""
        found = self._texts.get(kind)
        if found is None:
            found = self._texts[kind] = _Texts()
        return found


class _Texts:
    __slots__ = ("_asked", "_fresh", "_known", "_left_out", "_match", "_scans")

    def __init__(self) -> None:
        self._match: Callable[[bytes], list[int] | None] | None = None
        self._known: list[str] = []  # in the automaton's order, its witness before them
        self._fresh: dict[str, None] = {}  # asked, and not known
        self._asked: dict[str, None] = {}  # since the last review
        self._left_out: set[str] = set()
        self._scans = 0

    def asked(self, text: str, *, known: bool) -> None:
        """Somebody looks for it."""
        self._asked[text] = None
        if not known and text not in self._left_out:
            self._fresh[text] = None

    def scan(self, batch: str) -> Mapping[str, bool]:
        """Of the texts that are known, whether the batch has them anywhere."""
        self._scans += 1
        if self._scans % REVIEWED == 0:
            self._left_out.clear()
            self._make(self._asked)
            self._asked = {}
        elif len(self._fresh) >= max(FEWEST, len(self._known) // 4):
            self._make((*self._known, *self._fresh))
        if self._match is None:
            return NOTHING_KNOWN
        hits = self._match(batch.encode("utf-8", "surrogatepass"))
        if not hits or 0 not in hits:  # it gave up: its first pattern matches any text's beginning
            self._left_out.update(self._known)
            self._match, self._known = None, []
            return NOTHING_KNOWN
        found = dict.fromkeys(self._known, False)
        for hit in hits:
            if hit:
                found[self._known[hit - 1]] = True
        return found

    def _make(self, texts: Iterable[str]) -> None:
        self._fresh, self._match, self._known = {}, None, []
        automaton, size = re2.Set.SearchSet(options(memory=_MEMORY)), 0
        automaton.Add(r"\A")
        for text in dict.fromkeys(texts):
            taken = size + len(text.encode("utf-8", "surrogatepass"))
            if taken > MOST_BYTES or not text.isprintable():
                self._left_out.add(text)
                continue
            size = taken
            automaton.Add(re2.escape(text))
            self._known.append(text)
        if len(self._known) < FEWEST:
            self._known = []
            return
        automaton.Compile()
        self._match = automaton.Match
