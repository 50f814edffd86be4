"""Parses `q`, the text of a query, to a syntax tree, or to an error with its place in the text.

The rule behind the edge cases: what a person pastes from a log line (a URL, a path, `key=value`,
`f(x)`) is text to look for; only known attributes, AND, OR, NOT, -, (), quotes and slashes are
syntax. Bounds are checked while parsing, so that an oversized query costs no more than the bound.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeVar

from extdebug.filters.query import (
    CASELESS,
    FIELD,
    MAX_DEPTH,
    MAX_REGEX,
    MAX_REGEXES,
    MAX_TERMS,
    And,
    Compare,
    FilterError,
    LevelIn,
    Node,
    Not,
    Or,
    Problem,
    Regex,
    StreamIn,
    Term,
    Text,
    ValueRegex,
    Where,
    levels_of,
    read_number,
    smart_case,
    value_of,
)
from extdebug.filters.spellings import (
    NAMED,
    ORDER_BEHIND,
    comparison,
    known_name,
    or_text,
    other_syntax,
)  # fmt: skip
from extdebug.wire.events import LEVELS, OUTPUTS

_Word = TypeVar("_Word")
_REGEX: Final = re.compile(r"/((?:[^/\\]|\\.)+)/(i?)(?=[\s)]|$)", re.DOTALL)
_PHRASE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_NOT_LITERAL: Final = re.compile(r"\\[pP](?:\{[^}]*\}|.)|\\.|\(\?P?<[^>]*>", re.DOTALL)


def parse_terms(q: str) -> tuple[Term, ...]:
    """The conditions of `q` that all have to hold, in order; one only when it is an OR.

    None of them asks for everything. FilterError says where it went wrong.
    """
    parser = _Parser(q)
    parser.parse()
    return tuple(parser.conditions)


class _Parser:
    """Recursive descent over the characters of one query.

        any_of = all_of {"OR" all_of}
        all_of = one {["AND"] one}
        one    = ("-" | "NOT") one | "(" any_of ")" | term
        term   = attribute op (regex | phrase | word) | phrase | regex | word

    A method takes its part from `at` on and leaves `at` behind it; FilterError when it cannot.
    """

    def __init__(self, q: str) -> None:
        self.q = q
        self.at = 0
        self.terms = 0
        self.regexes = 0
        self.depth = 0
        self.conditions: list[Term] = []  # of the outermost AND

    def parse(self) -> None:
        try:
            self.q.encode()
        except UnicodeEncodeError as error:
            raise self.error("expected Unicode text, got a lone surrogate", error.start) from None
        self.space()
        if self.at == len(self.q):
            return
        self.any_of()
        if self.at < len(self.q):
            raise self.error("this ) closes nothing; quote it to search for it", self.at)

    def error(self, message: str, at: int, code: Problem = Problem.BAD_QUERY) -> FilterError:
        return FilterError(code, message, at)

    def space(self) -> None:
        while self.at < len(self.q) and self.q[self.at].isspace():
            self.at += 1

    def keyword(self, word: str) -> bool:
        """Whether `word` stands here as a whole word; it is taken then."""
        end = self.at + len(word)
        if self.q[self.at : end] != word or (end < len(self.q) and self.q[end] not in " \t\n()"):
            return False
        self.at = end
        self.space()
        return True

    def any_of(self) -> Node:
        start = self.at
        items = [self.all_of()]
        while True:
            at = self.at
            if not self.keyword("OR"):
                break
            if self.at == len(self.q) or self.q[self.at] == ")":
                raise self.error("OR needs something after it; quote it to search for it", at)
            items.append(self.all_of())
        if len(items) == 1:
            return items[0]
        if self.depth == 0:
            self.conditions = [Term(Or(tuple(items)), start, len(self.q[: self.at].rstrip()))]
        return Or(tuple(items))

    def all_of(self) -> Node:
        start = self.at
        items: list[Node] = []
        while self.at < len(self.q) and self.q[self.at] != ")":
            at = self.at
            if self.keyword("OR"):
                if not items:
                    raise self.error("OR needs something before it; quote it to search for it", at)
                self.at = at
                break
            if self.keyword("AND"):
                if not items or self.at == len(self.q):
                    raise self.error("AND needs something on both sides", at)
                continue
            items.append(self.one())
            if self.depth == 0:
                self.conditions.append(Term(items[-1], at, self.at))
            self.space()
        if not items:
            raise self.error("expected something to look for here", start)
        return items[0] if len(items) == 1 else And(tuple(items))

    def one(self) -> Node:
        start = self.at
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"nested more than {MAX_DEPTH} deep", start, Problem.TOO_COMPLEX)
        try:
            following = self.q[self.at + 1 : self.at + 2]
            if (
                self.q[self.at] == "-"
                and following not in ("", "-", ")", ">")  # -> is an arrow
                and not following.isspace()
            ):
                self.at += 1
                return Not(self.one())
            if self.keyword("NOT"):
                if self.at == len(self.q) or self.q[self.at] == ")":
                    raise self.error("NOT needs something after it", start)
                return Not(self.one())
            if self.q[self.at] == "(":
                return self.group(start)
            return self.term(start)
        finally:
            self.depth -= 1

    def group(self, start: int) -> Node:
        self.at += 1
        self.space()
        node = self.any_of()
        if self.at == len(self.q):
            raise self.error("this ( is never closed; quote it to search for it", start)
        self.at += 1
        return node

    def term(self, start: int) -> Node:
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise self.error(f"more than {MAX_TERMS} terms", start, Problem.TOO_COMPLEX)
        if (refused := other_syntax(self.q, start)) is not None:
            raise self.error(refused, start)
        named = self.named(start)
        if named is not None:
            return named
        phrase = self.phrase()
        if phrase is not None:
            return Text(phrase, smart_case(phrase))
        regex = self.regex()
        if regex is not None:
            return Regex(*regex, at=start)
        word = self.word()
        return Text(word, smart_case(word))

    def named(self, start: int) -> Node | None:
        """What stands behind a name and an operator; None when there are none."""
        found = NAMED.match(self.q, start)
        if found is None:
            return None
        (written, op), value_at = found.groups(), found.end()
        name = known_name(written)
        if op == ":" and (behind := ORDER_BEHIND.match(self.q, value_at)):  # ms:>500
            op, value_at = behind[0], behind.end()
        self.at = value_at
        if name is not None and op not in ("=", "==", "!="):
            return self.attribute(name, op, start)
        quoted = _PHRASE.match(self.q, value_at)
        value = self.phrase() if quoted and quoted[1] else self.word()
        whole = self.q[start : self.at]
        meant: Node | str | None = None
        if value and name is not None and op in ("=", "=="):
            self.at = value_at
            meant = or_text(whole, self.attribute(name, ":", start))
        elif value:
            meant = comparison(name or written, op, value, said=self.q[value_at : self.at])
        if isinstance(meant, str):
            raise self.error(meant, start)
        return meant or Text(whole, smart_case(whole))

    def phrase(self) -> str | None:
        if self.q[self.at : self.at + 1] != '"':
            return None
        found = _PHRASE.match(self.q, self.at)
        if found is None:
            raise self.error('this " is never closed', self.at)
        if not found[1]:
            raise self.error("nothing between these quotes", self.at)
        self.at = found.end()
        return _ESCAPE.sub(r"\1", found[1])

    def regex(self) -> tuple[str, bool] | None:
        found = _REGEX.match(self.q, self.at)
        if found is None:
            return None
        pattern = found[1].replace("\\/", "/")
        if len(pattern) > MAX_REGEX:
            message = f"a regex may have {MAX_REGEX} characters, this one has {len(pattern)}"
            raise self.error(message, self.at, Problem.TOO_COMPLEX)
        self.regexes += 1
        if self.regexes > MAX_REGEXES:
            raise self.error(f"more than {MAX_REGEXES} regexes", self.at, Problem.TOO_COMPLEX)
        self.at = found.end()
        return pattern, bool(found[2]) or smart_case(_NOT_LITERAL.sub("", pattern))

    def word(self) -> str:
        """Take text up to the next space, or to a `)` that the word itself did not open."""
        start, opened = self.at, 0
        while self.at < len(self.q) and not self.q[self.at].isspace():
            if self.q[self.at] == "(":
                opened += 1
            elif self.q[self.at] == ")":
                opened -= 1
                if opened < 0:
                    break
            self.at += 1
        return self.q[start : self.at]

    def attribute(self, name: str, op: str, start: int) -> Node:
        value_at = self.at
        if op == ":" and name not in ("level", "stream"):
            regex = self.regex()
            if regex is not None and name == "message":
                return Regex(*regex, Where.MESSAGE, start)
            if regex is not None:
                pattern, fold = regex
                return ValueRegex(name, pattern, fold or name in CASELESS, start)
        phrase = self.phrase()
        value = self.word() if phrase is None else phrase
        if not value:
            raise self.error(
                f"{name}{op} needs a value right after it; quote it to search for the text", start
            )
        if name == "level":
            return LevelIn(levels_of(op, self.one_of(LEVELS, name, value, value_at)))
        if op != ":" and not name.startswith(FIELD):
            raise self.error(f"{name} has no order, use {name}:", start)
        if name == "stream":
            return StreamIn(frozenset((self.one_of(OUTPUTS, name, value, value_at),)))
        if name == "message":
            return Text(value, smart_case(value), Where.MESSAGE)
        if op != ":":
            number = read_number(value)
            if number is None:
                raise self.error(f"{name}{op} expected a number, got {value[:40]}", value_at)
            return Compare(name, op, number)
        return value_of(name, value, quoted=phrase is not None)

    def one_of(self, known: Mapping[str, _Word], name: str, value: str, at: int) -> _Word:
        if value.lower() in known:
            return known[value.lower()]
        expected = ", ".join(str(each) for each in dict.fromkeys(known.values()))
        raise self.error(f"{name}: expected {expected}; got {value[:40]}", at)
