"""Filters: what a watcher asks for, compiled to a fast choice over a batch of events.

`Filter.parse` reads the client's JSON strictly; `compile_filter` makes a Selector. The fast path:
the process builds one `Batch` per read of a stream and every watcher's Selector runs over it, so
that lower-casing, joining and grouping happen once per process and equal filters run once:

    batch = Batch(events)                 # events as the watcher may see them: redacted, in scope
    places = selector.select(batch)       # ascending indices; range(len) when everything matches

Filters see only what they are given: scope and redaction come before (DESIGN 3.3, 3.8).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, TypeVar

from extdebug.filters.batch import Batch
from extdebug.filters.evaluator import Narrow, compile_node
from extdebug.filters.parser import parse_query
from extdebug.filters.query import And, FilterError, Problem
from extdebug.wire.events import BadId, Event, Level, Output, clean_id, clean_opaque

__all__ = ["EVERYTHING", "Batch", "Filter", "FilterError", "Problem", "Selector", "compile_filter"]

MAX_QUERY: Final = 1024  # characters
FORGIVEN: Final = 30.0  # seconds until a filter that was too costly may be tried again
MAX_INSTALLS: Final = 64
_KEYS: Final = ("installs", "request", "streams", "level", "q")
_Kind = TypeVar("_Kind", Level, Output)
_CACHED: Final = 256  # selectors; a plain one holds 2 KiB, one with four regexes up to 4 MiB


@dataclass(frozen=True, slots=True)
class Filter:
    """What to select. Equal filters select the same; empty parts do not restrict."""

    installs: frozenset[str] = frozenset()
    request: str | None = None
    streams: frozenset[Output] = frozenset()
    level: Level | None = None
    q: str = ""

    @classmethod
    def parse(cls, obj: Mapping[str, object]) -> Filter:
        """A filter from the client's `{installs, request, streams, level, q}`, all optional.

        FilterError for unknown keys, wrong types, unknown levels and streams, ids that are none,
        and a `q` that does not compile; nothing is coerced.
        """
        unknown = sorted(str(key) for key in obj if key not in _KEYS)
        if unknown:
            raise _refused(f"unknown part {unknown[0][:40]!r}; expected {', '.join(_KEYS)}")
        streams = frozenset(
            _member(Output, name, what="streams") for name in _texts(obj.get("streams"), "streams")
        )
        level = obj.get("level")
        found = cls(
            installs=frozenset(_installs(obj.get("installs"))),
            request=_request(obj.get("request")),
            # All of them, or the lowest level and up, do not restrict: said one way only.
            streams=frozenset() if len(streams) == len(Output) else streams,
            level=None if level in (None, Level.TRACE) else _member(Level, level, what="level"),
            q=_query(obj.get("q")),
        )
        compile_filter(found)  # with its spaces: positions are those of the client's text
        return replace(found, q=found.q.strip())

    def to_json(self) -> dict[str, object]:
        """The client's form; `Filter.parse` of it gives an equal filter."""
        return {
            "installs": sorted(self.installs),
            "request": self.request,
            "streams": sorted(self.streams),
            "level": self.level,
            "q": self.q,
        }


EVERYTHING: Final = Filter()


