"""A batch: columns, groups and joined texts, each made once and shared by every filter."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.filters.batch import (
    CHUNK_BYTES,
    REGEX_CHARACTERS,
    Batch,
    Chunk,
    flat_fields,
    value_text,
)
from extdebug.filters.filter import Filter, compile_filter
from extdebug.wire.events import Event, Level
from tests.extdebug.filters.sample_events import event, lines


class Counting(Sequence[Event]):
    """A sequence that counts how often it is walked."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self.walks = 0

    def __len__(self) -> int:
        return len(self.events)

    def __getitem__(self, place):
        return self.events[place]

    def __iter__(self):
        self.walks += 1
        return iter(self.events)


def test_different_filters_over_one_batch_share_its_columns():
    counting = Counting(lines(*(f"line {number}" for number in range(50))))
    batch = Batch(counting)
    compile_filter(Filter.parse({"q": "line 1"})).select(batch)
    walked = counting.walks
    for number in range(20):
        compile_filter(Filter.parse({"q": f"line {number}"})).select(batch)
    assert counting.walks == walked


def test_a_column_has_a_value_for_every_event():
    batch = Batch([event(), event(request_id=None), event(level=Level.INFO)])

    assert batch.column("request") == ["Req-77", None, "Req-77"]
    assert batch.column("level") == [Level.WARN, Level.WARN, Level.INFO]
    assert batch.groups("request") == {"Req-77": [0, 2], None: [1]}
    assert batch.column("request") is batch.column("request")


@pytest.mark.parametrize(
    ("allowed", "places", "found"),
    [
        ({"i1"}, [0, 1, 2, 3], [0, 2]),
        ({"i1", "i2"}, [0, 1, 2, 3], [0, 1, 2]),
        ({"i1", "i2", None}, [0, 1, 2, 3], [0, 1, 2, 3]),
        ({"other"}, [0, 1, 2, 3], []),
        ({"i1"}, [1, 2], [2]),
        ({"i1"}, [], []),
    ],
)
def test_places_are_narrowed_to_allowed_values(
    allowed: set[str | None], places: list[int], found: list[int]
):
    batch = Batch([event(install_id=name) for name in ("i1", "i2", "i1", None)])

    for _ in range(2):  # the second answer comes from the cache
        assert list(batch.among("install", frozenset(allowed), places)) == found


def test_texts_hold_the_fields_and_messages_do_not():
    batch = Batch([event("Hi", fields={"a": {"B": 1}}), event("Ho", fields=None)])

    assert batch.texts(folded=False) == ["Hi\na.B=1", "Ho"]
    assert batch.texts(folded=True) == ["hi\na.b=1", "ho"]
    assert batch.messages(folded=False) == ["Hi", "Ho"]
    assert batch.messages(folded=True) == ["hi", "ho"]


def test_texts_are_joined_in_chunks_that_bound_a_scan():
    chunks = Batch(lines(*["x" * 1_000] * 20)).chunks(whole=True)

    assert sum(map(len, chunks)) == 20
    assert all(len(chunk.data) <= 4_100 for chunk in chunks)


@given(st.lists(st.text("abé", max_size=5), min_size=1, max_size=8))
def test_a_chunk_knows_which_text_a_byte_lies_in(texts: list[str]):
    raw = [text.encode() for text in texts]
    chunk = Chunk(3, raw)

    assert len(chunk) == len(texts)
    for place, text in enumerate(raw):
        start, end = chunk.bounds(place)
        assert chunk.data[start:end] == text
        assert chunk.place(start) == place
        assert chunk.place(end) == place


def test_a_text_longer_than_a_chunk_is_one_of_its_own_and_cut_for_regexes():
    chunks = Batch(lines("a", "x" * (REGEX_CHARACTERS + 9), "b")).chunks(whole=False)

    assert [(chunk.first, len(chunk)) for chunk in chunks] == [(0, 1), (1, 1), (2, 1)]
    assert len(chunks[1].data) == REGEX_CHARACTERS > CHUNK_BYTES


def test_fields_are_flattened_to_paths_with_their_values():
    assert flat_fields({"a": {"b": [1, "x"], "c": {}}, "d": None, "e": "é"}) == (
        'a.b=[1,"x"]\nd=null\ne=é'
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [("text", "text"), (True, "true"), (None, "null"), (1.5, "1.5"), ({"a": 1}, '{"a":1}')],
)
def test_a_value_reads_as_people_write_it(value: object, said: str):
    assert value_text(value) == said


COLOURED = "\x1b[31mERROR\x1b[0m: connection to \x1b[1merp\x1b[0m refused"


@pytest.mark.parametrize(
    "q",
    [
        '"ERROR: connection"',
        '"to erp refused"',
        "/^ERROR: .* erp refused$/",
        'message:"erp refused"',
    ],
)
def test_a_filter_sees_a_line_without_its_colours(q: str):
    batch = Batch([event(COLOURED), event("something else")])

    assert list(compile_filter(Filter.parse({"q": q})).select(batch)) == [0]


def test_no_filter_finds_the_bytes_of_a_colour():
    assert not compile_filter(Filter.parse({"q": "31m"})).select(Batch([event(COLOURED)]))
