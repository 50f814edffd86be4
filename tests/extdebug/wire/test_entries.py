"""The wire codec: what is written is read back, what contradicts its key is never shown."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.wire.entries import to_entry
from extdebug.wire.events import (
    BARE,
    LAST_MS,
    NO_ORIGIN,
    Event,
    Level,
    Origin,
    Output,
    Unreadable,
    encode_json,
    iso,
)
from tests.extdebug.entries import ID, names, opaque, plain_fields, raw, read, wire

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
        ("guessed", "level", "level_text"),
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


def test_a_guessed_level_is_written_as_a_guess():
    event, _ = read(raw(message="ERROR x", level="error", stream="log", guessed="level", ts="0"))
    flat = to_entry(event)

    assert flat[flat.index("guessed") + 1] == "level"


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
        pytest.param("[" * 20_000, None, id="deep beyond the cap"),
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
