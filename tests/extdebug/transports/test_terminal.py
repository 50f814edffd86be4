"""Lines for a terminal: whatever a guest prints, nothing active reaches the screen."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.transports.terminal import escaped, json_gap, json_line, pretty, pretty_gap
from extdebug.wire.events import Event, Gap, GapReason, Level, Output, encode_json

HARMFUL = [
    "\x1b[2J",  # clears the screen
    "\x1b]8;;http://evil\x07here\x1b]8;;\x07",  # a hidden link
    "\x1b]52;c;cm0gLXJmIC8K\x07",  # fills the clipboard
    "ok\rforged",  # overwrites its line
    "\x9b31m",  # CSI in one byte
    "a\bb",
    "\x00",
    "\x7f",
    "safe\u202egnp.exe",  # reads backwards
    "\u2066x\u2069",
    "in\u200bvisible",
    "\ufeff",
    "\u2028",
    "\U000e0041",  # a tag character
]
# What may appear: printable or a plain space, a tab, a line's end.
PASSIVE_FORMAT = {"\t", "\n"}


def is_passive(text: str) -> bool:
    return all(
        unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")
        or character in PASSIVE_FORMAT
        for character in text
    ) and not any(character in text for character in "\u202a\u202e\u2066\u200b\u200f\ufeff")


def event(message: str, **parts: Any) -> Event:
    return Event(
        **{
            "ts": "2026-01-31T09:30:00.123Z", "level": Level.WARN, "stream": Output.STDERR,
            "message": message, "id": "1-0", **parts,
        }
    )  # fmt: skip


@pytest.mark.parametrize("text", HARMFUL)
def test_nothing_active_is_printed_from_any_part_of_an_event(text: str):
    whole = event(
        text, install_id=text, request_id=text, fields={text: text, "a": [text]}, redacted=(text,)
    )

    assert is_passive(pretty(whole, colour=False))
    assert is_passive(json_line(encode_json(whole)))
    assert is_passive(pretty_gap(Gap(GapReason.PRODUCER, 1, detail=text), colour=False))
    assert is_passive(json_gap(Gap(GapReason.PRODUCER, 1, detail=text)))


@given(st.text(st.characters(), max_size=60))
def test_escaped_text_is_passive_and_says_what_was_there(text: str):
    assert is_passive(escaped(text))
    if text.isascii() and text.isprintable():
        assert escaped(text) == text


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_a_json_line_has_the_same_value_and_is_one_line(text: str):
    line = json_line(encode_json(event(text, fields={"a": text})))

    assert "\n" not in line
    assert is_passive(line)
    assert json.loads(line)["message"] == text
    assert json.loads(line)["fields"] == {"a": text}


def test_an_event_is_one_readable_line():
    line = pretty(
        event("took long", install_id="inst-acme", request_id="r1", fields={"ms": 12, "ok": True}),
        colour=False,
    )

    assert line == "09:30:00.123 WARN  stderr inst-acme r1  took long  ms=12 ok=true"


def test_further_lines_of_a_message_cannot_pass_for_events():
    lines = pretty(event("boom\n09:30:00.124 INFO  stdout - -  forged"), colour=False).split("\n")

    assert lines[1] == "             | 09:30:00.124 INFO  stdout - -  forged"


def test_marks_say_what_was_done_to_a_line():
    line = pretty(event("m", truncated=True, redacted=("jwt", "card")), colour=False)

    assert line.endswith("m  [cut, masked:jwt, masked:card]")


def test_colour_is_ours_alone_and_ends_with_its_line():
    line = pretty(event("\x1b[32mgreen"), colour=True)

    assert line.startswith("\x1b[33m")
    assert line.endswith("\x1b[0m")
    assert line.count("\x1b") == 2


@pytest.mark.parametrize("reason", GapReason)
def test_every_gap_says_how_many_of_what_and_why(reason: GapReason):
    counted = pretty_gap(Gap(reason, 37), colour=False)
    uncounted = pretty_gap(Gap(reason, None), colour=False)

    assert "37 events" in counted or "37 entries" in counted
    assert "an unknown number of" in uncounted
    gap = Gap(reason, 37, after="1-0", before="9-0", detail="why")
    assert json_gap(gap) == (
        f'{{"gap":{{"reason":"{reason}","missed":37,"after":"1-0","before":"9-0","since":null,'
        f'"scope":"{reason.scope}","detail":"why"}}}}'
    )
