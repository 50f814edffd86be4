"""One pass over a text that says which rules have to look at it.

The first automaton has one pattern for all issuers' prefixes together; only a hit asks the second
one which issuer it is. One automaton for all would save that call, and its states would not fit:
text made up of prefixes cost 600 ns a byte in it, for good, and 30 in the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import re2

from policies.redaction.rules import Rule, options
from policies.redaction.visible_text import INVISIBLE_HINT

_MEMORY: Final = 32 << 20  # bytes for an automaton


class Scan:
    """The hints of all rules. Places in `rules` are positions in the list of rules."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        first = re2.Set.SearchSet(options(memory=_MEMORY))
        issuers = re2.Set.SearchSet(options(memory=_MEMORY))
        self._issuers = [place for place, rule in enumerate(rules) if rule.starts]
        self._others = [place for place, rule in enumerate(rules) if not rule.starts]
        for place in self._others:
            first.Add(rules[place].hint or rules[place].pattern)
        for place in self._issuers:
            issuers.Add(rules[place].hint)
        # An escape means that something may hide behind URL encoding, an invisible character that
        # rules must look at the visible text. The last one matches every text: where it is missing
        # the automaton gave up, and every rule is asked singly. It matches at a text's beginning
        # alone: a match at every byte would be noted at every byte, a third of the scan's time.
        hints = "|".join(rules[place].hint for place in self._issuers)
        self._issued = first.Add(hints) if hints else -1
        self._escape = first.Add("%[0-9A-Fa-f]{2}")
        self.invisible = first.Add(INVISIBLE_HINT)
        self.witness = first.Add(r"\A")
        first.Compile()
        issuers.Compile()
        self.match = first.Match
        self._match_issuers = issuers.Match
        self.clean: Final = [self.witness]
        self._all = list(range(len(rules)))
        # The usual cases, for speed: one rule or the issuers, and the witness, in either order.
        alone = {hit: [place] for hit, place in enumerate(self._others)} | {self._issued: []}
        self._alone = {
            hits: places
            for hit, places in alone.items()
            for hits in ((hit, self.witness), (self.witness, hit))
        }
        self._issuer = [[place] for place in self._issuers]

    def is_escaped(self, hits: list[int] | None) -> bool:
        """Whether something may hide behind URL encoding."""
        return hits is None or self._escape in hits or self.witness not in hits

    def rules(self, raw: bytes, hits: list[int] | None) -> list[int]:
        """The rules that have to look, in their order."""
        if hits is None or self.witness not in hits:
            return self._all
        if len(hits) == 2:
            alone = self._alone.get((hits[0], hits[1]))
            if alone is not None:
                return alone or self._which_issuers(raw)
        others = len(self._others)
        found = [self._others[hit] for hit in hits if hit < others]
        if self._issued in hits:
            found += self._which_issuers(raw)
        found.sort()
        return found

    def _which_issuers(self, raw: bytes) -> list[int]:
        """All of them where the second automaton gave up or was misled by the first."""
        which: list[int] | None = self._match_issuers(raw)
        if which and len(which) == 1:
            return self._issuer[which[0]]
        return sorted([self._issuers[hit] for hit in which]) if which else self._issuers