class Selector:
    """A compiled filter. One object serves every watcher with an equal filter.

    `select` never raises: in a fan-out one watcher's filter must not cost the others their
    events. A filter that used more CPU than one may (`too_costly`) selects nothing from then on
    and says so in `failed`; a session that stands on it has to be ended, its account would lie.
    """

    __slots__ = ("_failed", "_failed_at", "_parts", "filter")

    def __init__(self, wanted: Filter) -> None:
        self.filter = wanted
        self._parts = tuple(_parts(wanted))
        self._failed: FilterError | None = None
        self._failed_at = 0.0

    @property
    def failed(self) -> FilterError | None:
        """Why nothing is selected any more; forgotten after FORGIVEN, for whoever tries again."""
        if self._failed is not None and time.monotonic() - self._failed_at > FORGIVEN:
            self._failed = None
        return self._failed

    def matches(self, event: Event) -> bool:
        """Whether this one event is selected; `select` is the way for more than one."""
        return bool(self.select((event,)))

    def select(self, events: Batch | Sequence[Event]) -> Sequence[int]:
        """Ascending indices of what is selected; `range(len(events))` when that is everything.

        The result is shared by all who ask the same of the same Batch: read it, don't change it.
        """
        batch = events if isinstance(events, Batch) else Batch(events)
        known = batch.selections.get(self)
        if known is not None:
            return known
        places: Sequence[int] = range(len(batch))
        try:
            for _, narrow in self._parts:
                places = narrow(batch, places)
                if not places:
                    break
        except FilterError as error:
            self._failed, self._failed_at = error, time.monotonic()
        if self.failed is not None:
            places = ()
        elif len(places) == len(batch):
            places = range(len(batch))
        batch.selections[self] = places
        return places

    def explain(self, event: Event) -> str | None:
        """Which part refused the event, in the filter's own words; None when it is selected."""
        batch = Batch((event,))
        try:
            for said, narrow in self._parts:
                if not narrow(batch, range(1)):
                    return said
        except FilterError as error:
            return str(error)
        return None


@lru_cache(maxsize=_CACHED)
def compile_filter(wanted: Filter) -> Selector:
    """The Selector of a filter, the same object for equal filters while it is in use."""
    return Selector(wanted)


def _parts(wanted: Filter) -> list[tuple[str, Narrow]]:
    """Each part with its words: cheap columns first, then the top-level terms of q in order."""
    parts: list[tuple[str, Narrow]] = []
    if wanted.request is not None:
        parts.append((f"request is not {wanted.request}", _column("request", {wanted.request})))
    if wanted.installs:
        said = f"install is not {' or '.join(sorted(wanted.installs))}"
        parts.append((said, _column("install", wanted.installs)))
    if wanted.level is not None:
        levels = {level for level in Level if level.rank >= wanted.level.rank}
        parts.append((f"level is below {wanted.level}", _column("level", levels)))
    if wanted.streams:
        said = f"stream is not {' or '.join(sorted(wanted.streams))}"
        parts.append((said, _column("stream", wanted.streams)))
    tree = parse_query(wanted.q)
    if tree is not None:
        nodes = tree.items if isinstance(tree, And) else (tree,)
        parts.extend((wanted.q[slice(*node.span)], compile_node(node)) for node in nodes)
    return parts


def _column(name: str, values: Collection[str]) -> Narrow:
    allowed = frozenset(values)

    def narrow(batch: Batch, places: Sequence[int]) -> Sequence[int]:
        return batch.among(name, allowed, places)

    return narrow


def _refused(message: str) -> FilterError:
    return FilterError(Problem.BAD_FILTER, message)


def _texts(value: object, what: str) -> Sequence[str]:
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
        raise _refused(f"{what}: expected a list of texts, got {type(value).__name__}")
    if len(value) > MAX_INSTALLS:
        raise _refused(f"{what}: expected at most {MAX_INSTALLS}, got {len(value)}")
    return value


def _installs(value: object) -> list[str]:
    try:
        return [clean_id(text, what="installs") for text in _texts(value, "installs")]
    except BadId as error:
        raise _refused(str(error)) from None


def _request(value: object) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise _refused(f"request: expected text or null, got {type(value).__name__}")
    try:
        return clean_opaque(value, what="request")
    except BadId as error:
        raise _refused(str(error)) from None


def _query(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _refused(f"q: expected text, got {type(value).__name__}")
    if len(value) > MAX_QUERY:
        message = f"q: expected at most {MAX_QUERY} characters, got {len(value)}"
        raise FilterError(Problem.TOO_COMPLEX, message, MAX_QUERY)
    return value


def _member(kind: type[_Kind], value: object, *, what: str) -> _Kind:
    try:
        return kind(str(value))
    except ValueError:
        expected = ", ".join(kind)
        raise _refused(f"{what}: expected {expected}; got {str(value)[:40]!r}") from None
