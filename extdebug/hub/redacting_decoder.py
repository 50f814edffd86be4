"""Decodes, redacts and encodes each entry once, for all sessions that watch its stream.

Redaction comes before any filter, or a filter would be an oracle for the secret.
"""

from __future__ import annotations

from typing import Final

import msgspec

from extdebug.streams.replies import Row
from extdebug.wire.entries import from_entry
from extdebug.wire.events import LAST_MS, NO_ORIGIN, Event, Origin, Unreadable, encode_json, iso
from extdebug.wire.keys import Target
from extdebug.wire.positions import EntryId
from extdebug.wire.truncation import MAX_FOREIGN_MESSAGE_BYTES, cut_text
from policies.redaction.redactor import Mask, Redactor

_DAY_MS: Final = 86_400_000
MOST_OPAQUE: Final = 4096  # combinations of request, version and hash remembered per stream
# What is shown of a message at the most; no secret of a rule is longer than the difference.
MAX_SHOWN: Final = MAX_FOREIGN_MESSAGE_BYTES - 4096

Opaque = tuple[str | None, str | None, str | None]


class DecodedEntry(msgspec.Struct, frozen=True):
    """`event` with its JSON; without one, `problem` says why nobody may see the entry."""

    id: EntryId
    event: Event | None
    origin: Origin
    json: bytes
    problem: str = ""


class RedactingDecoder:
    """Prepares the entries of one stream with the redaction rules in force."""

    def __init__(self, redactor: Redactor, target: Target) -> None:
        self.redactor = redactor
        self._target = target
        self._day = -1
        self._mask: Mask | None = None
        self._opaque: dict[Opaque, tuple[Opaque, tuple[str, ...]]] = {}

    def forget(self) -> None:
        """The redactor changed: masks are made anew."""
        self._mask = None
        self._opaque.clear()

    def __call__(self, row: Row) -> DecodedEntry:
        """Never raises for what an entry holds: an unreadable one comes back with its problem."""
        id, raw = row
        try:
            event, origin = from_entry(
                raw, id=id, tenant=self._target.tenant, extension=self._target.extension
            )
        except Unreadable as error:
            return DecodedEntry(id, None, NO_ORIGIN, b"", str(error))
        if origin.lost:
            why, _ = self.redactor.text(origin.why, self._mask_of(id))  # it is told in a gap
            return DecodedEntry(id, None, msgspec.structs.replace(origin, why=why), b"")
        event = self._redact(event, id)
        try:
            return DecodedEntry(id, event, origin, encode_json(event))
        except (UnicodeEncodeError, msgspec.EncodeError, OverflowError, RecursionError):
            return DecodedEntry(id, None, NO_ORIGIN, b"", "the entry cannot be written as JSON")

    def again(self, decoded: DecodedEntry, *, ms: int) -> DecodedEntry:
        """An entry without a place in the stream, under the rules of now. Masks stay masks."""
        event = decoded.event
        if event is None:
            return decoded
        event = self._redact(event, EntryId(ms, 0))
        return DecodedEntry(decoded.id, event, decoded.origin, encode_json(event))

    def _redact(self, event: Event, id: EntryId) -> Event:
        mask = self._mask_of(id)
        redact = self.redactor.cut_text if event.truncated else self.redactor.text
        message, notes = redact(event.message, mask)
        opaque = (event.request_id, event.version_id, event.content_hash)
        shown = self._opaque.get(opaque) or self._redact_opaque(opaque, mask)
        fields = event.fields
        in_fields: tuple[str, ...] = ()
        if fields:
            fields, in_fields = self.redactor.fields(fields, mask)
        # No rule knows a secret that the codec's own cut left in two: what is shown ends before it.
        message, cut = cut_text(message, MAX_SHOWN)
        if not (notes or in_fields or shown[1] or cut):
            return event
        request_id, version_id, content_hash = shown[0]
        return msgspec.structs.replace(
            event,
            message=message,
            fields=fields,
            request_id=request_id,
            version_id=version_id,
            content_hash=content_hash,
            truncated=event.truncated or cut,
            redacted=tuple(dict.fromkeys((*event.redacted, *notes, *shown[1], *in_fields))),
        )

    def _redact_opaque(self, opaque: Opaque, mask: Mask) -> tuple[Opaque, tuple[str, ...]]:
        """Requests, versions and hashes repeat from event to event: each is scanned once a day."""
        if len(self._opaque) >= MOST_OPAQUE:
            self._opaque.clear()
        masked, notes = self.redactor.parts(opaque, mask)
        request_id, version_id, content_hash = masked
        self._opaque[opaque] = known = ((request_id, version_id, content_hash), notes)
        return known

    def _mask_of(self, id: EntryId) -> Mask:
        day = min(id.ms, LAST_MS) // _DAY_MS
        if day != self._day or self._mask is None:
            self._day = day
            self._opaque.clear()
            self._mask = self.redactor.mask(str(self._target), iso(day * _DAY_MS)[:10])
        return self._mask
