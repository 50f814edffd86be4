"""Compiles a query's syntax tree to a function that picks the matching events of a Batch.

Events are given by place (index in the batch). A compiled function takes ascending places and
returns those that match, ascending; in a conjunction each term sees only what the one before left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, assert_never

from extdebug.filters.batch import Batch, value_text
from extdebug.filters.query import (
    FIELD,
    And,
    Compare,
    LevelIn,
    Node,
    Not,
    Or,
    Regex,
    Shape,
    StreamIn,
    Text,
    Value,
    ValueRegex,
    Where,
    read_number,
)
from extdebug.filters.regex import SYSTEM_CLOCKS, Clocks, Pattern
from policies.redaction.visible_text import as_seen

Narrow = Callable[[Batch, Sequence[int]], Sequence[int]]


def compile_node(node: Node, *, clocks: Clocks = SYSTEM_CLOCKS) -> Narrow:
    """The function of a tree; FilterError for a regex that RE2 refuses or that is too large."""
    match node:
        case Text():
            return _text(node, wanted=True)
        case Not(Text() as text):
            return _text(text, wanted=False)
        case Not():
            return _not(compile_node(node.item, clocks=clocks))
        case And():
            return _and([compile_node(item, clocks=clocks) for item in node.items])
        case Or():
            return _or([compile_node(item, clocks=clocks) for item in node.items])
        case Regex():
            return _regex(node, clocks)
        case LevelIn():
            return _column("level", lambda level: level in node.levels)
        case StreamIn():
            return _column("stream", lambda stream: stream in node.streams)
        case Value() | ValueRegex() | Compare():
            test = _value_test(node, clocks)
            if node.name.startswith(FIELD):
                return _field(node.name.removeprefix(FIELD), test)
            return _column(node.name, test)
        case _:
            assert_never(node)


def _text(node: Text, *, wanted: bool) -> Narrow:
    needle, folded, whole = _sought(node.needle), node.fold, node.where is Where.TEXT

    def narrow(batch: Batch, places: Sequence[int]) -> Sequence[int]:
        texts = batch.texts(folded=folded) if whole else batch.messages(folded=folded)
        if len(places) == len(texts):
            # Most needles are in none of a batch: one search over all costs a third of each alone.
            if batch.lacks(needle, whole=whole, folded=folded):
                return () if wanted else places
            if wanted:
                return [place for place, text in enumerate(texts) if needle in text]
            return [place for place, text in enumerate(texts) if needle not in text]
        if wanted:
            return [place for place in places if needle in texts[place]]
        return [place for place in places if needle not in texts[place]]

    return narrow


def _not(inner: Narrow) -> Narrow:
    def narrow(batch: Batch, places: Sequence[int]) -> Sequence[int]:
        hits = set(inner(batch, places))
        return [place for place in places if place not in hits] if hits else places

    return narrow


def _and(inner: Sequence[Narrow]) -> Narrow:
    def narrow(batch: Batch, places: Sequence[int]) -> Sequence[int]:
        for one in inner:
            if not places:
                break
            places = one(batch, places)
        return places

    return narrow


def _or(inner: Sequence[Narrow]) -> Narrow:
    def narrow(batch: Batch, places: Sequence[int]) -> Sequence[int]:
        found: set[int] = set()
        rest = places
        for one in inner:
            hits = one(batch, rest)
            if hits:
                found.update(hits)
                if len(found) == len(places):
                    return places
                rest = [place for place in places if place not in found]
        return sorted(found)

    return narrow


def _column(name: str, test: Callable[[Any], bool]) -> Narrow:
    """A test of one attribute: asked once per distinct value, not per event."""

    def holds(value: Any) -> bool:
        if isinstance(value, tuple):
            return any(map(test, value))
        return value is not None and test(value)

    def narrow(batch: Batch, places: Sequence[int]) -> Sequence[int]:
        return batch.among(name, frozenset(filter(holds, batch.groups(name))), places)

    return narrow


def _field(path: str, test: Callable[[Any], bool]) -> Narrow:
    steps = path.split(".")

    def holds(fields: Mapping[str, Any] | None) -> bool:
        if not fields:
            return False
        if path in fields:
            value: Any = fields[path]
        else:
            value = fields
            for step in steps:
                if not isinstance(value, Mapping) or step not in value:
                    return False
                value = value[step]
        return any(map(test, value)) if isinstance(value, list) else test(value)

    def narrow(batch: Batch, places: Sequence[int]) -> Sequence[int]:
        events = batch.events
        return [place for place in places if holds(events[place].fields)]

    return narrow


def _value_test(node: Value | ValueRegex | Compare, clocks: Clocks) -> Callable[[Any], bool]:
    if isinstance(node, Compare):
        return _comparison(node)
    if isinstance(node, ValueRegex):
        pattern = _pattern(node, clocks)
        return lambda value: pattern.found(_value_seen(value).encode("utf-8", "replace"))
    text, fold, number = _sought(node.text), node.fold, node.number
    tests: dict[Shape, Callable[[str], bool]] = {
        Shape.EXACT: text.__eq__,
        Shape.PREFIX: lambda value: value.startswith(text),
        Shape.SUFFIX: lambda value: value.endswith(text),
        Shape.INSIDE: lambda value: text in value,
        Shape.PRESENT: lambda value: True,
    }
    test = tests[node.shape]

    def holds(value: Any) -> bool:
        if number is not None and isinstance(value, (int, float)) and not isinstance(value, bool):
            return value == number
        said = _value_seen(value)
        return test(said.lower() if fold else said)

    return holds


def _comparison(node: Compare) -> Callable[[Any], bool]:
    limit = node.number
    relations: dict[str, Callable[[float], bool]] = {
        ">=": lambda number: number >= limit,
        ">": lambda number: number > limit,
        "<=": lambda number: number <= limit,
        "<": lambda number: number < limit,
    }
    relation = relations[node.op]

    def holds(value: Any) -> bool:
        if isinstance(value, str):
            value = read_number(value)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and relation(value)

    return holds


def _sought(text: str) -> str:
    """What is looked for, as it would be seen in a line; as written if nothing of it is seen."""
    return as_seen([text])[0] or text


def _pattern(node: Regex | ValueRegex, clocks: Clocks) -> Pattern:
    return Pattern(_sought(node.pattern), fold=node.fold, position=node.at, clocks=clocks)


def _value_seen(value: Any) -> str:
    text = value_text(value)
    return text if text.isascii() and text.isprintable() else as_seen([text])[0]


def _regex(node: Regex, clocks: Clocks) -> Narrow:
    pattern = _pattern(node, clocks)
    whole = node.where is Where.TEXT

    def narrow(batch: Batch, places: Sequence[int]) -> Sequence[int]:
        chunks = batch.chunks(whole=whole)
        if len(places) == len(batch):
            return [place for chunk in chunks for place in pattern.scan(chunk)]
        found: list[int] = []
        wanted = iter(places)
        place = next(wanted, None)
        for chunk in chunks:
            end = chunk.first + len(chunk)
            while place is not None and place < end:
                if pattern.found(chunk.data, *chunk.bounds(place - chunk.first)):
                    found.append(place)
                place = next(wanted, None)
        return found

    return narrow
