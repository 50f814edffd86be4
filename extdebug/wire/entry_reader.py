"""Reads the entries of one stream as from_entry does, at a quarter of its cost if they are usual.

A writer gives the same names in the same order, and the same values for most of them, with every
entry. What from_entry made of those is kept under the names and the values themselves; only what
differs from entry to entry is read again. Whatever is not usual is from_entry's, which stays the
rule: a test compares the two over hostile entries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Final, NamedTuple

from extdebug.wire.entries import (
    LONGEST_COUNT,
    LONGEST_TIME,
    TRUE,
    from_entry,
    read_opaque,
    read_time,
)
from extdebug.wire.entry_fields import RAW_KNOWN, read_fields, read_plain_fields
from extdebug.wire.events import NO_ORIGIN, Event, Level, Origin, Output
from extdebug.wire.positions import EntryId
from extdebug.wire.truncation import MAX_FOREIGN_MESSAGE_BYTES

# What makes an entry more than a guest's line is not usual.
_USUAL: Final = RAW_KNOWN - {b"lost", b"why"}
_VARYING: Final = (b"ts", b"message", b"request", b"fields", b"n")
_LONGEST: Final = 2 * len(_USUAL)
# What a hostile writer can make us keep for a stream: half a megabyte.
MOST_KEPT: Final = 512
MOST_BYTES: Final = 512  # of the values of one


class _Kept(NamedTuple):
    """What from_entry made of the values that repeat."""

    level: Level
    output: Output
    tenant: str | None
    extension: str | None
    install: str | None
    version: str | None
    content_hash: str | None
    truncated: bool
    redacted: tuple[str, ...]
    marks: tuple[str, ...]
    src: str | None


class _Layout(NamedTuple):
    """Where the varying values stand in an entry with these names (0: nowhere), and the others."""

    ts: int
    message: int
    request: int
    fields: int
    n: int
    numbered: bool
    repeating: Callable[[Sequence[bytes]], tuple[bytes, ...]]
    kept: dict[tuple[bytes, ...], _Kept]


class EntryReader:
    """Reads entries of one stream; `tenant` and `extension` are its key's parts."""

    def __init__(self, *, tenant: str, extension: str) -> None:
        self._tenant = tenant
        self._extension = extension
        self._layouts: dict[tuple[bytes, ...], _Layout] = {}
        self._count = 0
        # Those of the last entry: to compare them costs a third of a look-up by names and values
        # that nobody has hashed yet, 0.4 us.
        self._names: Sequence[bytes] | None = None
        self._layout = _layout_of((b"level", b"stream"))
        self._values: tuple[bytes, ...] = ()
        self._known: _Kept | None = None
        self._stamp = b""
        self._time: str | None = None

    def __call__(self, raw: Sequence[bytes], id: EntryId) -> tuple[Event, Origin]:
        """What from_entry gives for the same entry, its Unreadable included."""
        if len(raw) > _LONGEST:  # names are looked up whole: a hostile entry has ten thousand
            return from_entry(raw, id=id, tenant=self._tenant, extension=self._extension)
        names = raw[::2]
        if len(raw) % 2 or (names != self._names and not self._recall(names)):
            return self._learn(raw, id)
        at_ts, at_message, at_request, at_fields, at_n, numbered, repeating, kept = self._layout
        values = repeating(raw)
        known = self._known if values == self._values else kept.get(values)
        text = raw[at_message]
        stamp = raw[at_ts][:LONGEST_TIME]
        if stamp != self._stamp:  # in a flood many entries come in one millisecond
            self._time, self._stamp = read_time(stamp), stamp
        ts = self._time
        if known is None or ts is None or len(text) > MAX_FOREIGN_MESSAGE_BYTES:
            return self._learn(raw, id)
        self._values, self._known = values, known
        request, fields, cut, broken = None, None, False, False
        try:
            message = text.decode()
        except UnicodeDecodeError:
            return self._learn(raw, id)
        if at_fields:
            fields = read_plain_fields(raw[at_fields])
            if fields is None:
                fields, cut, broken = read_fields({b"fields": raw[at_fields]})
        if at_request and not broken:
            request, broken = read_opaque(raw[at_request][:512])
        if broken:
            return self._learn(raw, id)
        (
            level, output, tenant, extension, install, version, content_hash, truncated, redacted,
            marks, src,
        ) = known  # fmt: skip
        event = Event(
            ts, level, output, message, f"{id.ms}-{id.seq}", tenant, extension, install, request,
            version, content_hash, fields, truncated or cut, redacted, marks,
        )  # fmt: skip
        if not numbered:
            return event, NO_ORIGIN
        n = raw[at_n] if at_n else b""
        return event, Origin(src, int(n) if n.isdigit() and len(n) <= LONGEST_COUNT else None)

    def _recall(self, names: Sequence[bytes]) -> bool:
        """Whether entries with these names are known; they are those of the last entry then."""
        layout = self._layouts.get(tuple(names))
        if layout is None:
            return False
        self._names, self._layout, self._values, self._known = names, layout, (), None
        return True

    def _learn(self, raw: Sequence[bytes], id: EntryId) -> tuple[Event, Origin]:
        event, origin = from_entry(raw, id=id, tenant=self._tenant, extension=self._extension)
        names = tuple(raw[::2])
        if len(raw) % 2 or len(set(names)) < len(names) or not _USUAL.issuperset(names):
            return event, origin
        values = dict(zip(names, raw[1::2], strict=True))
        truncated = values.get(b"truncated", b"0") in TRUE
        constant = [value for name, value in values.items() if name not in _VARYING]
        if not {"ts", "utf8"}.isdisjoint(event.marks) or len(constant) < 2:
            return event, origin
        if sum(map(len, constant)) > MOST_BYTES:
            return event, origin
        if self._count >= MOST_KEPT:
            self._layouts.clear()
            self._names = None
            self._count = 0
        self._count += 1
        layout = self._layouts.get(names)
        if layout is None:
            layout = self._layouts[names] = _layout_of(names)
        layout.kept[layout.repeating(raw)] = _Kept(
            event.level, event.stream, event.tenant_id, event.extension_id, event.install_id,
            event.version_id, event.content_hash, truncated, event.redacted, event.marks,
            origin.src,
        )  # fmt: skip
        return event, origin


def _layout_of(names: tuple[bytes, ...]) -> _Layout:
    places = {name: 2 * place + 1 for place, name in enumerate(names)}
    ts, message, request, fields, n = (places.get(name, 0) for name in _VARYING)
    others = [place for name, place in places.items() if name not in _VARYING]
    return _Layout(ts, message, request, fields, n, b"src" in places, itemgetter(*others), {})
