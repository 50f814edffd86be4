"""The hash chain: the form of a row as canonical JSON, and the hash that includes the row before.

Pure: no database, no Django. A row is the same plain JSON object in the database and in a JSON
Lines export, so an export can be verified with this file alone.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from enum import Enum
from typing import Any, Final

import rfc8785

from audit.actions import Action, ActorKind

GENESIS: Final = "0" * 64  # `prev` of the first row
VERSION: Final = 1  # of the row's form, part of what is hashed
MAX_TEXT: Final = 200  # characters of an id, a name or a label
MAX_REASON: Final = 2_000  # characters a person may write
MAX_DATA_BYTES: Final = 16 * 1024  # canonical bytes of `data`; the largest values give way
MAX_DATA_DEPTH: Final = 8
_MAX_INT: Final = 2**53 - 1  # beyond it JSON numbers lose digits; kept as text

Row = dict[str, Any]


class AuditError(Exception):
    """The trail could not record something: what it would have recorded must not happen."""


class UnknownAction(AuditError):
    """An action outside the vocabulary of `audit.actions.Action`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acted, as text that is kept when the account is deleted."""

    kind: ActorKind = ActorKind.USER
    id: str = ""
    name: str = ""
    ip: str = ""

    def to_json(self) -> dict[str, str]:
        """The actor as a row and the outbox hold it."""
        return {"kind": self.kind.value, "id": self.id, "name": self.name, "ip": self.ip}


SYSTEM: Final = Actor(kind=ActorKind.SYSTEM, name="system")


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact to record. Every field is made to fit as the entry is made.

    Ids, names and labels become one line of at most MAX_TEXT characters, `reason` at most
    MAX_REASON characters, `data` plain JSON of at most MAX_DATA_BYTES. UnknownAction unless the
    action is in the vocabulary. With `once` the row is unique: no second row has the same key.
    """

    action: Action
    _: KW_ONLY
    actor: Actor
    tenant: str = ""
    extension: str = ""
    subject_type: str = ""
    subject_id: str = ""
    reason: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    once: str = ""

    def __post_init__(self) -> None:
        try:
            action = Action(self.action)
        except ValueError:
            raise UnknownAction(f"expected an Action, got {self.action!r}") from None
        actor = Actor(
            kind=ActorKind(self.actor.kind),
            id=_line(self.actor.id),
            name=_line(self.actor.name),
            ip=_line(self.actor.ip, limit=64),
        )
        fitted: dict[str, Any] = {"action": action, "actor": actor, "data": _data(self.data)}
        for name in ("tenant", "extension", "subject_type", "subject_id", "once"):
            fitted[name] = _line(getattr(self, name))
        fitted["reason"] = _text(self.reason)[:MAX_REASON]
        for name, value in fitted.items():
            object.__setattr__(self, name, value)


def row_of(entry: Entry, *, seq: int, at: dt.datetime, prev: str) -> Row:
    """The row that records this entry, in the one form that is hashed, with its hash."""
    row: Row = {
        "v": VERSION,
        "seq": seq,
        "at": moment(at),
        "action": entry.action.value,
        "actor": entry.actor.to_json(),
        "tenant": entry.tenant,
        "extension": entry.extension,
        "subject": {"type": entry.subject_type, "id": entry.subject_id},
        "reason": entry.reason,
        "data": dict(entry.data),
        "once": entry.once,
        "prev": prev,
    }
    row["hash"] = digest(row)
    return row


def read(line: bytes) -> Row:
    """The row of one exported line, newline included or not.

    AuditError unless it is one JSON object with the keys of a row, each once, and nothing else, in
    its canonical form: with a doubled or a further key, or letters written as escapes, a person
    (or a search) would read something else than what was hashed.
    """
    row = strict_object(line)
    parts = {
        "a row": (row, _KEYS),
        "an actor": (row.get("actor"), _ACTOR),
        "a subject": (row.get("subject"), _SUBJECT),
    }
    for name, (part, keys) in parts.items():
        if not isinstance(part, dict) or set(part) != keys:
            raise AuditError(f"expected the keys of {name}: {', '.join(sorted(keys))}")
    if type(row["v"]) is not int or row["v"] != VERSION:
        raise AuditError(f"expected version {VERSION} of the row's form")
    if canonical(row) != line.removesuffix(b"\n"):
        raise AuditError("expected canonical JSON, as an export writes it")
    return row


