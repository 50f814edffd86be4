"""The wire codec and the cursor: what comes back, what is refused, what it may cost."""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.events import (
    BARE,
    LAST_MS,
    MAX_FIELDS_BYTES,
    MAX_FIELDS_DEPTH,
    MAX_FOREIGN_MESSAGE_BYTES,
    MAX_OPAQUE,
    NO_ORIGIN,
    BadCursor,
    BadId,
    CloseCode,
    Cursor,
    EntryId,
    Event,
    GapReason,
    Level,
    Origin,
    Output,
    Unreadable,
    cap_fields,
    clean_id,
    clean_opaque,
    cut_text,
    encode_json,
    from_entry,
    iso,
    read_ts,
    to_entry,
)

ID = EntryId(1_767_225_600_123, 4)
U64 = 2**64 - 1

names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)
opaque = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")), min_size=1, max_size=128
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=20)
)
plain_fields = st.dictionaries(
    st.text(st.characters(codec="utf-8"), max_size=10),
    scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.text("abc"), scalars, max_size=3),
    min_size=1,
    max_size=5,
)


def raw(**values: str | bytes) -> list[bytes]:
    """A flat entry as Redis gives it."""
    flat: list[bytes] = []
    for name, value in values.items():
        flat += (name.encode(), value if isinstance(value, bytes) else value.encode())
    return flat


def wire(event: Event, origin: Origin = NO_ORIGIN) -> list[bytes]:
    return [part if isinstance(part, bytes) else part.encode() for part in to_entry(event, origin)]


def read(flat: list[bytes], **key: str) -> tuple[Event, Origin]:
    return from_entry(flat, id=ID, **{"tenant": "acme", "extension": "invoice-sync", **key})


# --- round trip and compatibility -------------------------------------------------------------


@given(
    ms=st.integers(0, LAST_MS),
    level=st.sampled_from(Level),
    output=st.sampled_from(Output),
    message=st.text(st.characters(codec="utf-8"), max_size=200),
    install=st.none() | names,
    request=st.none() | opaque,
    version=st.none() | opaque,
    content_hash=st.none() | opaque,
    fields=st.none() | plain_fields,
    truncated=st.booleans(),
    redacted=st.lists(st.from_regex(r"[a-z][a-z-]{0,20}", fullmatch=True), max_size=3),
    n=st.none() | st.integers(0, 10**15 - 1),
)
def test_what_is_written_is_read_back(
    ms, level, output, message, install, request, version, content_hash, fields, truncated,
    redacted, n,
):  # fmt: skip
    event = Event(
        ts=iso(ms),
        level=level,
        stream=output,
        message=message,
        id=str(ID),
        tenant_id="acme",
        extension_id="invoice-sync",
        install_id=install,
        request_id=request,
        version_id=version,
        content_hash=content_hash,
        fields=fields,
        truncated=truncated,
        redacted=tuple(redacted),
    )
    origin = NO_ORIGIN if n is None else Origin(src="boot-1", n=n)

    assert read(wire(event, origin)) == (event, origin)


def test_an_entry_of_a_deployed_rust_runner_is_read_right_time_included():
    event, origin = read(
        raw(
            ts="1767225600123",
            level="info",
            stream="stdout",
            tenant="acme",
            extension="invoice-sync",
            install="inst-acme",
            request="5b3c2b1e",
            version="1.2.3",
            content_hash="sha256:ab",
            message="hello",
            truncated="false",
        )
    )

    assert json.loads(encode_json(event)) == {
        "ts": "2026-01-01T00:00:00.123Z", "level": "info", "stream": "stdout", "message": "hello",
        "id": "1767225600123-4", "tenantId": "acme", "extensionId": "invoice-sync",
        "installId": "inst-acme", "requestId": "5b3c2b1e", "versionId": "1.2.3",
        "contentHash": "sha256:ab",
    }  # fmt: skip
    assert origin == NO_ORIGIN
    assert event.marks == ()


@pytest.mark.parametrize(
    ("part", "flat", "tenant", "extension"),
    [
        ("invoice-sync", raw(message="m", extension="Invoice-Sync"), None, "invoice-sync"),
        ("acme", raw(message="m", tenant="acme"), "acme", None),
        ("unknown", raw(message="m"), None, None),
        ("invoice-sync", raw(message="m"), None, None),
    ],
)
def test_a_key_with_one_part_takes_the_names_from_the_entry(part, flat, tenant, extension):
    event, _ = read(flat, tenant=BARE, extension=part)

    assert (event.tenant_id, event.extension_id) == (tenant, extension)


def test_a_key_with_one_part_refuses_an_entry_that_names_neither():
    with pytest.raises(Unreadable):
        read(raw(message="m", extension="report-maker"), tenant=BARE, extension="invoice-sync")


# --- the key is the authority, and the first value counts -------------------------------------


