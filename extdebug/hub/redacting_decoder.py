"""Decodes, redacts and encodes each entry once, for all sessions that watch its stream.

Redaction comes before any filter, or a filter would be an oracle for the secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

import msgspec

from extdebug.streams.replies import Row
from extdebug.wire.entry_reader import EntryReader, Opened
from extdebug.wire.events import LAST_MS, NO_ORIGIN, Event, Origin, encode_each, encode_json, iso
from extdebug.wire.keys import Target
from extdebug.wire.positions import EntryId
from extdebug.wire.truncation import MAX_FOREIGN_MESSAGE_BYTES, cut_text
from policies.redaction.redactor import Mask, Redactor

_DAY_MS: Final = 86_400_000
MOST_OPAQUE: Final = 4096  # combinations of request, version and hash remembered per stream
MOST_AT_ONCE: Final = 32  # rows scanned together; an eighth after a secret, twice as many without
LONGEST_TOGETHER: Final = 4096  # characters of a message that is scanned with others
# What is shown of a message at the most; no secret of a rule is longer than the difference.
MAX_SHOWN: Final = MAX_FOREIGN_MESSAGE_BYTES - 4096

Opaque = tuple[str | None, str | None, str | None]


class DecodedEntry(msgspec.Struct, frozen=True, gc=False):
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
        self._read = EntryReader(tenant=target.tenant, extension=target.extension)
        self._day = range(0)
        self._mask: Mask | None = None
        self._opaque: dict[Opaque, tuple[Opaque, tuple[str, ...]]] = {}
        self._at_once = MOST_AT_ONCE

    def forget(self) -> None:
        """The redactor changed: masks are made anew."""
        self._mask = None
        self._opaque.clear()

    def __call__(self, row: Row) -> DecodedEntry:
        """Never raises for what an entry holds: an unreadable one comes back with its problem."""
        return self._finish(*self._read((row,))[0])

    def each(self, rows: Sequence[Row]) -> Iterator[DecodedEntry]:
        """The same for each row, in order."""
        return chain.from_iterable(self.batches(rows))

    def batches(self, rows: Sequence[Row]) -> Iterator[list[DecodedEntry]]:
        """The same, some rows at a time. They are scanned together while they hold no secret: a
        scan of one costs 0.9 us, of which 0.6 are the call."""
        if len(rows) == 1:  # it shares a scan with none: 1 us less
            yield [self(rows[0])]
            return
        done = 0
        while done < len(rows):
            if self._at_once < 2:  # too many hold something: these singly, and then try again
                some = rows[done : done + MOST_AT_ONCE]
                self._at_once = 4
                yield list(map(self, some))
            else:
                some = rows[done : done + self._at_once]
                yield self._together(some)
            done += len(some)

    def _together(self, rows: Sequence[Row]) -> list[DecodedEntry]:
        opened = self._read(rows)
        texts: list[str] = []
        fresh: list[Opaque] = []
        plain = self._to_scan(opened, texts, fresh)
        if not self.redactor.are_clean(texts):
            self._at_once //= 8
            return [self._finish(*one) for one in opened]
        self._at_once = min(MOST_AT_ONCE, self._at_once * 2)
        for opaque in fresh:
            self._remember(opaque, opaque, ())
        if all(plain) and (usual := _encoded_each(opened)) is not None:
            return usual
        return [
            _encoded(id, event, origin)
            if clean and isinstance(event, Event)
            else self._finish(id, event, origin)
            for clean, (id, event, origin) in zip(plain, opened, strict=True)
        ]

    def _to_scan(
        self, opened: Sequence[Opened], texts: list[str], fresh: list[Opaque]
    ) -> list[bool]:
        """Which of the entries may be shown as they are if `texts` are clean, theirs among them."""
        redactor, remembered, day = self.redactor, self._opaque, self._day
        plain, ms = [False] * len(opened), -1
        last: Opaque | None = None  # that is known to be clean, or among the texts
        for place, (id, event, origin) in enumerate(opened):
            if isinstance(event, str) or origin.lost or event.truncated:
                continue
            message, fields = event.message, event.fields
            if len(message) > LONGEST_TOGETHER:
                continue
            if id.ms != ms and (ms := id.ms) not in day:
                self._mask_of(id)  # what is known of another day's texts is forgotten
                day = self._day
            opaque = (event.request_id, event.version_id, event.content_hash)
            known = None if opaque == last else remembered.get(opaque)
            if known is not None and known[1]:
                continue
            if fields:
                more = redactor.texts_of(fields)
                if more is None:
                    continue
                texts += more
            if opaque != last:
                if known is None:
                    texts += filter(None, opaque)
                    fresh.append(opaque)
                last = opaque
            texts.append(message)
            plain[place] = True
        return plain

    def again(self, decoded: DecodedEntry, *, ms: int) -> DecodedEntry:
        """An entry without a place in the stream, under the rules of now. Masks stay masks."""
        event = decoded.event
        if event is None:
            return decoded
        event = self._redact(event, EntryId(ms, 0))
        return DecodedEntry(decoded.id, event, decoded.origin, encode_json(event))

    def _finish(self, id: EntryId, event: Event | str, origin: Origin) -> DecodedEntry:
        if isinstance(event, str):
            return DecodedEntry(id, None, NO_ORIGIN, b"", event)
        if origin.lost:
            why, _ = self.redactor.text(origin.why, self._mask_of(id))  # it is told in a gap
            return DecodedEntry(id, None, msgspec.structs.replace(origin, why=why), b"")
        return _encoded(id, self._redact(event, id), origin)

    def _redact(self, event: Event, id: EntryId) -> Event:
        mask = self._mask if id.ms in self._day else None
        mask, redactor = mask or self._mask_of(id), self.redactor
        message, fields = event.message, event.fields
        opaque = (event.request_id, event.version_id, event.content_hash)
        shown = self._opaque.get(opaque) or self._redact_opaque(opaque, mask)
        notes: tuple[str, ...] = ()
        in_fields: tuple[str, ...] = ()
        texts = redactor.texts_of(fields) if fields and not event.truncated else None
        if texts is not None:
            texts.append(message)
        if texts is None or not redactor.are_clean(texts):
            redact = redactor.cut_text if event.truncated else redactor.text
            message, notes = redact(message, mask)
            if fields:
                fields, in_fields = redactor.fields(fields, mask)
        # No rule knows a secret that the codec's own cut left in two: what is shown ends before it.
        cut = False
        if len(message) * 4 > MAX_SHOWN:
            message, cut = cut_text(message, MAX_SHOWN)
        if not (notes or in_fields or shown[1] or cut):
            return event
        request_id, version_id, content_hash = shown[0]
        names = event.redacted + notes + shown[1] + in_fields
        return msgspec.structs.replace(
            event,
            message=message,
            fields=fields,
            request_id=request_id,
            version_id=version_id,
            content_hash=content_hash,
            truncated=event.truncated or cut,
            redacted=names if len(names) < 2 else tuple(dict.fromkeys(names)),
        )

    def _redact_opaque(self, opaque: Opaque, mask: Mask) -> tuple[Opaque, tuple[str, ...]]:
        """Requests, versions and hashes repeat from event to event: each is scanned once a day."""
        masked, notes = self.redactor.parts(opaque, mask)
        request_id, version_id, content_hash = masked
        return self._remember(opaque, (request_id, version_id, content_hash), notes)

    def _remember(
        self, opaque: Opaque, shown: Opaque, notes: tuple[str, ...]
    ) -> tuple[Opaque, tuple[str, ...]]:
        if len(self._opaque) >= MOST_OPAQUE:
            self._opaque.clear()
        self._opaque[opaque] = known = (shown, notes)
        return known

    def _mask_of(self, id: EntryId) -> Mask:
        if self._mask is None or id.ms not in self._day:
            day = min(id.ms, LAST_MS) // _DAY_MS
            self._day = range(day * _DAY_MS, (day + 1) * _DAY_MS)
            self._opaque.clear()
            self._mask = self.redactor.mask(str(self._target), iso(day * _DAY_MS)[:10])
        return self._mask


def _encoded(id: EntryId, event: Event, origin: Origin) -> DecodedEntry:
    try:
        return DecodedEntry(id, event, origin, encode_json(event))
    except (UnicodeEncodeError, msgspec.EncodeError, OverflowError, RecursionError):
        return DecodedEntry(id, None, NO_ORIGIN, b"", "the entry cannot be written as JSON")


def _encoded_each(opened: Sequence[Opened]) -> list[DecodedEntry] | None:
    """Events that may be shown as they are; None: one of them cannot be written."""
    ids, events, origins = zip(*opened, strict=True)
    try:
        return list(map(DecodedEntry, ids, events, origins, encode_each(events)))
    except (UnicodeEncodeError, msgspec.EncodeError, OverflowError, RecursionError):
        return None
