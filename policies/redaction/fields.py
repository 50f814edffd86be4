"""Masks secrets in an event's fields: by the names of their values and by what the values are.

Names are keys of objects, the first of a pair (`["x-api-key", ".."]`), the name in
`{"name": .., "value": ..}`, and flags in lists of arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from policies.redaction.checks import is_id_name
from policies.redaction.harmless_values import is_harmless, is_sentence, looks_issued
from policies.redaction.masks import MASK, WORD, Mask
from policies.redaction.secret_names import SecretNames, Verdict

FIELD: Final = "sensitive-field"  # the rule that goes by a field's name
MAX_DEPTH: Final = 32  # of fields; deeper values are masked unseen
_MAX_PLAIN_NUMBER: Final = 10**11  # a number from here on may be a card's
_MAX_CARD: Final = 10**20  # ... and up to here
_MAX_VALUES: Final = 10_000  # beyond it, or in a cycle, fields are walked with a bound on depth
_NAME_KEYS: Final = frozenset(
    ("name", "key", "header", "field", "param", "id", "k", "Name", "Key", "Header", "headerName")
)
_VALUE_KEYS: Final = frozenset(("value", "val", "v", "values", "Value", "Values", "headerValue"))
_FIELD_NAMES: Final = frozenset(("email", "user", "username", "name", "login", "id", "password"))


def texts_to_scan(fields: dict[str, Any], names: SecretNames) -> list[str] | None:
    """All texts in the fields; None when something needs a closer look than one scan."""
    texts: list[str] = []
    todo: list[Any] = [fields]
    left = _MAX_VALUES
    for value in todo:  # grows while it is read
        items: Iterable[Any] = value
        if type(value) is dict:
            if tuple(value) not in names.harmless_together and _names_a_secret(value, names):
                return None
            texts += value
            items = value.values()
        elif _names_another(value, names):
            return None
        left -= len(value)
        if left < 0:
            return None
        for item in items:
            kind = type(item)
            if kind is str:
                texts.append(item)
            elif kind is int or kind is float:
                if not -_MAX_PLAIN_NUMBER < item < _MAX_PLAIN_NUMBER:
                    return None
            elif kind is bool or item is None:
                continue
            elif kind is dict or kind is list:
                todo.append(item)
            else:
                return None
    return texts


def _names_a_secret(value: dict[Any, Any], names: SecretNames) -> bool:
    for key in value:
        if type(key) is not str or names[key]:
            return True
    if _VALUE_KEYS.isdisjoint(value):
        names.keep_harmless(tuple(value))
        return False
    return bool(_named(value, names))


def _named(value: dict[Any, Any], names: SecretNames) -> Verdict:
    """What the name in `{"name": .., "value": ..}` says about the value."""
    verdict = Verdict.HARMLESS
    for key in _NAME_KEYS.intersection(value):
        if type(value[key]) is str:
            verdict = max(verdict, names[value[key]])
    return verdict


def _names_another(items: list[Any], names: SecretNames) -> bool:
    """Whether an item says what the next one is: the first of a pair, a flag."""
    if len(items) == 2:
        return type(items[0]) is str and bool(names[items[0]])
    # A list: a generator costs as much as the rest of a short one.
    return any([names[item] for item in items if type(item) is str and item[:1] == "-"])  # noqa: C419


def _is_id(name: Any, value: Any) -> bool:
    digits = str(value) if type(value) in (int, str) else ""
    return 11 < len(digits) < 20 and digits.isdigit() and is_id_name(str(name))


@dataclass(slots=True)
class FieldWalk:
    """One walk through the fields of one event; `hits` are the names of the rules that masked."""

    text: Callable[[str, Mask], tuple[str, tuple[str, ...]]]
    names: SecretNames
    mask: Mask
    hits: dict[str, None] = field(default_factory=dict)

    def masked(self, value: Any, *, secret: Verdict = Verdict.HARMLESS, depth: int = 0) -> Any:
        """The value without secrets; `secret` is what the names above it say."""
        if depth > MAX_DEPTH and isinstance(value, (dict, list, tuple)):
            return self._of(b"", token=False)
        if isinstance(value, dict):
            return self._object(value, secret, depth)
        if isinstance(value, (list, tuple)):
            return self._list(value, secret, depth)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (int, float)):
            return self._number(value, secret)
        text = str(value)
        if secret and self._is_secret(text, secret):
            raw = text.encode("utf-8", "surrogatepass")
            return self._of(raw, token=secret in (Verdict.ISSUED, Verdict.LIKELY))
        shown, hit = self.text(text, self.mask)
        self.hits.update(dict.fromkeys(hit))
        return shown if hit else value

    def _object(self, value: dict[Any, Any], secret: Verdict, depth: int) -> dict[str, Any]:
        named = Verdict.HARMLESS
        if not _VALUE_KEYS.isdisjoint(value):
            named = _named(value, self.names)
        masked: dict[str, Any] = {}
        for key, item in value.items():
            name, hit = self.text(str(key), self.mask)
            self.hits.update(dict.fromkeys(hit))
            while name in masked:  # two secrets, one mask: keep both values
                name += "'"
            verdict = max(secret, self.names[str(key)])
            if named and key in _VALUE_KEYS:
                verdict = max(verdict, named)
            if not verdict and _is_id(key, item):
                masked[name] = item
                continue
            masked[name] = self.masked(item, secret=verdict, depth=depth + 1)
        return masked

    def _list(self, value: Any, secret: Verdict, depth: int) -> list[Any]:
        """A list; its second item is a secret if the first names one, as after a flag."""
        masked: list[Any] = []
        pair = len(value) == 2
        before: Any = None
        for item in value:
            verdict = secret
            if type(before) is str and (pair or before[:1] == "-"):
                named = self.names[before]
                plain = type(item) is str and (item in _FIELD_NAMES or item[:1] == "-")
                verdict = secret if plain else max(secret, named)
            masked.append(self.masked(item, secret=verdict, depth=depth + 1))
            before = item
        return masked

    def _number(self, value: float, secret: Verdict) -> Any:
        if secret is Verdict.CHOSEN:
            return self._of(b"", token=False)
        if secret is Verdict.PHONE and 10**6 <= value < 10**17:
            return self._of(b"", token=False)
        if -_MAX_PLAIN_NUMBER < value < _MAX_PLAIN_NUMBER or abs(value) > _MAX_CARD:
            return value
        text, hit = self.text(str(value), self.mask)
        self.hits.update(dict.fromkeys(hit))
        return text if hit else value

    def _is_secret(self, text: str, secret: Verdict) -> bool:
        raw = text.encode("utf-8", "surrogatepass")
        if not WORD.search(MASK.sub(b"", raw)) or is_harmless(raw) or is_sentence(raw):
            return False
        if secret is Verdict.PHONE:
            return 7 <= sum(48 <= byte <= 57 for byte in raw) <= 17
        return secret is not Verdict.LIKELY or looks_issued(raw)

    def _of(self, raw: bytes, *, token: bool) -> str:
        self.hits[FIELD] = None
        return self.mask.of(FIELD, raw, token=token).decode()
