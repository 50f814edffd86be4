"""One raw entry to what every watcher of its stream may share: decoded, redacted, encoded once.

Redaction comes before any filter, or a filter would be an oracle for the secret.
"""

from __future__ import annotations

import msgspec

from extdebug.events import (
    LAST_MS,
    NO_ORIGIN,
    EntryId,
    Event,
    Origin,
    Unreadable,
    encode_json,
    from_entry,
    iso,
)
from extdebug.streams import Row, Target
from policies.redaction import Mask, Redactor

_DAY_MS = 86_400_000


class Prepared(msgspec.Struct, frozen=True):
    """`event` with its JSON; without one, `problem` says why nobody may see the entry."""

    id: EntryId
    event: Event | None
    origin: Origin
    json: bytes
    problem: str = ""


class Preparer:
    """Prepares the entries of one stream with the redaction rules in force."""

    def __init__(self, redactor: Redactor, target: Target) -> None:
        self.redactor = redactor
        self._target = target
        self._day = -1
        self._mask: Mask | None = None

    def forget(self) -> None:
        """The redactor changed: masks are made anew."""
        self._mask = None

    def __call__(self, row: Row) -> Prepared:
        """Never raises for what an entry holds: an unreadable one comes back with its problem."""
        id, raw = row
        try:
            event, origin = from_entry(
                raw, id=id, tenant=self._target.tenant, extension=self._target.extension
            )
        except Unreadable as error:
            return Prepared(id, None, NO_ORIGIN, b"", str(error))
        if origin.lost:
            return Prepared(id, None, origin, b"")
        event = self._redact(event, id)
        try:
            return Prepared(id, event, origin, encode_json(event))
        except (UnicodeEncodeError, msgspec.EncodeError, OverflowError, RecursionError):
            return Prepared(id, None, NO_ORIGIN, b"", "the entry cannot be written as JSON")

    def _redact(self, event: Event, id: EntryId) -> Event:
        mask = self._mask_of(id)
        redactor = self.redactor
        changed: dict[str, object] = {}
        notes: list[str] = []
        for name, value in (
            ("message", event.message),
            ("request_id", event.request_id),
            ("version_id", event.version_id),
            ("content_hash", event.content_hash),
        ):
            if value:
                masked, found = redactor.text(value, mask)
                if found:
                    changed[name] = masked
                    notes += found
        if event.fields:
            masked_fields, found = redactor.fields(event.fields, mask)
            if found:
                changed["fields"] = masked_fields
                notes += found
        if not changed:
            return event
        changed["redacted"] = tuple(dict.fromkeys((*event.redacted, *notes)))
        return msgspec.structs.replace(event, **changed)

    def _mask_of(self, id: EntryId) -> Mask:
        day = min(id.ms, LAST_MS) // _DAY_MS
        if day != self._day or self._mask is None:
            self._day = day
            self._mask = self.redactor.mask(str(self._target), iso(day * _DAY_MS)[:10])
        return self._mask
