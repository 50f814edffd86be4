"""Times, ids and vocabularies: one spelling each, and everything else refused."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.wire.events import (
    LAST_MS,
    BadId,
    Event,
    Gap,
    GapReason,
    Level,
    Output,
    clean_id,
    clean_opaque,
    encode_each,
    encode_json,
    iso,
    read_ts,
)

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


# --- ids ------------------------------------------------------------------------------------


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


def test_levels_are_ordered_weakest_first():
    assert sorted(Level, key=lambda level: level.rank) == list(Level)


@pytest.mark.parametrize("reason", GapReason)
def test_what_a_gap_counts_follows_from_its_reason(reason: GapReason):
    assert Gap(reason, 1).scope == reason.scope


def test_an_event_leaves_out_what_it_does_not_have():
    bare = Event(ts="t", level=Level.INFO, stream=Output.LOG, message="é")

    assert encode_json(bare) == '{"ts":"t","level":"info","stream":"log","message":"é"}'.encode()


LINE_ENDS = "a\x85b\u2028c\u2029d\x0b\x0c\x1c\x1d\x1e\r\ne"


@pytest.mark.parametrize(
    "value", [LINE_ENDS, {LINE_ENDS: [LINE_ENDS]}, "grüße \u2019 \u2027 \u202a"]
)
def test_no_json_has_what_any_reader_takes_for_the_end_of_a_line(value):
    data = encode_json(value)
    assert len(data.decode().splitlines()) == 1
    assert json.loads(data) == value


@given(st.lists(st.sampled_from(["plain", "grüße", LINE_ENDS, ""]) | st.text()))
def test_of_several_each_is_what_it_is_by_itself(values):
    assert encode_each(values) == [encode_json(value) for value in values]


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_json_is_read_back_as_it_was(value):
    assert json.loads(encode_json(value)) == value
