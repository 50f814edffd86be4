"""The hash chain itself: what a row says in canonical JSON, and the hash that binds it to the last.

Pure: no database, no Django. A row is a plain JSON object, the same in a database, in a JSON
Lines export and in the hand of whoever checks it years later with nothing but this file.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import rfc8785

from audit.actions import Action, ActorKind

GENESIS: Final = "0" * 64  # `prev` of the first row
VERSION: Final = 1  # of the row's form, part of what is hashed
MAX_TEXT: Final = 200  # characters of an id, a name or a label
MAX_REASON: Final = 2_000  # characters a person may write
MAX_DATA_BYTES: Final = 16 * 1024  # canonical bytes of `data`; more is replaced by a note
MAX_DATA_DEPTH: Final = 8
_MAX_INT: Final = 2**53 - 1  # beyond it JSON numbers lose digits; kept as text

Row = dict[str, Any]


class AuditError(Exception):
    """The trail could not take a row. What it would have recorded must not happen."""


class UnknownAction(AuditError):
    """An action outside the vocabulary of `audit.actions.Action`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acted, as text that outlives the account."""

    kind: ActorKind = ActorKind.USER
    id: str = ""
    name: str = ""
    ip: str = ""


SYSTEM: Final = Actor(kind=ActorKind.SYSTEM, name="system")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a caller wants recorded, cleaned: bounded text without NUL, plain JSON data.

    `once`, when given, makes the row unique for ever: a second row with it is never written.
    """

    action: Action
    actor: Actor
    tenant: str = ""
    extension: str = ""
    subject_type: str = ""
    subject_id: str = ""
    reason: str = ""
    data: Mapping[str, Any]
    once: str = ""

    @classmethod
    def of(
        cls,
        action: str,
        *,
        actor: Actor,
        tenant: str = "",
        extension: str = "",
        subject_type: str = "",
        subject_id: str = "",
        reason: str = "",
        data: Mapping[str, Any] | None = None,
        once: str = "",
    ) -> Entry:
        """UnknownAction unless the action is in the vocabulary; everything else is made to fit."""
        try:
            known = Action(action)
        except ValueError:
            raise UnknownAction(f"expected an Action, got {action!r}") from None
        return cls(
            action=known,
            actor=Actor(
                kind=ActorKind(actor.kind),
                id=_line(actor.id),
                name=_line(actor.name),
                ip=_line(actor.ip, limit=64),
            ),
            tenant=_line(tenant),
            extension=_line(extension),
            subject_type=_line(subject_type),
            subject_id=_line(subject_id),
            reason=_text(reason)[:MAX_REASON],
            data=_data(data or {}),
            once=_line(once),
        )


def row_of(entry: Entry, *, seq: int, at: dt.datetime, prev: str) -> Row:
    """The row in its one form, complete with its hash."""
    row: Row = {
        "v": VERSION,
        "seq": seq,
        "at": moment(at),
        "action": entry.action.value,
        "actor": {
            "kind": entry.actor.kind.value,
            "id": entry.actor.id,
            "name": entry.actor.name,
            "ip": entry.actor.ip,
        },
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
    plain: dict[str, Any] = _plain(data, 0)
    size = len(canonical(plain))
    if size > MAX_DATA_BYTES:
        keys = [key[:64] for key in plain][:32]
        return {"omitted": "more than the trail keeps", "bytes": size, "keys": keys}
    return plain


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
