"""A watcher's filter: the parts a client may ask for, and its compiled form, a Selector.

A process builds one `Batch` per read of a stream and runs every watcher's Selector over it, so
that lower-casing, joining and grouping happen once per process and equal filters run once:

    batch = Batch(events)                 # events as the watcher may see them: redacted, in scope
    places = selector.select(batch)       # ascending indices; range(len) when everything matches

A filter sees only the events it is given: the hub has redacted them before, and takes those of
other installs out of the result (hub/selection.py).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypedDict, TypeVar
from weakref import WeakValueDictionary

from extdebug.filters.batch import Batch
from extdebug.filters.evaluator import Narrow, compile_node
from extdebug.filters.parser import parse_terms
from extdebug.filters.query import MAX_INSTALLS, MAX_QUERY, FilterError, Problem, value_of
from extdebug.filters.regex import SYSTEM_CLOCKS, Clocks
from extdebug.wire.events import UNPRINTABLE, BadId, Level, Output, clean_id, clean_opaque

__all__ = [
    "EVERYTHING",
    "Batch",
    "Filter",
    "FilterError",
    "Part",
    "Problem",
    "Selector",
    "compile_filter",
]

FORGIVEN: Final = 30.0  # seconds until a filter that was too costly may be tried again
_Kind = TypeVar("_Kind", Level, Output)
# Selectors kept that nobody holds; a plain one has 2 KiB, one with four regexes up to 4 MiB.
_CACHED: Final = 256
_held: Final[WeakValueDictionary[Filter, Selector]] = WeakValueDictionary()
_compiling: Final = threading.Lock()


class FilterParts(TypedDict, total=False):
    """A filter as a client spells it; absent and empty parts do not restrict."""

    installs: Sequence[str]
    request: str | None
    streams: Sequence[str]
    level: str | None
    q: str


@dataclass(frozen=True, slots=True)
class Filter:
    """What to select. Equal filters select the same; empty parts do not restrict.

    `request` is read as behind `request:` in q: a whole id, or `abc*` for all that begin so.
    """

    installs: frozenset[str] = frozenset()
    request: str | None = None
    streams: frozenset[Output] = frozenset()
    level: Level | None = None
    q: str = ""

    @classmethod
    def parse(cls, parts: FilterParts) -> Filter:
        """A filter from a client's parts, whose types the transport has checked.

        FilterError for ids that are none, unknown levels and streams, too many installs, and a
        `q` that is too long or does not compile. Its position counts from the start of the `q`
        given, spaces included.
        """
        q = parts.get("q", "")
        if len(q) > MAX_QUERY:
            message = f"q: expected at most {MAX_QUERY} characters, got {len(q)}"
            raise FilterError(Problem.TOO_COMPLEX, message, MAX_QUERY)
        if (control := UNPRINTABLE.search(q)) is not None:
            message = "q: control characters are not allowed; lines are matched without them"
            raise FilterError(Problem.BAD_QUERY, message, control.start())
        streams = frozenset(_member(Output, name, "streams") for name in parts.get("streams", ()))
        level = parts.get("level")
        found = cls(
            installs=_installs(parts.get("installs", ())),
            request=_request(parts.get("request")),
            # All of them, or the lowest level and up, do not restrict: said one way only.
            streams=frozenset() if len(streams) == len(Output) else streams,
            level=None if level in (None, Level.TRACE) else _member(Level, level, "level"),
            q=q.strip(),
        )
        try:
            compile_filter(found)
        except FilterError as error:
            if error.position is None:
                raise
            place = error.position + len(q) - len(q.lstrip())
            raise FilterError(error.code, error.message, place) from None
        return _shared(found)

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


@dataclass(frozen=True, slots=True)
class Part:
    """One condition of a filter: which of its parts, and as a term of the language."""

    name: str
    term: str
    narrow: Narrow


class Selector:
    """A compiled filter. One object serves every watcher with an equal filter.

    `select` never raises: in a fan-out one watcher's filter must not cost the others their
    events. A filter that used more CPU than one may (`too_costly`) selects nothing from then on
    and says so in `failed`; a session that stands on it has to be ended, its account would lie.
    """

    __slots__ = ("__weakref__", "_failed", "_failed_at", "_parts", "_wall")

    def __init__(self, wanted: Filter, *, clocks: Clocks = SYSTEM_CLOCKS) -> None:
        self._parts = tuple(_parts(wanted, clocks))
        self._wall: Callable[[], float] = clocks.wall
        self._failed: FilterError | None = None
        self._failed_at = 0.0

    @property
    def failed(self) -> FilterError | None:
        """Why nothing is selected any more; forgotten after FORGIVEN, for whoever tries again."""
        if self._failed is not None and self._wall() - self._failed_at > FORGIVEN:
            self._failed = None
        return self._failed

    def select(self, batch: Batch) -> Sequence[int]:
        """Ascending indices of what is selected; `range(len(batch))` when that is everything.

        The result is shared by all who ask the same of the same Batch: read it, don't change it.
        """
        known = batch.selections.get(self)
        if known is not None:
            return known
        everything = range(len(batch.events))
        places: Sequence[int] = everything
        try:
            for part in self._parts:
                places = part.narrow(batch, places)
                if not places:
                    break
        except FilterError as error:
            self._fail(error)
        if self._failed is not None and self.failed is not None:
            places = ()
        elif len(places) == len(everything):
            places = everything
        batch.selections[self] = places
        return places

    def rejections(self, batch: Batch) -> dict[int, Part]:
        """What is not selected, and the first part that each of them fails; empty once `failed`."""
        found: dict[int, Part] = {}
        places: Sequence[int] = range(len(batch))
        try:
            for part in self._parts:
                kept = part.narrow(batch, places)
                if len(kept) < len(places):
                    found |= dict.fromkeys(set(places).difference(kept), part)
                places = kept
        except FilterError as error:
            self._fail(error)
        return {} if self.failed else found

    def _fail(self, error: FilterError) -> None:
        self._failed, self._failed_at = error, self._wall()


@lru_cache(maxsize=_CACHED)
def _shared(wanted: Filter) -> Filter:
    """One for all that are equal: most sessions have the same, of 700 bytes each."""
    return wanted


@lru_cache(maxsize=_CACHED)
def compile_filter(wanted: Filter) -> Selector:
    """The Selector of a filter, the same object for equal filters as long as anybody holds it.

    FilterError when `q` is no query or a regex in it is refused.
    """
    with _compiling:
        found = _held.get(wanted)
        if found is None:
            found = _held[wanted] = Selector(wanted)
        return found


def _parts(wanted: Filter, clocks: Clocks) -> list[Part]:
    """One for each restricting part: cheap columns first, then the terms of q in order."""
    found: list[Part] = []
    if wanted.request is not None:
        node = value_of("request", wanted.request, quoted=False)
        found.append(
            Part("request", f"request:{wanted.request}", compile_node(node, clocks=clocks))
        )
    if wanted.installs:
        term = _either("install", wanted.installs)
        found.append(Part("installs", term, _column("install", wanted.installs)))
    if wanted.level is not None:
        weakest = wanted.level.rank
        levels = {level for level in Level if level.rank >= weakest}
        found.append(Part("level", f"level>={wanted.level}", _column("level", levels)))
    if wanted.streams:
        term = _either("stream", wanted.streams)
        found.append(Part("streams", term, _column("stream", wanted.streams)))
    for each in parse_terms(wanted.q):
        text = wanted.q[each.start : each.end]
        found.append(Part("q", text, compile_node(each.node, clocks=clocks)))
    return found


def _either(name: str, values: Collection[str]) -> str:
    return " OR ".join(f"{name}:{value}" for value in sorted(values))


def _column(name: str, values: Collection[str]) -> Narrow:
    allowed = frozenset(values)

    def narrow(batch: Batch, places: Sequence[int]) -> Sequence[int]:
        return batch.among(name, allowed, places)

    return narrow


def _refused(message: str) -> FilterError:
    return FilterError(Problem.BAD_FILTER, message)


def _installs(names: Sequence[str]) -> frozenset[str]:
    if len(names) > MAX_INSTALLS:
        raise _refused(f"installs: expected at most {MAX_INSTALLS}, got {len(names)}")
    try:
        return frozenset(clean_id(name, what="installs") for name in names)
    except BadId as error:
        raise _refused(str(error)) from None


def _request(text: str | None) -> str | None:
    if not text:
        return None
    try:
        return clean_opaque(text, what="request")
    except BadId as error:
        raise _refused(str(error)) from None


def _member(kind: type[_Kind], name: str | None, what: str) -> _Kind:
    try:
        return kind(str(name))
    except ValueError:
        expected = ", ".join(kind)
        raise _refused(f"{what}: expected {expected}; got {str(name)[:40]!r}") from None
