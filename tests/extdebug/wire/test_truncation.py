"""The wire codec's bounds: what one entry or one log call may cost, whatever it holds."""

from __future__ import annotations

import enum
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.wire.events import (
    MAX_OPAQUE,
    Event,
    Level,
    Origin,
    Output,
    Unreadable,
    encode_json,
    iso,
    read_ts,
)
from extdebug.wire.truncation import (
    MAX_FIELDS_BYTES,
    MAX_FIELDS_DEPTH,
    MAX_FOREIGN_MESSAGE_BYTES,
    cap_fields,
    cut_text,
)
from tests.extdebug.entries import plain_fields, raw, read, scalars, wire

# --- bounds -----------------------------------------------------------------------------------


@pytest.mark.parametrize("character", ["x", "é", "€", "😀", "\x00"])
def test_a_message_of_a_mebibyte_is_cut_on_a_character_and_says_so(character):
    event, _ = read(raw(message="." + character * (1 << 20)))

    assert event.truncated
    size = len(event.message.encode())
    assert MAX_FOREIGN_MESSAGE_BYTES - 3 <= size <= MAX_FOREIGN_MESSAGE_BYTES
    assert set(event.message[1:]) == {character}
    assert "utf8" not in event.marks


@pytest.mark.parametrize(
    "flat",
    [
        raw(message="m", fields=json.dumps({"a": "x" * (1 << 20)})),
        raw(message="m", colour="x" * (1 << 20)),
        raw(message="m", **{"c" * (1 << 20): "x"}),
        raw(message="m", **{f"name{number}": "value" for number in range(10_000)}),
        raw(message="m", fields=json.dumps({f"k{number}": number for number in range(10_000)})),
        raw(message="m", fields=json.dumps({"a": [0] * 20_000})),
        raw(message="m", redacted="r" * (1 << 20), truncated="1"),
        raw(message="m", redacted="r," * (1 << 19), truncated="1"),
        raw(message="m", request="r" * (1 << 20), truncated="1"),
        raw(message="m", level="l" * (1 << 20), ts="1" * (1 << 20), truncated="1"),
        raw(message="m", src="s" * (1 << 20), why="w" * (1 << 20), n="1" * 5_000, truncated="1"),
    ],
    ids=lambda flat: flat[2].decode()[:10],
)
def test_no_entry_makes_an_event_beyond_its_caps(flat):
    event, origin = read(flat)

    assert event.truncated
    assert len(encode_json(event)) < MAX_FIELDS_BYTES + 4_000
    assert len(origin.src or "") <= MAX_OPAQUE
    assert len(origin.why) <= MAX_OPAQUE


parts = st.binary(max_size=40) | st.sampled_from(
    [
        b"message", b"ts", b"level", b"stream", b"tenant", b"acme", b"fields", b'{"a":1}', b"lost",
        b"5", b"src", b"n", b"redacted", b"truncated", b"install", b"request",
    ]
)  # fmt: skip


@given(st.lists(parts, max_size=30))
def test_whatever_an_entry_holds_it_is_an_event_that_encodes_or_unreadable(flat):
    try:
        event, origin = read(flat)
    except Unreadable:
        return
    decoded = json.loads(encode_json(event))
    assert decoded["tenantId"] == "acme"
    assert decoded["extensionId"] == "invoice-sync"
    assert encode_json(origin)
    assert read_ts(event.ts) == event.ts


@given(st.dictionaries(st.sampled_from(["fields", "message", "extra"]), st.binary(max_size=300)))
def test_a_message_of_any_bytes_comes_back_as_text_that_encodes(values):
    event, _ = read(raw(**{"message": b"m", **values}))

    assert json.loads(encode_json(event))["message"] == event.message


anything: st.SearchStrategy[Any] = st.recursive(
    scalars
    | st.integers()
    | st.floats()
    | st.text(st.characters())  # lone surrogates included
    | st.binary(max_size=5)
    | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(st.characters(), max_size=5) | st.integers(), inner, max_size=5)
    ),
    max_leaves=40,
)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max((depth(item) for item in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((depth(item) for item in value), default=0)
    return 0


@given(
    st.dictionaries(st.text(st.characters(), max_size=5), anything, max_size=8),
    st.integers(20, 300),
)
def test_capped_fields_always_encode_within_the_caps(fields, limit):
    kept, cut = cap_fields(fields, limit=limit)

    assert len(encode_json(kept)) <= limit
    assert depth(kept) <= MAX_FIELDS_DEPTH
    assert json.loads(encode_json(kept)) == kept
    if not cut:
        assert len(kept) == len({key.encode("utf-8", "replace") for key in fields})


@given(plain_fields)
def test_fields_within_the_caps_are_kept_as_they_are(fields):
    assert cap_fields(fields, limit=100_000) == (fields, False)


def test_the_largest_fields_go_first():
    assert cap_fields({"a": 1, "big": "x" * 5_000, "b": 2}) == ({"a": 1, "b": 2}, True)


class Colour(enum.IntEnum):
    RED = 3


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no")


class Quoted(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (2**53, 2**53),
        (2**53 + 1, "9007199254740993"),
        (Colour.RED, 3),
        (True, True),
        (Quoted("x"), "x"),
        (Hostile(), "<Hostile>"),
        ("\ud800a", "?a"),
        (b"a", "b'a'"),
        (Level.WARN, "warn"),
        ((1, 2), [1, 2]),
    ],
)
def test_foreign_values_become_plain_json(value, kept):
    assert cap_fields({"a": value}) == ({"a": kept}, False)


def test_a_number_that_python_refuses_to_write_is_named():
    assert cap_fields({"a": 10**5_000}) == ({"a": "<int>"}, False)


def test_a_structure_that_contains_itself_ends():
    loop: dict[str, Any] = {}
    loop["self"] = loop
    wide: list[Any] = []
    wide += [wide] * 100

    assert cap_fields({"loop": loop})[1]
    assert cap_fields({"wide": wide})[1]


def test_lone_surrogates_never_reach_redis():
    event = Event(
        ts=iso(0), level=Level.INFO, stream=Output.LOG, message="\ud800", request_id="\udfff",
        fields=cap_fields({"\ud800": "\udc00"})[0],
    )  # fmt: skip

    assert b"?" in wire(event, Origin(lost=1, src="\ud800", why="\ud800"))


@given(st.text(st.characters(codec="utf-8"), max_size=100), st.integers(0, 120))
def test_text_is_cut_on_a_character_within_the_limit(text, limit):
    kept, cut = cut_text(text, limit)

    assert text.startswith(kept)
    assert len(kept.encode()) <= limit
    assert cut == (kept != text)
    if cut:
        assert len(text[: len(kept) + 1].encode()) > limit
