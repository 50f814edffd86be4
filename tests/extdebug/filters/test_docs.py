"""docs/filters.md: what it says a query finds, the query finds."""

from __future__ import annotations

import json
import re
from typing import Final

import msgspec
import pytest

from extdebug.filters import query
from extdebug.filters.batch import REGEX_CHARACTERS, Batch
from extdebug.filters.filter import Filter, compile_filter
from extdebug.filters.query import ATTRIBUTES
from extdebug.wire.events import Event
from tests.extdebug.filters.trees import parse_query
from tests.files import ROOT

TEXT: Final = (ROOT / "docs" / "filters.md").read_text()
SAMPLE: Final = msgspec.json.decode(
    re.search(r"```json\n(.*?)```", TEXT, re.DOTALL)[1],  # type: ignore[index]
    type=Event,
)
PAIRS: Final = re.findall(
    r"^\| `(.+?)` \| `(.+?)` \|$", TEXT.split("| finds it |")[1], re.MULTILINE
)


def finds(q: str) -> bool:
    return bool(compile_filter(Filter.parse({"q": q})).select(Batch([SAMPLE])))


@pytest.mark.parametrize(("found", "missed"), PAIRS)
def test_the_table_of_the_sample_event_is_true(found: str, missed: str):
    assert finds(found)
    assert not finds(missed)


def test_there_is_a_table():
    assert len(PAIRS) >= 12


@pytest.mark.parametrize(
    "q", re.findall(r"^\| `([^`]+)` \|", TEXT.split("## Attributes")[0], re.MULTILINE)
)
def test_the_queries_of_the_introduction_are_queries(q: str):
    assert parse_query(q) is not None


@pytest.mark.parametrize(
    "pasted", ["http://x/y?z=1", "12:30:01", "handler()", "/api/v1/users", "TypeError:", "--flag"]
)
def test_what_is_called_text_is_text(pasted: str):
    assert f"`{pasted}`" in TEXT
    assert isinstance(parse_query(pasted), query.Text)


def test_every_attribute_is_documented():
    section = TEXT.split("## Attributes")[1].split("##")[0]
    named = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\|(.*?)\|", section, re.MULTILINE))))

    assert named - {"NAME"} == set(ATTRIBUTES)


def test_the_limits_are_the_limits():
    said = {int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", TEXT)}

    assert {
        query.MAX_QUERY, query.MAX_TERMS, query.MAX_DEPTH, query.MAX_REGEXES, query.MAX_REGEX,
        REGEX_CHARACTERS,
    } <= said  # fmt: skip


def test_the_sample_is_an_event_of_the_wire():
    assert json.loads(msgspec.json.encode(SAMPLE))["fields"]["ms"] == 3021
