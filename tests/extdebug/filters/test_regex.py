"""Regexes of watchers: one event's lines never leak into another's match, and bombs end."""

from __future__ import annotations

import random
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.filters.batch import REGEX_CHARACTERS, Batch, Chunk
from extdebug.filters.filter import Filter, FilterError, Problem, compile_filter
from extdebug.filters.regex import Clocks, Pattern
from tests.extdebug.filters.sample_events import lines

# The subset in which RE2 and Python agree, so that Python can be the judge.
patterns = st.lists(
    st.sampled_from(
        ["a", "b", ".", "^", "$", "a*", "b+", "(a|b)", "[^a]", r"\s", r"\b", "b?", "a{2}", "(^|b)"]
    ),
    min_size=1,
    max_size=5,
).map("".join)
short_lines = st.text("ab ", max_size=5)


@given(
    patterns, st.lists(st.lists(short_lines, max_size=3).map("\n".join), min_size=1, max_size=12)
)
def test_a_scan_over_many_events_finds_those_with_a_matching_line(regex: str, texts: list[str]):
    chunk = Chunk(10, [text.encode() for text in texts])
    judge = re.compile(regex)
    expected = [
        place
        for place, text in enumerate(texts)
        if any(judge.search(line) for line in text.split("\n"))
    ]
    found = Pattern(regex, fold=False, position=0)

    assert found.scan(chunk) == [10 + place for place in expected]
    singly = [place for place in range(len(texts)) if found.found(chunk.data, *chunk.bounds(place))]
    assert singly == expected


def chosen(q: str, *messages: str) -> list[int]:
    return list(compile_filter(Filter.parse({"q": q})).select(Batch(lines(*messages))))


@pytest.mark.parametrize(
    "regex", [r"a\nb", r"a\sb", "a[^x]b", "(?s)a.b", r"a\x0ab", r"a\pZb", "a(?:\n|x)b"]
)
def test_no_pattern_reaches_over_the_end_of_a_line(regex: str):
    assert chosen(f"/{regex}/", "a", "b", "a\nb") == []


@pytest.mark.parametrize("regex", [r"\Aa", r"a\z", "(?-m)^a", "(?i-m:a$)", r"a\Cb", r"x\\\Aa"])
def test_what_would_see_beyond_a_line_is_refused(regex: str):
    with pytest.raises(FilterError, match="not supported") as caught:
        Filter.parse({"q": f"x /{regex}/"})

    assert (caught.value.code, caught.value.position) == (Problem.BAD_REGEX, 2)


@pytest.mark.parametrize("regex", ["(", "a)|(b", "[z-a]", r"\1", "(?=a)", "a**", "a{1001}", r"\8"])
def test_what_re2_refuses_is_refused_with_its_words(regex: str):
    with pytest.raises(FilterError, match=r"RE2 says: .+") as caught:
        Filter.parse({"q": f"/{regex}/"})

    assert caught.value.code is Problem.BAD_REGEX


@pytest.mark.parametrize(
    "regex", ["(?:[a-z]{0,50}.){20}z", r"\p{L}{30}", "((a{100}){100})", "(x{0,1000}){0,900}"]
)
def test_a_pattern_too_large_is_refused(regex: str):
    with pytest.raises(FilterError) as caught:
        Filter.parse({"q": f"/{regex}/"})

    assert caught.value.code in (Problem.TOO_COMPLEX, Problem.BAD_REGEX)


@pytest.mark.parametrize("regex", [r"\p{L}+ed", r"\b(timeout|refused|reset)\b", r"\w{1,50}@\w+"])
def test_patterns_worth_having_are_allowed(regex: str):
    Filter.parse({"q": f"/{regex}/"})


def test_the_textbook_bomb_is_linear():
    assert chosen("/(a+)+$/", "a" * 5_000 + "!") == []


def test_a_regex_sees_the_first_characters_of_a_long_text():
    inside, outside = "x" * (REGEX_CHARACTERS - 1) + "z", "x" * REGEX_CHARACTERS + "z"

    assert chosen("/z/", inside, outside) == [0]
    assert chosen("z", inside, outside) == [0, 1]


def test_a_regex_that_uses_up_its_cpu_time_is_stopped_and_recovers():
    clock = {"cpu": 0.0, "now": 0.0}

    def cpu() -> float:
        clock["cpu"] += 0.2  # every look at the clock: 200 ms were used
        return clock["cpu"]

    clocks = Clocks(cpu=cpu, wall=lambda: clock["now"])
    costly = Pattern("a", fold=False, position=7, clocks=clocks)
    chunk = Chunk(0, [b"a"])

    assert costly.scan(chunk) == [0]
    assert costly.scan(chunk) == [0]
    with pytest.raises(FilterError, match="too much CPU") as caught:
        costly.scan(chunk)
    assert (caught.value.code, caught.value.position) == (Problem.TOO_COSTLY, 7)
    clock["now"] += 60.0
    assert costly.scan(chunk) == [0]


def test_the_worst_pattern_within_the_limits_is_found_out_soon():
    """It leaves RE2's automaton at every byte: the account must end it."""
    selector = compile_filter(Filter.parse({"q": "/(?:[ab]*a[ab]{100}){3}c/"}))
    chance = random.Random(1)  # no period, or the automaton would close
    batch = lines(*["".join(chance.choices("ab", k=4_000)) for _ in range(300)])
    began = time.thread_time()

    for _ in range(10):
        selector.select(Batch(batch))
    assert selector.failed is not None
    assert selector.failed.code is Problem.TOO_COSTLY
    assert time.thread_time() - began < 2.0
