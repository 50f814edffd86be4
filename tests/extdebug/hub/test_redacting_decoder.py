"""What a watcher is shown of an entry is redacted, in each of its parts and to its end."""

from __future__ import annotations

import datetime as dt
from random import Random
from typing import Any, Final

import msgspec
import pytest

from extdebug.hub.redacting_decoder import MAX_SHOWN, RedactingDecoder
from extdebug.wire.entries import from_entry
from extdebug.wire.events import Event, encode_json
from extdebug.wire.executions import Execution
from extdebug.wire.positions import EntryId
from extdebug.wire.truncation import cut_text
from policies.redaction.fields import FieldWalk
from policies.redaction.redactor import Mask, Redactor, Rule
from policies.redaction.secret_names import SecretNames
from tests.extdebug.entries import ID, raw
from tests.extdebug.stage import TARGET

GITHUB: Final = "ghp_" + "a1B2" * 9
REDACTOR: Final = Redactor(key=b"k")
TEXTS: Final = (
    "hello", "", "took 12 ms", f"with {GITHUB} in it", f"ends in {GITHUB[:14]}", "ann@example.com",
    "password=hunter2hunter2", "\x1b[31mred\x1b[0m", "https://x/?q=%61nn%40example.com", "caf\xe9",
    f"a\n{GITHUB}", "4111 1111 1111 1111", "x" * (MAX_SHOWN + 10),
)  # fmt: skip
FIELDS: Final = (
    {"ms": 5, "ok": True}, {"user": {"id": "u1", "tags": ["a", "b"]}}, {"password": "hunter2"},
    {"card": 4111111111111111}, {"deep": [{"note": f"x {GITHUB}"}]}, {GITHUB: 1}, {"pin": 1234},
    {"headers": [["x-api-key", "abcdef123456"]]}, {"name": "api_key", "value": "abcd1234efgh"},
    {"args": ["--token", "abcd1234efgh"]}, {"a": "4111 1111", "b": "1111 1111"}, {"f": 1e300},
    {"mail": "ann@example.com"}, {"a": "caf\xe9 \x1b[1mx"},
)  # fmt: skip


def shown(message: str, **more: str) -> str:
    entry = RedactingDecoder(Redactor(key=b"k"), TARGET)((ID, raw(message=message, **more)))
    assert entry.event is not None
    return entry.event.message


def test_half_a_token_at_the_end_of_a_truncated_message_is_masked():
    text = "cloning with ghp_0123456789"
    assert shown(text, truncated="1") == "cloning with [redacted:github-token]"
    assert shown(text) == text


def test_a_masked_event_still_says_how_its_execution_ended():
    row = (ID, raw(message="finished with " + GITHUB, execution="end 500 12.5"))
    entry = RedactingDecoder(Redactor(key=b"k"), TARGET)(row)
    assert entry.event is not None
    assert "[redacted:github-token" in entry.event.message
    assert entry.event.execution == Execution("end", "500", 12.5)
    assert b'"execution":{"phase":"end","outcome":"500","durationMs":12.5}' in entry.json


def entry(chance: Random, risky: float) -> list[bytes]:
    """An entry of one of a few kinds; a `risky` share of them with a secret in some places."""
    texts, fields = (TEXTS, FIELDS) if chance.random() < risky else (TEXTS[:3], FIELDS[:2])
    one = {"ts": "2026-01-01T00:00:05.005Z", "level": "info", "stream": "log"}
    one |= {"tenant": TARGET.tenant, "extension": TARGET.extension, "message": chance.choice(texts)}
    if chance.random() < 0.6:
        one["fields"] = msgspec.json.encode(chance.choice(fields)).decode()
    if chance.random() < 0.2:
        one["truncated"] = "1"
    for name in ("request", "version", "content_hash"):
        if chance.random() < 0.3:
            one[name] = chance.choice(texts[:7])[:100]
    if chance.random() < 0.1:
        one["redacted"] = "email"
    return raw(**one)


