"""Kinds of values that a setting may have: what each expects, in words, and how it is parsed.

`parse` gets the text of one line without white space around it and answers the value, or raises
ValueError; what the error says is not shown, because `expected` says it for every bad value. Only
`expected` may be written into a document or a log, never a value of a secret setting.
"""

from __future__ import annotations

import ipaddress
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

from extdebug.wire.redis_address import RedisAddress

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")
Number = TypeVar("Number", int, float)

_YES: Final = frozenset({"yes", "on", "true", "1"})
_NO: Final = frozenset({"no", "off", "false", "0"})
# Python's int() and float() also take underscores, other scripts' digits, nan and inf.
_NUMBER: Final = re.compile(r"[+-]?[0-9]+")
_DECIMAL: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class Kind(Protocol[T_co]):
    """What a value must be. `expected` completes the sentence "expected ..."."""

    @property
    def expected(self) -> str: ...

    def parse(self, text: str, /) -> T_co: ...


@dataclass(frozen=True, slots=True)
class Flag:
    """A boolean by one of eight words; any other word is refused, whatever it looks like."""

    @property
    def expected(self) -> str:
        return "yes, no, on, off, true, false, 1 or 0"

    def parse(self, text: str) -> bool:
        word = text.lower()
        if word not in _YES | _NO:
            raise ValueError(word)
        return word in _YES


@dataclass(frozen=True, slots=True)
class Text:
    """Characters that match `pattern` as a whole; `words` say so to people."""

    words: str = "text"
    pattern: str = r".+"

    @property
    def expected(self) -> str:
        return self.words

    def parse(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text, flags=re.DOTALL):
            raise ValueError("no match")
        return text


@dataclass(frozen=True, slots=True)
class Secret:
    """Random characters, at least `least` of them."""

    least: int = 1

    @property
    def expected(self) -> str:
        return f"at least {self.least} random characters" if self.least > 1 else "random characters"

    def parse(self, text: str) -> str:
        if len(text) < self.least:
            raise ValueError(len(text))
        return text


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words, in any case; the answer is written as declared."""

    words: tuple[str, ...]

    @property
    def expected(self) -> str:
        return f"{', '.join(self.words[:-1])} or {self.words[-1]}"

    def parse(self, text: str) -> str:
        return {word.lower(): word for word in self.words}[text.lower()]


class _Range(Generic[Number]):
    """The bounds of a number and their words."""

    __slots__ = ()
    least: Number
    most: Number
    unit: str
    zero: str

    def _words(self, noun: str) -> str:
        unit = f" {self.unit}" if self.unit else ""
        zero = f"; 0 is {self.zero}" if self.zero else ""
        return f"{noun} from {self.least} to {self.most}{unit}{zero}"

    def _within(self, value: Number) -> Number:
        if not math.isfinite(value) or not self.least <= value <= self.most:
            raise ValueError(value)
        return value


@dataclass(frozen=True, slots=True)
class Whole(_Range[int]):
    """A whole number from `least` to `most`."""

    least: int
    most: int
    unit: str = ""
    zero: str = ""  # what 0 means, if it means something else than none

    @property
    def expected(self) -> str:
        return self._words("a whole number")

    def parse(self, text: str) -> int:
        if not _NUMBER.fullmatch(text):
            raise ValueError(text)
        return self._within(int(text))


@dataclass(frozen=True, slots=True)
class Decimal(_Range[float]):
    """A number from `least` to `most`, with or without a fraction."""

    least: float
    most: float
    unit: str = ""
    zero: str = ""

    @property
    def expected(self) -> str:
        return self._words("a number")

    def parse(self, text: str) -> float:
        if not _DECIMAL.fullmatch(text):
            raise ValueError(text)
        return self._within(float(text))


@dataclass(frozen=True, slots=True)
class Url:
    """An address with one of `schemes`, a host unless `hostless` has the scheme, a valid port."""

    schemes: tuple[str, ...]
    example: str
    hostless: tuple[str, ...] = ()
    path: str = ""  # what the path must match, if anything

    @property
    def expected(self) -> str:
        return f"an address such as {self.example}"

    def parse(self, text: str) -> str:
        parts = urlsplit(text)  # ValueError, and so are a port that is none and one above 65535
        if parts.scheme not in self.schemes or re.search(r"\s", text):
            raise ValueError(parts.scheme)
        if parts.scheme not in self.hostless:
            if not parts.hostname or parts.port == 0:
                raise ValueError("no host")
            if self.path and not re.fullmatch(self.path, parts.path):
                raise ValueError("path")
        return text


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """The address of a Redis, as `redis_address` reads it."""

    @property
    def expected(self) -> str:
        return (
            "an address such as rediss://user:password@redis.example:6379/0 or, by Sentinels, "
            "rediss+sentinel://user:password@a.example:26379,b.example:26379/SERVICE/0 or, of a "
            "cluster, rediss+cluster://user:password@a.example:6379,b.example:6379/"
        )

    def parse(self, text: str) -> str:
        RedisAddress.parse(text)
        return text


@dataclass(frozen=True, slots=True)
class Network:
    """An IP address, a network as in 10.0.0.0/8, or `*` for every address."""

    @property
    def expected(self) -> str:
        return "IP addresses or networks"

    def parse(self, text: str) -> str:
        if text != "*":
            ipaddress.ip_network(text, strict=True)
        return text


@dataclass(frozen=True, slots=True)
class Folder:
    """A directory: one that exists, or, where it is `made` when needed, one that may come to be."""

    made: bool = False

    @property
    def expected(self) -> str:
        return "a directory" if self.made else "a directory that exists"

    def parse(self, text: str) -> Path:
        path = Path(text)
        usable = path.is_dir() or (self.made and not path.exists())
        if not usable:
            raise ValueError(text)
        return path


@dataclass(frozen=True, slots=True)
class File:
    """The path of a file that this process may read."""

    @property
    def expected(self) -> str:
        return "the path of a file that can be read"

    def parse(self, text: str) -> Path:
        path = Path(text)
        if not path.is_file() or not os.access(path, os.R_OK):
            raise ValueError(text)
        return path


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """Values of one kind, separated by commas; white space around a comma and an empty one fall."""

    each: Kind[T]

    @property
    def expected(self) -> str:
        return f"{self.each.expected}, separated by commas"

    def parse(self, text: str) -> tuple[T, ...]:
        return tuple(self.each.parse(part) for each in text.split(",") if (part := each.strip()))
