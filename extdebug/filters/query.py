"""What the query language consists of: its syntax tree, attributes, bounds and errors.

parser.py makes the tree from text, evaluator.py runs it over events, docs/filters.md explains the
language to authors.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from extdebug.wire.events import Level, Output

MAX_INSTALLS: Final = 64  # named in one filter
MAX_QUERY: Final = 1024  # characters of q
MAX_TERMS: Final = 32  # each costs about 0.1 us per event and watcher
MAX_DEPTH: Final = 16  # of parentheses and negations; the parser recurses
MAX_REGEXES: Final = 4
MAX_REGEX: Final = 256  # characters of one regex


class Problem(StrEnum):
    """What a FilterError's `code` may say."""

    BAD_FILTER = "bad_filter"  # a part other than q
    BAD_QUERY = "bad_query"
    BAD_REGEX = "bad_regex"
    TOO_COMPLEX = "too_complex"
    TOO_COSTLY = "too_costly"  # only while running: it used more CPU than one filter may


class FilterError(ValueError):
    """A filter nobody can run. `position` counts characters of `q`, None for the other parts."""

    def __init__(self, code: Problem, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.position = position


class Where(StrEnum):
    """What a text or regex is looked for in: message and fields, or the message alone."""

    TEXT = "text"
    MESSAGE = "message"


class Shape(StrEnum):
    """How a value must look: `x`, `x*`, `*x`, `*x*` or `*` (there is one at all)."""

    EXACT = "exact"
    PREFIX = "prefix"
    SUFFIX = "suffix"
    INSIDE = "inside"
    PRESENT = "present"


@dataclass(frozen=True, slots=True)
class Text:
    """The needle occurs; `fold` ignores case."""

    needle: str
    fold: bool
    where: Where = Where.TEXT


@dataclass(frozen=True, slots=True)
class Regex:
    """A line of the text matches."""

    pattern: str
    fold: bool
    where: Where = Where.TEXT
    at: int = field(default=0, compare=False)  # where it stands in q, for errors


@dataclass(frozen=True, slots=True)
class LevelIn:
    """The level is one of these."""

    levels: frozenset[Level]


@dataclass(frozen=True, slots=True)
class StreamIn:
    """The stream is one of these."""

    streams: frozenset[Output]


@dataclass(frozen=True, slots=True)
class Value:
    """An attribute or field has a value of this shape. `number` also equals 100.0 for `100`."""

    name: str
    shape: Shape
    text: str
    fold: bool
    number: float | None = None


@dataclass(frozen=True, slots=True)
class ValueRegex:
    """An attribute or field has a value that the regex matches somewhere."""

    name: str
    pattern: str
    fold: bool
    at: int = field(default=0, compare=False)  # where it stands in q, for errors


@dataclass(frozen=True, slots=True)
class Compare:
    """A field is a number (or text that reads as one) in this relation to `number`."""

    name: str
    op: str
    number: float


@dataclass(frozen=True, slots=True)
class Not:
    """The item does not hold."""

    item: Node


@dataclass(frozen=True, slots=True)
class And:
    """All items hold."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One of the items holds."""

    items: tuple[Node, ...]


Node = (
    Text | Regex | LevelIn | StreamIn | Value | ValueRegex | Compare | Not | And | Or
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Term:
    """One of the conditions that all have to hold, and where it stands in q."""

    node: Node
    start: int
    end: int


FIELD: Final = "field."
_PLAIN_ATTRIBUTES: Final = (
    "request", "install", "version", "hash", "tenant", "extension", "redacted",
    "execution",
)  # fmt: skip
ATTRIBUTES: Final = ("level", "stream", "message", *_PLAIN_ATTRIBUTES)
# Ids are pasted from headers and tickets that change their case; the platform's page ignores it.
CASELESS: Final = frozenset(("request",))
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)


def read_number(text: str) -> float | None:
    """A plain decimal number, short enough to be one; no hex, no infinity, no underscores."""
    return float(text) if len(text) <= 64 and _NUMBER.fullmatch(text) else None


def smart_case(text: str) -> bool:
    """Whether case is to be ignored: no upper-case letter was typed."""
    return text == text.lower()


def levels_of(op: str, level: Level) -> frozenset[Level]:
    """The levels in this relation to `level`."""
    relations: dict[str, Callable[[int, int], bool]] = {
        ":": operator.eq, ">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt,
    }  # fmt: skip
    return frozenset(each for each in Level if relations[op](each.rank, level.rank))


def value_of(name: str, value: str, *, quoted: bool) -> Value:
    """The test of an attribute for what was written after its colon."""
    shape, text = Shape.EXACT, value
    if not quoted and value.strip("*") == "":
        shape, text = Shape.PRESENT, ""
    elif not quoted:
        starts, ends = value.startswith("*"), value.endswith("*")
        text = value[starts : len(value) - ends]
        shape = {
            (False, False): Shape.EXACT,
            (False, True): Shape.PREFIX,
            (True, False): Shape.SUFFIX,
            (True, True): Shape.INSIDE,
        }[starts, ends]
    number = read_number(text) if shape is Shape.EXACT and not quoted else None
    if name in CASELESS:
        text = text.lower()
    return Value(name, shape, text, smart_case(text), number)
