"""Reads the entries of one stream as from_entry does, at a quarter of its cost if they are usual.

A writer gives the same names in the same order, and the same values for most of them, with every
entry. What from_entry made of those is kept under the names and the values themselves; only what
differs from entry to entry is read again. Whatever is not usual is from_entry's, which stays the
rule: a test compares the two over hostile entries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, islice
from operator import itemgetter
from typing import Any, Final, NamedTuple

from extdebug.wire.entries import (
    LONGEST_COUNT,
    LONGEST_TIME,
    TRUE,
    from_entry,
    read_opaque,
    read_time,
)
from extdebug.wire.entry_fields import RAW_KNOWN, read_fields, read_plain_fields
from extdebug.wire.events import NO_ORIGIN, Event, Level, Origin, Output, Unreadable
from extdebug.wire.positions import EntryId
from extdebug.wire.truncation import MAX_FOREIGN_MESSAGE_BYTES

# What makes an entry more than a guest's line is not usual.
_USUAL: Final = {name: name for name in RAW_KNOWN - {b"lost", b"why"}}
_VARYING: Final = (b"ts", b"message", b"request", b"fields", b"n")
_LONGEST: Final = 2 * len(_USUAL)
# What a hostile writer can make us keep for a stream: a megabyte.
MOST_KEPT: Final = 512
MOST_BYTES: Final = 512  # of the values of one

Rows = Sequence[tuple[EntryId, Sequence[bytes]]]
# An entry as its writer gave it, or why nobody may see it.
Opened = tuple[EntryId, Event | str, Origin]


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


_NOTHING_KEPT: Final = _Kept(
    Level.INFO, Output.STDOUT, None, None, None, None, None, truncated=False, redacted=(),
    marks=(), src=None,
)  # fmt: skip


class _Layout(NamedTuple):
    """Where the varying values stand in an entry with these names (0: nowhere); `repeating` takes
    the others out of it, with all names, so that one comparison is of both."""

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
        self._length = -1  # no entry's
        self._layout = _layout_of((b"level", b"stream"))
        self._values: tuple[bytes, ...] = ()
        self._known = _NOTHING_KEPT
        self._stamp = b""
        self._time: str | None = None

    def __call__(self, rows: Rows) -> list[Opened]:
        """What from_entry gives for each of the entries, in order; of an Unreadable one, why."""
        opened: list[Opened] = []
        at, end = 0, len(rows)
        while (at := self._alike(rows, at, opened)) < end:
            id, raw = rows[at]
            if self._recall(raw):
                continue
            try:
                opened.append((id, *self._learn(raw, id)))
            except Unreadable as error:
                opened.append((id, str(error), NO_ORIGIN))
            at += 1
        return opened

    def _alike(self, rows: Rows, begin: int, opened: list[Opened]) -> int:
        """Open rows from `begin` on as long as they have the names of the last entry, and values
        that are known of those; up to which row. In one loop, for each name of `self` and each call
        costs as much as a step of it does: 0.7 us an entry, and 1.3 us with a call for each."""
        length, stamp, time = self._length, self._stamp, self._time
        at_ts, at_message, at_request, at_fields, at_n, numbered, repeating, kept = self._layout
        values, known = self._values, self._known
        (
            level, output, tenant, extension, install, version, content_hash, truncated, redacted,
            marks, src,
        ) = known  # fmt: skip
        asked, request, fields, cut, broken = b"", None, None, False, False
        origin, end = NO_ORIGIN, begin
        for id, raw in islice(rows, begin, None) if begin else rows:
            if len(raw) != length:
                break
            given = repeating(raw)
            if given != values:
                if (other := kept.get(given)) is None:
                    break
                values, known = given, other
                (
                    level, output, tenant, extension, install, version, content_hash, truncated,
                    redacted, marks, src,
                ) = known  # fmt: skip
            if raw[at_ts] != stamp:  # in a flood many entries come in one millisecond
                stamp = raw[at_ts][:LONGEST_TIME]
                time = read_time(stamp)
            text = raw[at_message]
            if time is None or len(text) > MAX_FOREIGN_MESSAGE_BYTES:
                break
            try:
                message = text.decode()
            except UnicodeDecodeError:
                break
            if at_fields:
                fields, cut, broken = _read_fields(raw[at_fields])
            if at_request and not broken and raw[at_request] != asked:
                asked = raw[at_request][:512]
                request, broken = read_opaque(asked)
            if broken:
                break
            if numbered:
                n = raw[at_n] if at_n else b""
                number = int(n) if n.isdigit() and len(n) <= LONGEST_COUNT else None
                origin = Origin(src, number)
            event = Event(
                time, level, output, message, f"{id.ms}-{id.seq}", tenant, extension, install,
                request, version, content_hash, fields, truncated or cut, redacted, marks,
            )  # fmt: skip
            opened.append((id, event, origin))
            end += 1
        self._stamp, self._time, self._values, self._known = stamp, time, values, known
        return end

    def _recall(self, raw: Sequence[bytes]) -> bool:
        """Whether entries with these names, which the last one did not have, are known; they are
        those of the last entry then."""
        if len(raw) > _LONGEST or len(raw) % 2:  # a hostile entry has ten thousand names
            return False
        names = raw[::2]
        layout = None if names == self._names else self._layouts.get(tuple(names))
        if layout is None:
            return False
        self._names, self._length, self._layout = names, len(raw), layout
        self._values, self._known = (), _NOTHING_KEPT
        return True

    def _learn(self, raw: Sequence[bytes], id: EntryId) -> tuple[Event, Origin]:
        event, origin = from_entry(raw, id=id, tenant=self._tenant, extension=self._extension)
        if len(raw) > _LONGEST:
            return event, origin
        names = tuple(raw[::2])
        if len(raw) % 2 or len(set(names)) < len(names) or not set(names) <= _USUAL.keys():
            return event, origin
        names = tuple([_USUAL[name] for name in names])  # one object of each, however much is kept
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
        layout.kept[layout.repeating(list(chain.from_iterable(values.items())))] = _Kept(
            event.level, event.stream, event.tenant_id, event.extension_id, event.install_id,
            event.version_id, event.content_hash, truncated, event.redacted, event.marks,
            origin.src,
        )  # fmt: skip
        return event, origin


def _layout_of(names: tuple[bytes, ...]) -> _Layout:
    places = {name: 2 * place + 1 for place, name in enumerate(names)}
    ts, message, request, fields, n = (places.get(name, 0) for name in _VARYING)
    others = [place for name, place in places.items() if name not in _VARYING]
    repeating = itemgetter(*range(0, 2 * len(names), 2), *others)
    return _Layout(ts, message, request, fields, n, b"src" in places, repeating, {})


def _read_fields(raw: bytes) -> tuple[dict[str, Any] | None, bool, bool]:
    plain = read_plain_fields(raw)
    return read_fields({b"fields": raw}) if plain is None else (plain, False, False)
