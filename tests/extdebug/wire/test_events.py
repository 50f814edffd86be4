"""Times, ids, cursors and vocabularies: one spelling each, and everything else refused."""

from __future__ import annotations

import contextlib
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.protocol.close_codes import CloseCode
from extdebug.wire.events import (
    LAST_MS,
    BadId,
    GapReason,
    Level,
    clean_id,
    clean_opaque,
    iso,
    read_ts,
)
from extdebug.wire.positions import BadCursor, Cursor, EntryId

U64 = 2**64 - 1

# --- times ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1767225600123", "2026-01-01T00:00:00.123Z"),
        ("999999999999", "2001-09-09T01:46:39.999Z"),
        ("9999999999999", "2286-11-20T17:46:39.999Z"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000Z"),
        ("2026-01-01T00:00:00.1Z", "2026-01-01T00:00:00.100Z"),
        ("2026-01-01T00:00:00,123456789z", "2026-01-01T00:00:00.123Z"),
        ("2026-01-01T02:30:00.5+02:30", "2026-01-01T00:00:00.500Z"),
        ("2026-01-01T02:00:00-0100", "2026-01-01T03:00:00.000Z"),
        ("2026-01-01T00:00:00", "2026-01-01T00:00:00.000Z"),
        ("0001-01-01T00:00:00.000Z", "0001-01-01T00:00:00.000Z"),
        ("0999-01-01T00:00:00+01:00", "0998-12-31T23:00:00.000Z"),
        ("0001-01-01T00:00:00+01:00", None),
        ("2026-02-30T00:00:00Z", None),
        ("2026-01-01T24:00:00Z", None),
        ("2026-01-01 00:00:00Z", None),
        ("2026-01-01T00:00:00.٣٣٣Z", None),
        ("2026-01-01T00:00:00+99:99", None),
        ("1767225600", None),
        ("-1767225600123", None),
        ("1767225600123.5", None),
        ("１７６７２２５６００１２３", None),
        ("", None),
    ],
)
def test_times_are_iso_or_epoch_milliseconds_and_nothing_else(text, expected):
    assert read_ts(text) == expected


@given(st.datetimes(timezones=st.timezones()))
def test_any_offset_is_read_as_the_same_moment(moment):
    text = moment.isoformat(timespec="milliseconds")
    found = read_ts(text)
    try:
        expected = dt.datetime.fromisoformat(text).astimezone(dt.UTC)
    except OverflowError:
        assert found is None
        return
    if moment.utcoffset().seconds % 60 == 0:
        assert found is not None
        assert dt.datetime.fromisoformat(found) == expected


@given(st.integers(0, LAST_MS))
def test_milliseconds_survive_iso(ms):
    moment = dt.datetime.fromisoformat(iso(ms))

    assert (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1) == ms


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_none(text):
    found = read_ts(text)

    assert found is None or read_ts(found) == found


# --- ids and cursors --------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    "text",
    ["", "*", "a*", "a?", "[a]", "{a}", "a:b", "a/b", "../a", "a\x00", "a\n", "-", "-a", ".a", "_a",
     "ä", "\u212a", "a b", "a" * 65, "ａ", "\ud800"],
)  # fmt: skip
def test_no_id_can_reach_a_pattern_a_path_or_a_header(text):
    with pytest.raises(BadId, match="tenant: expected"):
        clean_id(text, what="tenant")


@given(st.text(max_size=70))
def test_a_clean_id_stays_itself(text):
    try:
        cleaned = clean_id(text, what="install")
    except BadId:
        return
    assert clean_id(cleaned, what="install") == cleaned == text.lower()


@pytest.mark.parametrize(
    "text", ["a\x00", "a\r\nb", "\x1b[0m", "\x9b", "\u2028", "\ud800", "a" * 129]
)
def test_opaque_text_refuses_controls_and_length(text):
    with pytest.raises(BadId, match="request: "):
        clean_opaque(text, what="request")


@pytest.mark.parametrize("text", ["", "Ab-1:é/😀", "a" * 128])
def test_opaque_text_keeps_its_case(text):
    assert clean_opaque(text, what="request") == text


# --- vocabularies -----------------------------------------------------------------------------


def test_only_the_watchers_own_losses_count_matching_events():
    matching = {reason for reason in GapReason if reason.scope == "matching"}

    assert matching == {GapReason.NOT_CONSUMED, GapReason.RATE_LIMITED}
    assert {reason.scope for reason in GapReason} == {"matching", "entries"}


def test_a_session_reconnects_after_three_codes_only():
    assert {int(code) for code in CloseCode if not code.final} == {4012, 4429, 4503}


def test_levels_are_ordered_weakest_first():
    assert sorted(Level, key=lambda level: level.rank) == list(Level)
