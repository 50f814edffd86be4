"""Our codec and our publisher against the files that other languages' runners test with."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from extdebug.wire.entries import from_entry, to_entry
from extdebug.wire.entry_fields import KNOWN_FIELDS
from extdebug.wire.events import Event, Origin, Unreadable, encode_json
from extdebug.wire.positions import EntryId
from tests.extdebug.runner.ledger import Ledger

WIRE = Path(__file__).parents[3] / "docs" / "wire"
VECTORS = json.loads((WIRE / "vectors.json").read_text())
EVENT_SCHEMA = json.loads((WIRE / "event.schema.json").read_text())
ENTRY_SCHEMA = json.loads((WIRE / "entry.schema.json").read_text())
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "number": float}


def named(case: dict[str, Any]) -> str:
    return str(case["name"])


def violations(value: Any, schema: dict[str, Any], at: str = "") -> list[str]:
    """The part of JSON Schema that our two schemas use; an unknown keyword is a failure."""
    known = {
        "$schema", "$id", "title", "description", "type", "enum", "pattern", "maxLength",
        "required", "properties", "additionalProperties", "items",
    }  # fmt: skip
    assert schema.keys() <= known, schema.keys() - known
    found: list[str] = []
    if "type" in schema and not isinstance(value, TYPES[schema["type"]]):
        return [f"{at}: not of type {schema['type']}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r} is not one of {schema['enum']}")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{at}: {value!r} does not match")
    if len(value) > schema.get("maxLength", 10**9) if isinstance(value, str) else False:
        found.append(f"{at}: too long")
    if isinstance(value, dict) and "properties" in schema:
        found += [f"{at}: no {name}" for name in schema.get("required", ()) if name not in value]
        for name, item in value.items():
            if name in schema["properties"]:
                found += violations(item, schema["properties"][name], f"{at}.{name}")
            elif schema.get("additionalProperties") is False:
                found.append(f"{at}: unknown {name}")
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            found += violations(item, schema["items"], f"{at}[{number}]")
    return found


@pytest.mark.parametrize("case", VECTORS["read"], ids=named)
def test_reading(case):
    raw: list[bytes] = []
    for name, value in case["entry"]:
        data = value.encode() if isinstance(value, str) else base64.b64decode(value["base64"])
        raw += (name.encode(), data)
    place = {
        "id": EntryId.parse(case["id"]), "tenant": case["tenant"], "extension": case["extension"],
    }  # fmt: skip
    if case.get("unreadable"):
        with pytest.raises(Unreadable):
            from_entry(raw, **place)
        return
    event, origin = from_entry(raw, **place)
    assert json.loads(encode_json(event)) == case["event"]
    assert origin == msgspec.convert(case["origin"], Origin)
    assert violations(case["event"], EVENT_SCHEMA) == []


@pytest.mark.parametrize("case", VECTORS["write"], ids=named)
def test_writing(case):
    flat = to_entry(msgspec.convert(case["event"], Event), msgspec.convert(case["origin"], Origin))
    text = [part.decode() if isinstance(part, bytes) else part for part in flat]
    assert [list(pair) for pair in zip(text[::2], text[1::2], strict=True)] == case["entry"]
    assert violations(dict(case["entry"]), ENTRY_SCHEMA) == []


@pytest.mark.parametrize("case", VECTORS["losses"], ids=named)
def test_counting_losses(case):
    ledgers: dict[str, Ledger] = {}
    for entry in case["entries"]:
        ledger = ledgers.setdefault(entry["src"], Ledger(last=-1))
        origin = msgspec.convert(entry, Origin)
        if ledger.last < 0 and origin.n is not None:
            ledger.last = origin.n - 1
        event = Event(ts="", level="info", stream="log", message="")  # type: ignore[arg-type]
        ledger.entry(event, origin)
    assert sum(ledger.holes for ledger in ledgers.values()) == case["missed"]


def test_the_schemas_know_every_field_of_the_codec():
    assert ENTRY_SCHEMA["properties"].keys() == KNOWN_FIELDS
    encoded = {field.encode_name for field in msgspec.structs.fields(Event)}
    assert EVENT_SCHEMA["properties"].keys() == encoded


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ({"ts": "x", "level": "info", "stream": "log", "message": ""}, ".ts"),
        ({"level": "info", "stream": "log", "message": ""}, "no ts"),
        ({"ts": "2026-01-31T09:30:00.123Z", "level": "x", "stream": "log", "message": ""}, "'x'"),
        (
            {
                "ts": "2026-01-31T09:30:00.123Z",
                "level": "info",
                "stream": "log",
                "message": "",
                "a": "1",
            },
            "unknown a",
        ),
    ],
)
def test_the_check_itself_can_fail(value, wrong):
    assert wrong in " ".join(violations(value, ENTRY_SCHEMA))