def plainly(flat: list[bytes], id: EntryId, mask: Mask) -> Event:
    """Every part read and redacted for itself, as the rules say it."""
    event, _ = from_entry(flat, id=id, tenant=TARGET.tenant, extension=TARGET.extension)
    redact = REDACTOR.cut_text if event.truncated else REDACTOR.text
    message, names = redact(event.message, mask)
    message, cut = cut_text(message, MAX_SHOWN)
    opaque: list[Any] = []
    for text in (event.request_id, event.version_id, event.content_hash):
        masked, more = REDACTOR.text(text, mask) if text else (text, ())
        opaque.append(masked)
        names += more
    walk = FieldWalk(REDACTOR.text, SecretNames(), mask)
    fields = None if event.fields is None else walk.masked(event.fields)
    request, version, content_hash = opaque
    return msgspec.structs.replace(
        event, message=message, fields=fields, request_id=request, version_id=version,
        content_hash=content_hash, truncated=event.truncated or cut,
        redacted=tuple(dict.fromkeys((*event.redacted, *names, *walk.hits))),
    )  # fmt: skip


@pytest.mark.parametrize("risky", [0.02, 0.2, 1.0])
def test_no_shorter_way_shows_what_the_rules_mask(risky: float) -> None:
    """One by one and together: what most rows are like must not decide over one of them."""
    chance, decode = Random(risky), RedactingDecoder(REDACTOR, TARGET)
    rows = [
        (EntryId(ID.ms + number * 1_000_000, number), entry(chance, risky))
        for number in range(1_000)
    ]
    together = list(decode.each(rows))
    for (id, flat), one, other in zip(rows, map(decode, rows), together, strict=True):
        assert one.event == plainly(flat, id, REDACTOR.mask(str(TARGET), plain_day(id))), flat
        assert one.event is not None
        assert one.json == encode_json(one.event)
        assert other == one


def test_rows_together_say_what_each_says_alone() -> None:
    """Unreadable ones, a runner's markers and broken text stand among the others."""
    others = (
        raw(), raw(message="m", tenant="globex"), raw(lost="3", src="a", why=f"with {GITHUB}"),
        raw(message=b"caf\xe9", src="a", n="1"), raw(message="hello"), raw(message="x" * 70_000),
    )  # fmt: skip
    chance = Random(1)
    rows = [(EntryId(ID.ms, number), chance.choice(others)) for number in range(500)]
    decode = RedactingDecoder(REDACTOR, TARGET)
    assert list(decode.each(rows)) == [decode(row) for row in rows]


@pytest.mark.parametrize(
    "first",
    [{}, {"fields": '{"password":"hunter2"}'}, {"truncated": "1"}, {"message": "x" * 5_000}],
)
def test_a_secret_in_a_request_is_masked_in_each_of_the_rows_that_name_it(
    first: dict[str, str],
) -> None:
    """Whether the first of them was scanned with the others or by itself."""
    usual = {"message": "hello", "request": f"for {GITHUB}"}
    other = {"message": "hello", "request": "req-1"}
    decode = RedactingDecoder(REDACTOR, TARGET)
    decode((ID, raw(message="hello")))
    flats = [raw(**{**usual, **first}), raw(**usual), raw(**other)] * 40
    rows = [(EntryId(ID.ms, number), flat) for number, flat in enumerate(flats)]
    for one in decode.each(rows):
        assert one.event is not None
        assert GITHUB.encode() not in one.json
        assert (one.event.request_id == "req-1") == (one.id.seq % 3 == 2)


def test_rules_that_look_at_a_texts_edges_see_each_text_alone() -> None:
    rule = Rule(name="whole", pattern="^[0-9]{4}$", example="1234")
    decode = RedactingDecoder(Redactor([rule]), TARGET)
    rows = [(EntryId(ID.ms, n), raw(message=text)) for n, text in enumerate(("a", "1234", "b"))]
    shown = [one.event.message for one in decode.each(rows) if one.event is not None]
    assert shown == ["a", "[redacted:whole]", "b"]


def plain_day(id: EntryId) -> str:

    return dt.datetime.fromtimestamp(id.ms / 1000, dt.UTC).date().isoformat()
