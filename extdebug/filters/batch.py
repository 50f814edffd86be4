"""One batch of events by columns, so that many filters over the same events share their work.

Built once per process and read of a stream, thrown away after the fan-out. Everything is lazy:
a column exists from the first filter that asks for it. Not thread-safe; one loop owns a batch.
An event's place is its index in the batch. Texts are as a reader sees them: without escape
sequences and invisible characters.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, TypeVar

from extdebug.filters.searches import SHORTEST, Searches
from extdebug.wire.events import Event, encode_json
from policies.redaction.visible_text import as_seen

REGEX_CHARACTERS: Final = 8 * 1024  # of an event's text that a regex sees: the default message cap
CHUNK_BYTES: Final = 4 * 1024  # joined text between two looks at a regex's CPU budget

_Made = TypeVar("_Made")

_MESSAGE: Final[Callable[[Event], str]] = attrgetter("message")


def _said_of_execution(event: Event) -> str | None:
    """`start`, or the outcome of an end, as the runner itself said it."""
    said = event.execution
    return None if said is None else said.outcome or said.phase


_COLUMNS: Final[Mapping[str, Callable[[Event], Any]]] = {
    "level": attrgetter("level"),
    "stream": attrgetter("stream"),
    "install": attrgetter("install_id"),
    "request": attrgetter("request_id"),
    "version": attrgetter("version_id"),
    "hash": attrgetter("content_hash"),
    "tenant": attrgetter("tenant_id"),
    "extension": attrgetter("extension_id"),
    "redacted": attrgetter("redacted"),
    "execution": _said_of_execution,
}


class Chunk:
    """UTF-8 texts of consecutive events, joined by newlines; no Pattern matches across one.

    `first` is the place of the first event, `starts` the byte offset of each text.
    """

    __slots__ = ("data", "first", "starts")

    def __init__(self, first: int, texts: Sequence[bytes]) -> None:
        self.first = first
        self.data = b"\n".join(texts)
        self.starts: list[int] = []
        at = 0
        for text in texts:
            self.starts.append(at)
            at += len(text) + 1

    def __len__(self) -> int:
        return len(self.starts)

    def place(self, at: int) -> int:
        """Which of the chunk's texts the byte offset lies in."""
        return bisect_right(self.starts, at) - 1

    def bounds(self, place: int) -> tuple[int, int]:
        """Where text number `place` starts and ends."""
        following = place + 1
        end = self.starts[following] - 1 if following < len(self.starts) else len(self.data)
        return self.starts[place], end


class Batch:
    """Events, their columns, and in `selections` what each Selector already chose; `searches` are
    those of the events' stream."""

    __slots__ = ("_cache", "_columns", "_groups", "_searches", "events", "selections")

    def __init__(self, events: Sequence[Event], searches: Searches | None = None) -> None:
        self.events = events
        self._searches = searches
        self.selections: dict[object, Sequence[int]] = {}
        self._columns: dict[str, list[Any]] = {}
        self._groups: dict[str, dict[Any, list[int]]] = {}
        self._cache: dict[object, Any] = {}

    def __len__(self) -> int:
        return len(self.events)

    def column(self, name: str) -> list[Any]:
        """The attribute `name` of every event, None where absent."""
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = list(map(_COLUMNS[name], self.events))
        return found

    def groups(self, name: str) -> dict[Any, list[int]]:
        """The places of each value in a column."""
        found = self._groups.get(name)
        if found is None:
            found = self._groups[name] = {}
            for place, value in enumerate(self.column(name)):
                found.setdefault(value, []).append(place)
        return found

    def among(self, name: str, allowed: frozenset[Any], places: Sequence[int]) -> Sequence[int]:
        """Those of `places` whose value is allowed; cached when `places` are all of them."""
        if len(places) < len(self.events):
            column = self.column(name)
            return [place for place in places if column[place] in allowed]
        key = (name, allowed)
        found: Sequence[int] | None = self._cache.get(key)
        if found is None:
            groups = self.groups(name)
            hits = [value for value in groups if value in allowed]
            if len(hits) == len(groups):
                found = range(len(self.events))
            elif len(hits) == 1:
                found = groups[hits[0]]
            else:
                found = sorted(place for value in hits for place in groups[value])
            self._cache[key] = found
        return found

    def messages(self, *, folded: bool) -> Sequence[str]:
        """Each message as it is seen, lower-cased if `folded`."""
        return self._once(("messages", folded), lambda: self._messages(folded=folded))

    def texts(self, *, folded: bool) -> Sequence[str]:
        """Each message with its fields as `path=value` lines, as it is seen, perhaps `folded`."""
        return self._once(("texts", folded), lambda: self._texts(folded=folded))

    def joined(self, *, whole: bool, folded: bool) -> str:
        """The texts (`whole`) or the messages alone as one: what is not in it is in none."""
        return self._once(
            ("joined", whole, folded),
            lambda: "\n".join(self.texts(folded=folded) if whole else self.messages(folded=folded)),
        )

    def lacks(self, text: str, *, whole: bool, folded: bool) -> bool:
        """Whether the text is in none of them."""
        joined = self.joined(whole=whole, folded=folded)
        if self._searches is None or len(joined) < SHORTEST:
            return text not in joined
        texts = self._searches.of((whole, folded))
        found = self._once(("found", whole, folded), lambda: texts.scan(joined))
        has = found.get(text)
        texts.asked(text, known=has is not None)
        return text not in joined if has is None else not has

    def chunks(self, *, whole: bool) -> list[Chunk]:
        """The texts (`whole`) or the messages alone, joined for regex scans over many events."""
        return self._once(("chunks", whole), lambda: self._chunks(whole=whole))

    def _messages(self, *, folded: bool) -> Sequence[str]:
        if folded:
            return [text.lower() for text in self.messages(folded=False)]
        return as_seen(list(map(_MESSAGE, self.events)))

    def _texts(self, *, folded: bool) -> Sequence[str]:
        if folded:
            return [text.lower() for text in self.texts(folded=False)]
        return as_seen(
            [
                f"{event.message}\n{flat_fields(event.fields)}" if event.fields else event.message
                for event in self.events
            ]
        )

    def _chunks(self, *, whole: bool) -> list[Chunk]:
        texts = self.texts(folded=False) if whole else self.messages(folded=False)
        chunks: list[Chunk] = []
        gathered: list[bytes] = []
        size = first = 0
        for place, text in enumerate(texts):
            raw = text[:REGEX_CHARACTERS].encode("utf-8", "replace")
            if gathered and size + len(raw) > CHUNK_BYTES:
                chunks.append(Chunk(first, gathered))
                gathered, size, first = [], 0, place
            gathered.append(raw)
            size += len(raw)
        if gathered:
            chunks.append(Chunk(first, gathered))
        return chunks

    def _once(self, key: object, make: Callable[[], _Made]) -> _Made:
        found: _Made | None = self._cache.get(key)
        if found is None:
            found = self._cache[key] = make()
        return found


def flat_fields(fields: Mapping[str, Any]) -> str:
    """Fields as lines of `path=value`, so that `status=500` finds a field as it finds a text."""
    lines: list[str] = []

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):  # as every object is that was read from JSON
            for key, item in value.items():
                walk(f"{prefix}.{key}" if prefix else str(key), item)
        else:
            lines.append(f"{prefix}={value_text(value)}")

    walk("", fields)
    return "\n".join(lines)


def value_text(value: Any) -> str:
    """One field value as people write it: text bare, true/false/null and the rest as JSON."""
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else encode_json(value).decode()
