"""Places in a stream: ids ordered as Redis orders them, cursors that say no more than they know."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.wire.positions import (
    EPOCH_DIGITS,
    ZERO_ID,
    BadCursor,
    Cursor,
    EntryId,
    before,
    behind,
)

U64 = 2**64 - 1
EPOCH = "0123456789abcdef01234567"
ids = st.builds(EntryId, st.integers(0, U64), st.integers(0, U64))
epochs = st.text("0123456789abcdef", min_size=EPOCH_DIGITS, max_size=EPOCH_DIGITS)
cursors = st.one_of(
    st.builds(Cursor, ids),
    st.builds(Cursor, ids, st.integers(0, U64)),
    st.builds(Cursor, ids, st.none() | st.integers(0, U64), epochs, st.booleans()),
    st.builds(Cursor, ids, st.none(), epochs, st.booleans(), st.integers(1, U64), ids),
)


@pytest.mark.parametrize(
    ("text", "cursor"),
    [
        ("5-3", Cursor(EntryId(5, 3))),
        ("5-3.12", Cursor(EntryId(5, 3), 12)),
        (f"5-3.12.{EPOCH}", Cursor(EntryId(5, 3), 12, EPOCH)),
        (f"5-3.x.{EPOCH}", Cursor(EntryId(5, 3), None, EPOCH)),
        (f"5-3.12.{EPOCH}.s", Cursor(EntryId(5, 3), 12, EPOCH, stated=True)),
        (f"5-3.x.{EPOCH}.s", Cursor(EntryId(5, 3), None, EPOCH, stated=True)),
        (f"5-3.12.{EPOCH}.a7-9-2", Cursor(EntryId(5, 3), 12, EPOCH, ahead=7, until=EntryId(9, 2))),
        (f"5-3.12.{EPOCH}.m3", Cursor(EntryId(5, 3), 12, EPOCH, untold=3)),
        (
            f"5-3.12.{EPOCH}.s.a7-9-2.m3",
            Cursor(EntryId(5, 3), 12, EPOCH, stated=True, ahead=7, until=EntryId(9, 2), untold=3),
        ),
        (f"5-3.12.{EPOCH}.s.a7-9-2", Cursor(EntryId(5, 3), 12, EPOCH, True, 7, EntryId(9, 2))),
        (f"{U64}-{U64}.{U64}", Cursor(EntryId(U64, U64), U64)),
    ],
)
def test_each_form_of_a_cursor_reads_and_writes(text: str, cursor: Cursor) -> None:
    assert Cursor.parse(text) == cursor
    assert str(cursor) == text


@given(cursors)
def test_what_is_handed_out_comes_back_the_same(cursor: Cursor) -> None:
    assert Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize(
    "text",
    [
        "", "5", "5-", "-3", "5-3.", "5-3.x", "5-3.X", "5-3.x.s", "5-3.12.s", "5-3..", "5-3.-1",
        "05-3", "5-03", "5-3.012", "+5-3", "5-3 ", " 5-3", "5-3\n", "5_0-3", "5-3.1e3", "٥-3",
        f"{U64 + 1}-0", f"0-{U64 + 1}", f"5-3.{U64 + 1}", f"5-3.{EPOCH}", f"5-3.12.{EPOCH[1:]}",
        f"5-3.12.{EPOCH}0", f"5-3.12.{EPOCH.upper()}", f"5-3.12.{EPOCH}.", f"5-3.12.{EPOCH}.S",
        f"5-3.12.{EPOCH}.s.s", f"5-3.12.{EPOCH}.a0-9-2", f"5-3.12.{EPOCH}.a07-9-2",
        f"5-3.12.{EPOCH}.a", f"5-3.12.{EPOCH}.a7", f"5-3.12.{EPOCH}.a7-9",
        f"5-3.12.{EPOCH}.a7-09-2",
        f"5-3.12.{EPOCH}.a7-9-2.s", "5-3.12.a7-9-2", f"5-3.12.{EPOCH}.a{2**64}-9-2",
        f"5-3.12.g{EPOCH[1:]}", f"5-3.{'1' * 200}", "1-" + "0" * 5000,
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        Cursor.parse(text)


def test_a_refusal_quotes_no_more_than_a_line() -> None:
    with pytest.raises(BadCursor) as refused:
        Cursor.parse("9" * 100_000)
    assert len(str(refused.value)) < 200


@given(ids, ids)
def test_ids_are_ordered_as_numbers(one: EntryId, other: EntryId) -> None:
    assert (one < other) == ((one.ms, one.seq) < (other.ms, other.seq))


@given(ids)
def test_neighbours_of_an_id_are_one_apart(id: EntryId) -> None:
    if id != ZERO_ID:
        assert before(id) < id
        assert behind(before(id)) == id
    if id != EntryId(U64, U64):
        assert behind(id) > id
        assert before(behind(id)) == id


def test_nothing_is_before_the_first_id() -> None:
    assert before(ZERO_ID) == ZERO_ID
    assert before(EntryId(5, 0)) == EntryId(4, U64)


def test_an_id_is_read_from_bytes_as_from_text() -> None:
    assert EntryId.parse(b"5-3") == EntryId.parse("5-3") == EntryId(5, 3)
    with pytest.raises(BadCursor):
        EntryId.parse(b"\xff-3")
