"""The free part of an entry is read within bounds, and what it cannot hold is marked as cut."""

from __future__ import annotations

import json

import pytest

from extdebug.wire.entry_fields import KNOWN_FIELDS, RAW_KNOWN, long_text, read_fields
from extdebug.wire.truncation import (
    MAX_FIELDS_BYTES,
    MAX_FOREIGN_FIELDS_BYTES,
    MAX_FOREIGN_MESSAGE_BYTES,
    MAX_UNKNOWN_FIELDS,
)


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
