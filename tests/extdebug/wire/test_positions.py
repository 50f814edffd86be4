"""Entry ids, cursors and places to start at: one spelling each, forged ones refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.wire.positions import ZERO_ID, BadCursor, Cursor, EntryId

U64 = 2**64 - 1


@given(st.integers(0, U64), st.integers(0, U64), st.none() | st.integers(0, U64))
def test_a_cursor_survives_its_text(ms, seq, index):
    cursor = Cursor(EntryId(ms, seq), index)

    assert Cursor.parse(str(cursor)) == cursor


ids = st.tuples(st.integers(0, U64), st.integers(0, U64))


@given(ids, ids)
def test_ids_are_ordered_as_redis_orders_them(first, second):
    assert (EntryId(*first) < EntryId(*second)) == (first < second)


@pytest.mark.parametrize(
    "text",
    ["", "1", "1-", "-1", "1-2-3", "1-2.", "1-2.3.4", "$", "+", "-", "0", "*", ">", "01-2", "1-02",
     "1-2.03", "+1-2", "1--2", " 1-2", "1-2 ", "1_0-2", "1-2.-3", "1e3-0", f"{U64 + 1}-0",
     f"0-{U64 + 1}", f"0-0.{U64 + 1}", "1-2\n", "1-2\x00", "١-٢", "1-2.x", "9" * 70, "²-1"],
)  # fmt: skip
def test_a_forged_cursor_is_refused(text):
    with pytest.raises(BadCursor):
        Cursor.parse(text)


@given(st.text("0123456789-.+$ x", max_size=12))
def test_a_cursor_is_its_own_only_spelling(text):
    with contextlib.suppress(BadCursor):
        assert str(Cursor.parse(text)) == text


@given(st.binary(max_size=30))
def test_an_entry_id_of_any_bytes_is_read_or_refused(raw_id):
    with contextlib.suppress(BadCursor):
        assert str(EntryId.parse(raw_id)).encode() == raw_id


def test_a_forged_cursor_is_quoted_in_part():
    with pytest.raises(BadCursor, match="got something longer"):
        Cursor.parse("1-" + "9" * 70)
    with pytest.raises(BadCursor, match="expected ms-seq, got 'x'"):
        Cursor.parse("x")


@given(st.binary(max_size=30) | st.just(b"7-0") | st.just(b"0-0"))
def test_no_id_is_before_zero(raw_id: bytes):
    with contextlib.suppress(BadCursor):
        assert EntryId.parse(raw_id) >= ZERO_ID