@pytest.mark.parametrize(
    "forged",
    [
        raw(message="m", tenant="globex"),
        raw(message="m", extension="report-maker"),
        raw(message="m", tenant="acme", extension="report-maker"),
        raw(message="m", tenant="acme\x00"),
        raw(message="m", tenant=b"acme\xff"),
        raw(message="m", tenant=" acme"),
        raw(tenant="globex", lost="3", src="a"),
    ],
)
def test_an_entry_that_contradicts_its_key_is_never_shown(forged):
    with pytest.raises(Unreadable, match="another tenant or extension"):
        read(forged)


def test_names_in_another_case_agree_with_their_key():
    assert read(raw(message="m", tenant="ACME", extension="Invoice-Sync"))[0].tenant_id == "acme"


@pytest.mark.parametrize("field", ["tenant", "install", "message", "level", "fields", "src"])
def test_a_forged_second_value_changes_nothing(field):
    honest = raw(
        ts="1767225600123", tenant="acme", install="inst-acme", message="m", level="warn",
        fields='{"a":1}', src="boot", n="7",
    )  # fmt: skip

    assert read(honest + raw(**{field: "forged"})) == read(honest)


@pytest.mark.parametrize(
    "install", ["../x", "a*", "\u212aelvin", "", "a" * 65, "-a", b"\xff", "a\n"]
)
def test_an_install_that_is_no_id_is_no_install(install):
    """Without an install only people with scope over all installs see the event."""
    assert read(raw(message="m", install=install))[0].install_id is None


# --- tolerant reading -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "mark"),
    [
        ("ts", "yesterday", "ts"),
        ("ts", "", "ts"),
        ("ts", "٢٠٢٦-٠١-٠١T٠٠:٠٠:٠٠Z", "ts"),
        ("level", "loud", "level"),
        ("stream", "stdin", "stream"),
        ("message", b"caf\xe9", "utf8"),
        ("message", b"\xed\xa0\x80", "utf8"),  # a lone surrogate as some languages write it
        ("request", b"\xff", "utf8"),
        ("fields", b'{"a":"\xff"}', "utf8"),
        ("colour", b"\xff", "utf8"),
    ],
)
def test_what_had_to_be_guessed_is_marked(name, value, mark):
    whole: dict[str, str | bytes] = {
        "ts": "1767225600123", "level": "info", "stream": "log", "message": "m", name: value,
    }  # fmt: skip
    event, _ = read(raw(**whole))

    assert event.marks == (mark,)
    assert event.ts == "2026-01-01T00:00:00.123Z"
    json.loads(encode_json(event))


def test_a_mark_is_named_once_however_often_it_applies():
    flat = raw(ts="1767225600123", level="info", stream="log", message=b"\xff", request=b"\xff")
    for number in range(1_000):
        flat += (b"x%d" % number, b"\xff")

    assert read(flat)[0].marks == ("utf8",)


@pytest.mark.parametrize(
    ("said", "level"),
    [("WARNING", Level.WARN), ("Err", Level.ERROR), ("fatal", Level.ERROR), ("TRACE", Level.TRACE)],
)
def test_other_names_of_levels_are_understood(said, level):
    assert read(raw(message="m", level=said))[0].level is level


def test_unknown_fields_are_kept_and_never_replace_the_declared_ones():
    event, _ = read(raw(message="m", colour="red", a="forged", fields='{"a":1}'))

    assert event.fields == {"colour": "red", "a": 1}


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('{"a":{"b":[1,2.5,true,null,"x"]}}', {"a": {"b": [1, 2.5, True, None, "x"]}}),
        ("[1]", {"fields": [1]}),
        ("not json", {"fields": "not json"}),
        ('{"a":"\\ud800"}', {"fields": '{"a":"\\ud800"}'}),
        pytest.param("[" * 100_000, None, id="deep beyond the cap"),
        pytest.param("[" * 2_000, {"fields": "[" * 2_000}, id="deep"),
        ("", None),
        ("{}", None),
        ('{"big":12345678901234567890}', {"big": "12345678901234567890"}),
        ('{"big":1e999}', {"fields": '{"big":1e999}'}),
    ],
)
def test_fields_are_json_or_kept_as_text(text, fields):
    assert read(raw(message="m", fields=text))[0].fields == fields


def test_a_marker_without_message_says_what_the_producer_lost():
    event, origin = read(raw(lost="37", why="queue full", src="boot", n="40"))

    assert origin == Origin(src="boot", n=40, lost=37, why="queue full")
    assert event.message == "37 events dropped by the runner: queue full"


@pytest.mark.parametrize("number", ["-1", "1.0", "1e3", "٣", "9" * 30, " 1", ""])
def test_a_counter_that_is_no_plain_number_is_none(number):
    assert read(raw(message="m", src="boot", n=number, lost=number))[1] == Origin(src="boot")


@pytest.mark.parametrize("flat", [[], [b"message"], raw(ts="1"), raw(lost="0", src="a")])
def test_an_entry_without_a_message_or_a_loss_is_unreadable(flat):
    with pytest.raises(Unreadable, match="no message"):
        read(flat)


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
