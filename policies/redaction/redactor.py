"""Masks secrets in text and fields: `[redacted:rule#token]`, the rules' names beside it.

Pure, no Django: the runner redacts with it before it truncates, the console again before it
filters. One automaton over all rules decides whether a text is clean; only a hit is rewritten.
Rules match what a reader sees (policies.redaction.visible_text). Rewriting goes on until no rule
changes anything, so that redacting twice is redacting once. Linear in the length of the text, and
never raises for what a guest printed.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from policies.redaction import visible_text
from policies.redaction.builtin_rules import BUILTIN_RULES
from policies.redaction.fields import FieldWalk, texts_to_scan
from policies.redaction.masks import (
    Mask,
    decode,
    looks_at_edges,
    places_of,
    replace,
    spans_of,
)
from policies.redaction.open_ends import half_token
from policies.redaction.pem_blocks import BlockMasker
from policies.redaction.rules import MAX_RULES, Rule, RuleError, compile_pattern
from policies.redaction.scan import Scan
from policies.redaction.secret_names import SecretNames
from policies.redaction.visible_text import HiddenSpan

__all__ = [
    "BUILTIN_RULES",
    "BlockMasker",
    "Mask",
    "Preview",
    "Redactor",
    "Rule",
    "RuleError",
    "preview",
]

LINE: Final = "line"  # a whole text, when its masks would not come to rest
_ROUNDS: Final = 12  # of rewriting; three is the most that ordinary lines need
_ESCAPE_LEVELS: Final = 3  # URLs in parameters of URLs in parameters


class Redactor:
    """All rules, ready to run. Immutable and safe to share between threads."""

    def __init__(self, rules: Iterable[Rule] = BUILTIN_RULES, *, key: bytes | None = None) -> None:
        self.rules = tuple(rules)
        if len(self.rules) > MAX_RULES:
            raise RuleError(f"expected at most {MAX_RULES} rules, got {len(self.rules)}")
        self._names = SecretNames()
        self._master = key or None
        self._compiled = [(rule, compile_pattern(rule.pattern)) for rule in self.rules]
        self._scan = Scan(self.rules)
        self._match = self._scan.match
        self._clean = self._scan.clean
        self._invisible, self._witness = self._scan.invisible, self._scan.witness
        # Texts may be scanned joined by newlines only if no rule looks at a text's edges.
        self._joinable = not any(looks_at_edges(rule.pattern) for rule in self.rules)
        self._masks = lru_cache(maxsize=4096)(self._derive)

    @property
    def fingerprint(self) -> str:
        """Changes whenever the rules do."""
        parts = [
            f"{rule.name}\x00{rule.pattern}\x00{rule.token}\x00{rule.keywords}"
            for rule in self.rules
        ]
        return hashlib.sha256("\x01".join(parts).encode()).hexdigest()[:16]

    def mask(self, stream: str, day: str) -> Mask:
        """The mask of `tenant:extension` on the UTC day (`YYYY-MM-DD`) of an event's id."""
        return self._masks(stream, day)

    def _derive(self, stream: str, day: str) -> Mask:
        if self._master is None:
            return Mask(None)
        return Mask(hmac.digest(self._master, f"{stream}|{day}".encode(), "sha256"))

    def text(self, text: str, mask: Mask) -> tuple[str, tuple[str, ...]]:
        """The text without secrets and the rules that hit; the same object and () when clean."""
        try:
            raw = text.encode()
        except UnicodeEncodeError:  # a lone surrogate
            raw = text.encode("utf-8", "surrogatepass")
        hits = self._match(raw)
        if hits == self._clean:
            return text, ()
        names: dict[str, None] = {}
        if hits is None or self._invisible in hits or self._witness not in hits:
            masked = self._see_through(raw, mask, names)
        else:
            masked = self._rewrite(raw, hits, mask, names)
        if not names:
            return text, ()
        return decode(masked), tuple(names)

    def cut_text(self, text: str, mask: Mask) -> tuple[str, tuple[str, ...]]:
        """As `text`, for one that somebody cut: half a token at its end is masked too."""
        shown, names = self.text(text, mask)
        raw = shown.encode("utf-8", "surrogatepass")
        half = half_token(raw)
        if half is None:
            return shown, names
        start, name = half
        masked = decode(raw[:start] + mask.of(name, b"", token=False))
        return masked, tuple(dict.fromkeys((*names, name)))

    def parts(
        self, texts: Sequence[str | None], mask: Mask
    ) -> tuple[Sequence[str | None], tuple[str, ...]]:
        """Several texts of one event in one scan; the same sequence if all are clean."""
        if self._joinable and self._is_clean([text for text in texts if text]):
            return texts, ()
        names: dict[str, None] = {}
        masked: list[str | None] = []
        for text in texts:
            changed, hit = self.text(text, mask) if text else (text, ())
            masked.append(changed)
            names.update(dict.fromkeys(hit))
        return (masked, tuple(names)) if names else (texts, ())

    def _is_clean(self, texts: Iterable[str]) -> bool:
        """Whether one scan over all of them finds nothing; False is only a suspicion."""
        raw = "\n".join(texts).encode("utf-8", "surrogatepass")
        clean: bool = self._match(raw) == self._clean
        return clean

    def texts_of(self, fields: dict[str, Any]) -> list[str] | None:
        """The texts that `are_clean` is to be asked of; None where only `fields` can tell."""
        return texts_to_scan(fields, self._names)

    def are_clean(self, texts: Sequence[str]) -> bool:
        """Whether one scan shows that no rule would change any of the texts; False is only a
        suspicion."""
        return self._joinable and self._is_clean(texts)

    def fields(self, fields: dict[str, Any], mask: Mask) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Fields without secrets, keys included; the same object and () when clean."""
        if self._joinable:
            texts = texts_to_scan(fields, self._names)
            if texts is not None and self._is_clean(texts):
                return fields, ()
        walk = FieldWalk(self.text, self._names, mask)
        masked = walk.masked(fields)
        return (masked, tuple(walk.hits)) if walk.hits else (fields, ())

    def _see_through(self, raw: bytes, mask: Mask, names: dict[str, None]) -> bytes:
        """Rewrite what any viewer sees: one that knows escape sequences, and one that knows colours
        alone and shows the bytes of all others."""
        for _ in range(_ROUNDS):
            before = raw
            raw = self._visible(raw, mask, names)
            if not visible_text.has_other_sequences(raw):
                return raw
            seen, gaps = visible_text.split(raw, colours_alone=True)
            hits = self._match(seen)
            if hits != self._clean:
                raw = visible_text.join(self._rewrite(seen, hits, mask, names, gaps), gaps)
            if raw == before:
                return raw
        names[LINE] = None
        return mask.of(LINE, b"", token=False)

    def _visible(self, raw: bytes, mask: Mask, names: dict[str, None]) -> bytes:
        """Rewrite what is visible, and the texts inside escape sequences each for itself."""
        is_clean = self._match(visible_text.strip(raw)) == self._clean
        if is_clean and not visible_text.has_payload(raw):
            return raw
        seen, gaps = visible_text.split(raw)
        payloads = [gap for gap in gaps if gap.payload]
        for gap in payloads:
            start, end = gap.payload or (0, 0)
            inner = gap.raw[start:end]
            hits = self._match(inner)
            if hits != self._clean:
                masked = self._rewrite(inner, hits, mask, names)
                gap.raw = gap.raw[:start] + masked + gap.raw[end:]
        hits = self._match(seen)
        if hits != self._clean:
            seen = self._rewrite(seen, hits, mask, names, gaps)
        return visible_text.join(seen, gaps)

    def _rewrite(
        self,
        raw: bytes,
        hits: list[int] | None,
        mask: Mask,
        names: dict[str, None],
        gaps: list[HiddenSpan] | None = None,
    ) -> bytes:
        scan, compiled = self._scan, self._compiled
        places = scan.rules(raw, hits)
        for _ in range(_ROUNDS + len(places)):
            before = raw
            for place in places:
                rule, pattern = compiled[place]
                raw = replace(raw, spans_of(rule, pattern, raw), rule, mask, names, gaps)
                if raw is not before:  # the others may have nothing left to look at
                    break
            else:
                if scan.is_escaped(hits):
                    raw = self._behind_escapes(raw, mask, names, gaps)
                if raw is before:
                    return raw
            hits = self._match(raw)
            if hits == self._clean:
                return raw
            places = scan.rules(raw, hits)
        names[LINE] = None
        if gaps:
            gaps.clear()
        return mask.of(LINE, b"", token=False)

    def _behind_escapes(
        self, raw: bytes, mask: Mask, names: dict[str, None], gaps: list[HiddenSpan] | None
    ) -> bytes:
        """Mask what is a secret once URL encoding is undone, escapes of escapes included."""
        plain = raw
        for level in range(1, _ESCAPE_LEVELS + 1):
            plain = unquote_to_bytes(plain)
            hits = self._match(plain)
            if hits == self._clean:
                return raw  # not even an escape is left
            for place in self._scan.rules(plain, hits):
                rule, pattern = self._compiled[place]
                found = spans_of(rule, pattern, plain)
                if found:
                    places = places_of(raw, level)
                    spans = [(places[start], places[end]) for start, end in found]
                    return replace(raw, spans, rule, mask, names, gaps)
            if not self._scan.is_escaped(hits):
                return raw
        return raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a set of rules does to a sample, for a person who edits them."""

    before: str
    after: str
    names: tuple[str, ...]


def preview(text: str, rules: Iterable[Rule], *, key: bytes | None = None) -> Preview:
    """The sample as watchers would see it under these rules."""
    redactor = Redactor(rules, key=key)
    after, names = redactor.text(text, redactor.mask("preview", "preview"))
    return Preview(before=text, after=after, names=names)
