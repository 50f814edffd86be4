"""Filters on record: each once, bounded and counted beyond, without the secrets in them."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from extdebug.filters.filter import Filter, FilterParts
from extdebug.sessions.used_filters import FILTERS_KEPT, in_words, noted, shown_filter
from policies.redaction.redactor import Redactor
from policies.redaction.rules import Rule
from tests.extdebug.stage import TARGET


def test_a_filter_is_noted_once() -> None:
    kept = noted(noted([], {"q": "a"}), {"q": "a"})
    assert kept == [{"q": "a"}]


def test_filters_beyond_the_bound_are_counted() -> None:
    kept: list[Mapping[str, object]] = []
    for number in range(FILTERS_KEPT + 5):
        kept = noted(kept, {"q": str(number)})
    assert len(kept) == FILTERS_KEPT + 1
    assert kept[0] == {"q": "0"}
    assert kept[-1] == {"more": 5}


def test_what_is_kept_is_not_changed_in_place() -> None:
    before: list[Mapping[str, object]] = [{"q": "a"}]
    noted(before, {"q": "b"})
    assert before == [{"q": "a"}]


def test_a_secret_that_was_searched_for_is_not_on_record() -> None:
    rules = Redactor([Rule(name="own", pattern=r"secret-\d+", example="secret-1")], key=None)
    wanted = Filter.parse({"q": "secret-12", "request": "secret-34", "level": "warn"})
    shown = shown_filter(wanted, rules, TARGET)
    assert "secret-" not in str(shown)
    assert shown["level"] == wanted.to_json()["level"]
    assert wanted.q == "secret-12", "the filter itself stays as it was asked"


@pytest.mark.parametrize(
    ("parts", "query", "besides"),
    [
        ({}, "", "every line"),
        ({"q": "ms>=500 -beat"}, "ms>=500 -beat", ""),
        (
            {"q": "x", "level": "warn", "streams": ["stderr", "stdout"], "installs": ["inst-acme"]},
            "x",
            "level warn and above · install inst-acme · streams stderr, stdout",
        ),
        ({"request": "req-4757"}, "", "request req-4757"),
    ],
)
def test_a_filter_reads_as_it_was_typed(parts: FilterParts, query: str, besides: str) -> None:
    kept = Filter.parse(parts).to_json()
    said = in_words(kept)
    assert (said.query, said.besides) == (query, besides)
    assert json.loads(said.exact) == kept


def test_filters_that_were_only_counted_are_said_to_be() -> None:
    assert in_words({"more": 5}).besides == "and 5 more"
