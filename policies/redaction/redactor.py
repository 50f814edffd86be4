"""Masks secrets in text and fields: `[redacted:rule#token]`, the rules' names beside it.

Pure, no Django: the runner redacts with it before it truncates, the console again before it
filters. One automaton over all rules decides whether a text is clean; only a hit is rewritten.
Rewriting goes on until no rule changes anything, so that redacting twice is redacting once.
Linear in the length of the text, and never raises for what a guest printed.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import re2

from policies.redaction.builtin_rules import BUILTIN_RULES, DEFAULT_FIELD_NAMES
from policies.redaction.field_names import FieldNames, FieldVerdict
from policies.redaction.masks import (
    MASK,
    WORD,
    Mask,
    decode,
    looks_at_edges,
    places_of,
    replace,
    spans_of,
)
from policies.redaction.pem_blocks import BlockMasker
from policies.redaction.rules import MAX_RULES, Rule, RuleError, compile_pattern, options

__all__ = [
    "BUILTIN_RULES",
    "DEFAULT_FIELD_NAMES",
    "BlockMasker",
    "Mask",
    "Preview",
    "Redactor",
    "Rule",
    "RuleError",
    "preview",
]

FIELD: Final = "sensitive-field"  # the rule that goes by a field's name
LINE: Final = "line"  # a whole text, when its masks would not come to rest
MAX_DEPTH: Final = 32  # of fields; deeper values are masked unseen
_ROUNDS: Final = 12  # of rewriting; three is the most that ordinary lines need
_SCAN_MEMORY: Final = 16 << 20  # for the automaton of all rules
_ESCAPE_LEVELS: Final = 3  # URLs in parameters of URLs in parameters
_MAX_PLAIN_NUMBER: Final = 10**11  # a number from here on may be a card's
_MAX_CARD: Final = 10**20  # ... and up to here
_MAX_VALUES: Final = 10_000  # beyond it, or in a cycle, fields are walked with a bound on depth


class Redactor:
    """All rules, ready to run. Immutable and safe to share between threads."""

    def __init__(
        self,
        rules: Iterable[Rule] = BUILTIN_RULES,
        *,
        field_names: Iterable[str] = DEFAULT_FIELD_NAMES,
        key: bytes | None = None,
    ) -> None:
        self.rules = tuple(rules)
        if len(self.rules) > MAX_RULES:
            raise RuleError(f"expected at most {MAX_RULES} rules, got {len(self.rules)}")
        self._names = FieldNames(field_names)
        self._master = key or None
        self._compiled = [(rule, compile_pattern(rule.pattern)) for rule in self.rules]
        scan = re2.Set.SearchSet(options(memory=_SCAN_MEMORY))
        for rule in self.rules:
            scan.Add(rule.hint or rule.pattern)
        # An escape means that something may hide behind URL encoding. The last one matches every
        # text: where it is missing the automaton gave up, and every rule is asked singly.
        self._escape = scan.Add("%[0-9A-Fa-f]{2}")
        self._witness = scan.Add("")
        scan.Compile()
        self._match = scan.Match
        self._clean = [self._witness]
        self._all = list(range(self._witness))
        # Texts may be scanned joined by newlines only if no rule looks at a text's edges.
        self._joinable = not any(looks_at_edges(rule.pattern) for rule in self.rules)
        self._masks = lru_cache(maxsize=4096)(self._derive)

    @property
    def fingerprint(self) -> str:
        """Changes whenever the rules or field names do."""
        parts = [
            f"{rule.name}\x00{rule.pattern}\x00{rule.token}\x00{rule.keywords}"
            for rule in self.rules
        ]
        parts += sorted(self._names.names)
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
        except UnicodeEncodeError:
            raw = text.encode("utf-8", "surrogatepass")
        hits = self._match(raw)
        if hits == self._clean:
            return text, ()
        names: dict[str, None] = {}
        masked = self._rewrite(raw, hits, mask, names)
        if not names:
            return text, ()
        return decode(masked), tuple(names)

    def parts(
        self, texts: Sequence[str | None], mask: Mask
    ) -> tuple[Sequence[str | None], tuple[str, ...]]:
        """Several texts of one event in one scan; the same sequence if all are clean."""
        if self._joinable and self.clean([text for text in texts if text]):
            return texts, ()
        names: dict[str, None] = {}
        masked: list[str | None] = []
        for text in texts:
            changed, hit = self.text(text, mask) if text else (text, ())
            masked.append(changed)
            names.update(dict.fromkeys(hit))
        return (masked, tuple(names)) if names else (texts, ())

    def clean(self, texts: Iterable[str]) -> bool:
        """Whether one scan over all of them finds nothing; False is only a suspicion."""
        raw = "\n".join(texts).encode("utf-8", "surrogatepass")
        return bool(self._match(raw) == self._clean)

    def fields(self, fields: dict[str, Any], mask: Mask) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Fields without secrets, keys included; the same object and () when clean."""
        if self._joinable and self._all_clean(fields):
            return fields, ()
        names: dict[str, None] = {}
        masked = self._walk(fields, mask, names, secret=FieldVerdict.HARMLESS, depth=0)
        return (masked, tuple(names)) if names else (fields, ())

    def _all_clean(self, fields: dict[str, Any]) -> bool:
        """One scan over all texts in the fields; False when something needs a closer look."""
        texts: list[str] = []
        verdicts = self._names
        todo: list[Any] = [fields]
        for value in todo:  # grows while it is read
            kind = type(value)
            if kind is str:
                texts.append(value)
            elif kind is dict:
                for key, item in value.items():
                    if type(key) is not str or verdicts[key]:
                        return False
                    texts.append(key)
                    if type(item) is str:
                        texts.append(item)
                    else:
                        todo.append(item)
            elif kind is list:
                todo += value
            elif kind is int or kind is float:
                if not -_MAX_PLAIN_NUMBER < value < _MAX_PLAIN_NUMBER:
                    return False
            elif value is not None and kind is not bool:
                return False
            if len(todo) > _MAX_VALUES:
                return False
        return self.clean(texts)

    def _walk(
        self, value: Any, mask: Mask, names: dict[str, None], *, secret: FieldVerdict, depth: int
    ) -> Any:
        if depth > MAX_DEPTH and isinstance(value, (dict, list, tuple)):
            names[FIELD] = None
            return mask.of(FIELD, b"", token=False).decode()
        if isinstance(value, dict):
            masked: dict[str, Any] = {}
            for key, item in value.items():
                name, hit = self.text(str(key), mask)
                names.update(dict.fromkeys(hit))
                while name in masked:  # two secrets, one mask: keep both values
                    name += "'"
                verdict = max(secret, self._names[str(key)])
                masked[name] = self._walk(item, mask, names, secret=verdict, depth=depth + 1)
            return masked
        if isinstance(value, (list, tuple)):
            return [self._walk(i, mask, names, secret=secret, depth=depth + 1) for i in value]
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (int, float)):
            if secret is FieldVerdict.CHOSEN:
                names[FIELD] = None
                return mask.of(FIELD, b"", token=False).decode()
            if -_MAX_PLAIN_NUMBER < value < _MAX_PLAIN_NUMBER or abs(value) > _MAX_CARD:
                return value
            text, hit = self.text(str(value), mask)
            names.update(dict.fromkeys(hit))
            return text if hit else value
        text = str(value)
        if secret:
            raw = text.encode("utf-8", "surrogatepass")
            if not WORD.search(MASK.sub(b"", raw)):
                return value
            names[FIELD] = None
            return mask.of(FIELD, raw, token=secret is FieldVerdict.ISSUED).decode()
        text, hit = self.text(text, mask)
        names.update(dict.fromkeys(hit))
        return text if hit else value

    def _rewrite(
        self, raw: bytes, hits: list[int] | None, mask: Mask, names: dict[str, None]
    ) -> bytes:
        for _ in range(_ROUNDS):
            before = raw
            if hits is None or self._witness not in hits:
                hits = self._all
            for index in sorted(hits):
                if index < self._escape:
                    rule, compiled = self._compiled[index]
                    spans = spans_of(rule, compiled, raw)
                    raw = replace(raw, spans, rule, mask, names)
                elif index == self._escape:
                    raw = self._behind_escapes(raw, mask, names)
            if raw is before:
                return raw
            hits = self._match(raw)
            if hits == self._clean:
                return raw
        names[LINE] = None
        return mask.of(LINE, b"", token=False)

    def _behind_escapes(self, raw: bytes, mask: Mask, names: dict[str, None]) -> bytes:
        """Mask what is a secret once URL encoding is undone, escapes of escapes included."""
        plain = raw
        for level in range(1, _ESCAPE_LEVELS + 1):
            plain = unquote_to_bytes(plain)
            hits = self._match(plain)
            if hits == self._clean:
                return raw  # not even an escape is left
            if hits is None or self._witness not in hits:
                hits = self._all
            for index in sorted(hits):
                if index >= self._escape:
                    continue
                rule, compiled = self._compiled[index]
                found = spans_of(rule, compiled, plain)
                if found:
                    places = places_of(raw, level)
                    spans = [(places[start], places[end]) for start, end in found]
                    return replace(raw, spans, rule, mask, names)
            if self._escape not in hits:
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
