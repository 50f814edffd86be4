"""The free part of an entry is read within bounds, and what it cannot hold is marked as cut."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from extdebug.wire.entry_fields import (
    KNOWN_FIELDS,
    RAW_KNOWN,
    long_text,
    read_fields,
    read_plain_fields,
)
from extdebug.wire.events import encode_json
from extdebug.wire.truncation import (
    MAX_FIELDS_BYTES,
    MAX_FIELDS_DEPTH,
    MAX_FOREIGN_FIELDS_BYTES,
    MAX_FOREIGN_MESSAGE_BYTES,
    MAX_UNKNOWN_FIELDS,
    SAFE_INTEGER,
    cap_fields,
)


def object_of(items: dict[str, str]) -> str:
    return "{" + ",".join(f"{json.dumps(key)}:{item}" for key, item in items.items()) + "}"


NUMBERS = st.one_of(
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(("9e15", "-0", "1E-7", "1e400", "0.10", str(SAFE_INTEGER + 1))),
)
JSON = st.recursive(
    NUMBERS | st.text(max_size=20).map(json.dumps) | st.sampled_from(("true", "null", "[]", "{}")),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: f"[{','.join(items)}]")
        | st.dictionaries(st.text(max_size=5), inner, max_size=4).map(object_of)
    ),
    max_leaves=30,
)
NESTED = [f'{{"a":{"[" * depth}1{"]" * depth}}}' for depth in range(MAX_FIELDS_DEPTH + 2)]
GROWING = [f'{{"a":[{",".join(["9e15"] * count)}]}}' for count in (60, 200, 400, 800)]


@pytest.mark.parametrize(
    ("raw", "fields", "cut", "broken"),
    [
        (b'{"a": 1}', {"a": 1}, False, False),
        (b"", None, False, False),
        (b"{}", None, False, False),
        (b"[1, 2]", {"fields": [1, 2]}, False, False),
        (b"not json", {"fields": "not json"}, False, False),
        (b'{"a": "\xff"}', {"a": "\ufffd"}, False, True),
        (b'"' + b"x" * MAX_FOREIGN_FIELDS_BYTES + b'"', None, True, False),
    ],
)
def test_fields_as_their_writer_gave_them(
    raw: bytes, fields: object, cut: bool, broken: bool
) -> None:
    assert read_fields({b"message": b"m", b"fields": raw}) == (fields, cut, broken)


def test_what_an_entry_holds_beside_the_contract_becomes_fields_that_never_win() -> None:
    values = {b"message": b"m", b"trace": b"abc", b"a": b"theirs", b"fields": b'{"a": "ours"}'}
    assert read_fields(values) == ({"trace": "abc", "a": "ours"}, False, False)


def test_unknown_names_are_bounded_in_number_and_size() -> None:
    many = {f"k{n}".encode(): b"v" for n in range(MAX_UNKNOWN_FIELDS + 1)}
    fields, cut, _ = read_fields(many)
    assert fields is not None
    assert len(fields) <= MAX_UNKNOWN_FIELDS
    assert cut
    assert read_fields({b"big": b"x" * (MAX_FIELDS_BYTES + 1)}) == (None, True, False)


def test_large_fields_are_cut_and_stay_json() -> None:
    raw = json.dumps({f"key{n}": "x" * 100 for n in range(400)}).encode()
    fields, cut, _ = read_fields({b"fields": raw})
    assert cut
    assert len(json.dumps(fields)) <= MAX_FIELDS_BYTES + 1024


def test_a_long_text_ends_on_a_whole_character() -> None:
    text, cut, broken = long_text("é".encode() * MAX_FOREIGN_MESSAGE_BYTES)
    assert cut
    assert not broken
    assert set(text) == {"é"}
    assert long_text(b"\xff") == ("\ufffd", False, True)


def test_both_spellings_of_the_contracts_names_agree() -> None:
    assert {name.decode() for name in RAW_KNOWN} == KNOWN_FIELDS - {"execution"}


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=5).map(object_of))
@example(NESTED[MAX_FIELDS_DEPTH - 1])
@example(NESTED[MAX_FIELDS_DEPTH])
@example(GROWING[0])
@example(GROWING[1])
@example(GROWING[2])
@example(GROWING[3])
@example(f'{{"a":{SAFE_INTEGER},"b":-{SAFE_INTEGER}}}')
@example(f'{{"a":{SAFE_INTEGER + 1}}}')
def test_fields_that_are_read_as_they_stand_are_those_that_need_no_cap(text: str) -> None:
    plain = read_plain_fields(text.encode())
    if plain is None:
        return
    capped, cut = cap_fields(msgspec.json.decode(text))
    assert (encode_json(plain), False) == (encode_json(capped), cut)


@pytest.mark.parametrize(
    "text",
    ['{"ms":5,"ok":true,"user":"u1","p":1.5,"no":null}', '{"user":{"id":"u1"},"tags":["a"]}',
     '{"p":1e3,"n":123456789012345}', NESTED[MAX_FIELDS_DEPTH - 1]],
)  # fmt: skip
def test_usual_fields_are_read_as_they_stand(text: str) -> None:
    assert read_plain_fields(text.encode()) == msgspec.json.decode(text)


@pytest.mark.parametrize(
    "text", ["{}", "[1]", "1", "nothing", NESTED[MAX_FIELDS_DEPTH], GROWING[3], '{"a":1e400}']
)
def test_others_are_looked_at(text: str) -> None:
    assert read_plain_fields(text.encode()) is None