def strict_object(line: bytes) -> Row:
    """One JSON object of UTF-8, each key once at every depth; AuditError for anything else."""
    try:
        found: Any = json.loads(
            line.decode(), object_pairs_hook=_once_each, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise AuditError(f"expected one JSON object: {error}") from None
    if not isinstance(found, dict):
        raise AuditError("expected one JSON object")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


_KEYS: Final = {
    "v", "seq", "at", "action", "actor", "tenant", "extension", "subject", "reason", "data",
    "once", "prev", "hash",
}  # fmt: skip
_ACTOR: Final = {"kind", "id", "name", "ip"}
_SUBJECT: Final = {"type", "id"}


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
        raise ValueError(f"the key {twice[:80]!r} stands twice")
    return found


def canonical(value: Any) -> bytes:
    """RFC 8785 canonical JSON; AuditError when the value has none (NaN, huge integers)."""
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError) as error:
        raise AuditError(f"no canonical JSON: {error}") from error


def digest(row: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of everything the row says except its own hash."""
    return hashlib.sha256(
        canonical({name: value for name, value in row.items() if name != "hash"})
    ).hexdigest()


def moment(at: dt.datetime) -> str:
    """UTC with microseconds, always 27 characters: what both databases keep of a time."""
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _text(value: object) -> str:
    """Text both databases and UTF-8 can hold: NUL and lone surrogates become U+FFFD."""
    text = str(value).replace("\x00", "\ufffd")
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _line(value: object, *, limit: int = MAX_TEXT) -> str:
    return "".join(char if char.isprintable() else "\ufffd" for char in _text(value)[: limit + 1])[
        :limit
    ]


def _data(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data, whose largest values become a note of their size until the rest fits: what an
    account counts is kept although the filters beside it are long."""
    plain: dict[str, Any] = _plain(data, 0)
    size = len(canonical(plain))
    if size <= MAX_DATA_BYTES:
        return plain
    sizes = {key: len(canonical(value)) for key, value in plain.items()}
    left, now = dict(plain), size
    for key in sorted(sizes, key=lambda key: sizes[key], reverse=True):
        left[key] = {"omitted": "more than the trail keeps", "bytes": sizes[key]}
        now += len(canonical(left[key])) - sizes[key]
        if now <= MAX_DATA_BYTES:
            return left
    keys = [key[:64] for key in plain][:32]
    return {"omitted": "more than the trail keeps", "bytes": size, "keys": keys}


def plain(value: Any) -> Any:
    """The value as plain JSON that both databases hold; what is no JSON becomes its text."""
    return _plain(value, 0)


def _plain(value: Any, depth: int) -> Any:
    if depth > MAX_DATA_DEPTH:
        return "…"
    match value:
        case Enum():
            return _plain(value.value, depth)
        case None | bool():
            return value
        case int():
            return value if abs(value) <= _MAX_INT else str(value)
        case float():
            # Integral floats would come back from some JSON stores as integers: say them as such.
            if value - value != 0:
                return str(value)
            return _plain(int(value), depth) if value.is_integer() else value
        case str():
            return _text(value)
        case dt.datetime() if value.tzinfo is not None:
            return moment(value)
        case Mapping():
            return {_text(key): _plain(item, depth + 1) for key, item in value.items()}
        case set() | frozenset():
            return sorted((_plain(item, depth + 1) for item in value), key=str)
        case list() | tuple():
            return [_plain(item, depth + 1) for item in value]
    return _text(value)
