"""The query language's numbers, case rule and shapes of values."""

from __future__ import annotations

import pytest

from extdebug.filters.query import (
    FilterError,
    Problem,
    Regex,
    Shape,
    Value,
    read_number,
    smart_case,
    value_of,
)


@pytest.mark.parametrize("said", ["1", "-1.5", "+.5", "2.", "1e3", "1E-3"])
def test_plain_decimals_are_numbers(said: str):
    assert read_number(said) == float(said)


@pytest.mark.parametrize("said", ["", "nan", "inf", "1_0", "0x1", "١", "1e", " 1", "1" * 65, "."])
def test_nothing_else_is_a_number(said: str):
    assert read_number(said) is None


@pytest.mark.parametrize(
    ("text", "folds"), [("a1é", True), ("A", False), ("aÉ", False), ("", True)]
)
def test_case_is_ignored_until_a_capital_is_typed(text: str, folds: bool):
    assert smart_case(text) == folds


@pytest.mark.parametrize(
    ("value", "shape", "text"),
    [
        ("x", Shape.EXACT, "x"),
        ("x*", Shape.PREFIX, "x"),
        ("*x", Shape.SUFFIX, "x"),
        ("*x*", Shape.INSIDE, "x"),
        ("*", Shape.PRESENT, ""),
        ("**", Shape.PRESENT, ""),
        ("x*y", Shape.EXACT, "x*y"),
    ],
)
def test_stars_at_the_ends_choose_the_shape(value: str, shape: Shape, text: str):
    assert value_of("request", value, quoted=False) == Value("request", shape, text, fold=True)


def test_quotes_make_a_value_literal():
    assert value_of("field.a", "*1*", quoted=True) == Value(
        "field.a", Shape.EXACT, "*1*", fold=True
    )
    assert value_of("field.a", "1", quoted=True).number is None
    assert value_of("field.a", "1", quoted=False).number == 1.0


def test_where_a_regex_stands_is_no_part_of_what_it_means():
    assert Regex("a", fold=True, at=3) == Regex("a", fold=True, at=9)
    assert hash(Regex("a", fold=True, at=3)) == hash(Regex("a", fold=True))


def test_an_error_carries_code_message_and_place():
    error = FilterError(Problem.BAD_QUERY, "why", 4)

    assert (str(error), error.code, error.message, error.position) == (
        "why", Problem.BAD_QUERY, "why", 4,
    )  # fmt: skip
