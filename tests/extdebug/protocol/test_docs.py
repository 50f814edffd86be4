"""docs/protocol.md and the AsyncAPI document say what the code does, name by name."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec
import pytest
import yaml

from extdebug.filters.query import Problem
from extdebug.protocol import client_frames, server_frames
from extdebug.protocol.client_frames import ErrorCode, ProtocolError
from extdebug.protocol.close_codes import CloseCode
from extdebug.protocol.server_frames import SERVER_FRAMES, HiddenBy
from extdebug.wire.events import Event, GapReason
from tests.files import ROOT

SPEC: Final[dict[str, Any]] = yaml.safe_load(
    (ROOT / "docs" / "ext-debug.v1.asyncapi.yaml").read_text()
)
TEXT: Final = (ROOT / "docs" / "protocol.md").read_text()
SCHEMAS: Final[dict[str, Any]] = SPEC["components"]["schemas"]
MESSAGES: Final[dict[str, Any]] = SPEC["components"]["messages"]
CLIENT: Final = {
    "client-" + str(kind.__struct_config__.tag): kind
    for kind in client_frames.ClientMessage.__args__
}  # fmt: skip
SERVER: Final = {"server-" + str(kind.__struct_config__.tag): kind for kind in SERVER_FRAMES}
JOINED: Final[dict[str, str | bytes]] = {
    "server-events": b"".join(server_frames.events_frame([], seq=1, rev=1, cursor="1-0")),
    "server-page": server_frames.page_frame(
        "a", "1-0", [], done=True, seq=1, hidden_by=[HiddenBy("q", "-a")]
    ),
}
_SAID_ELSEWHERE: Final = {"title", "description", "default"}


def normal(schema: Any, components: dict[str, Any]) -> Any:
    """A schema with its references resolved and only what validates."""
    if isinstance(schema, list):
        return [normal(item, components) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return normal(components[schema["$ref"].rsplit("/", 1)[1]], components)
    found: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _SAID_ELSEWHERE:
            continue
        if key == "properties":
            found[key] = {name: normal(item, components) for name, item in value.items()}
        elif key == "const":
            found["enum"] = [value]
        elif key == "enum":
            found[key] = sorted(value)
        elif key != "required" or value:
            found[key] = normal(value, components)
    return found


def of_code(kind: Any) -> Any:
    (schema,), components = msgspec.json.schema_components([kind])
    return normal(schema, components)


@pytest.mark.parametrize("name", [*CLIENT, *SERVER])
def test_every_frame_is_documented_to_the_last_property(name: str):
    documented = normal(MESSAGES[name]["payload"], SCHEMAS)

    assert documented == of_code({**CLIENT, **SERVER}[name])


def test_the_event_is_documented_to_the_last_property():
    assert normal(SCHEMAS["Event"], SCHEMAS) == of_code(Event)


@pytest.mark.parametrize("name", JOINED)
def test_a_joined_frame_has_the_documented_properties(name: str):
    frame = json.loads(JOINED[name])
    documented = normal(MESSAGES[name]["payload"], SCHEMAS)

    assert frame.keys() == documented["properties"].keys()
    assert set(documented["required"]) <= frame.keys()
    assert [frame["type"]] == documented["properties"]["type"]["enum"]


def test_no_message_is_missing_or_made_up():
    assert MESSAGES.keys() == {*CLIENT, *SERVER, *JOINED}
    assert SPEC["channels"]["session"]["messages"].keys() == MESSAGES.keys()
    for operation, side in (("fromClient", "client-"), ("toClient", "server-")):
        listed = {
            entry["$ref"].rsplit("/", 1)[1] for entry in SPEC["operations"][operation]["messages"]
        }
        assert listed == {name for name in MESSAGES if name.startswith(side)}


def test_every_reference_leads_somewhere():
    references = re.findall(r"\$ref['\"]?: ['\"]?#/([\w/.-]+)", yaml.safe_dump(SPEC))
    assert references
    for reference in references:
        found: Any = SPEC
        for step in reference.split("/"):
            found = found[step]


EXAMPLES: Final = [
    (name, example["payload"])
    for name, message in MESSAGES.items()
    for example in message.get("examples", [])
]


@pytest.mark.parametrize(("name", "payload"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_the_examples_are_frames(name: str, payload: dict[str, Any]):
    text = json.dumps(payload)
    if name in CLIENT:
        assert isinstance(client_frames.parse(text), CLIENT[name])
    elif name in SERVER:
        assert isinstance(msgspec.json.decode(text, type=SERVER[name]), SERVER[name])
    else:
        assert payload.keys() == json.loads(JOINED[name]).keys()


def test_the_code_tables_of_the_document_are_the_codes():
    assert SPEC["x-close-codes"] == [
        {"code": int(code), "name": code.name.lower(), "final": code.final} for code in CloseCode
    ]
    assert SPEC["x-gap-reasons"] == [
        {"reason": reason.value, "scope": reason.scope} for reason in GapReason
    ]
    assert set(SPEC["x-error-codes"]) == {*ErrorCode, *Problem}
    assert SPEC["x-max-frame-bytes"] == client_frames.MAX_FRAME_BYTES


# --- the prose --------------------------------------------------------------------------------


def table(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    part = TEXT.split(f"{heading}\n", 1)[1]
    lines = part[part.index("|") :].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_close_codes_in_the_prose():
    rows = table("### Close codes")

    assert [(int(code), name) for code, name, _ in rows] == [
        (int(code), code.name.lower()) for code in CloseCode
    ]
    for code, _, what in rows:
        assert what.startswith("final") == CloseCode(int(code)).final


def test_the_gap_reasons_in_the_prose():
    assert [(reason.strip("`"), scope) for reason, scope, _ in table("### Gaps")] == [
        (reason.value, reason.scope) for reason in GapReason
    ]


def test_the_error_codes_in_the_prose():
    assert {code.strip("`") for code, _ in table("### Error codes")} == {*ErrorCode, *Problem}


def test_the_messages_in_the_prose():
    client = {name for cell, _ in table("## WebSocket") for name in re.findall(r"`(\w+)`", cell)}
    server = TEXT.split("| server says |", 1)[1].split("\n\n", 1)[0]

    assert {f"client-{name}" for name in client} == set(CLIENT)
    assert {f"server-{name}" for name in re.findall(r"^\| `(\w+)`", server, re.MULTILINE)} == {
        *SERVER, *JOINED,
    }  # fmt: skip


def test_the_frames_in_the_prose_are_frames():
    for block in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL):
        client_frames.parse(block)


def test_the_limit_in_the_prose():
    with pytest.raises(ProtocolError):
        client_frames.parse(" " * (client_frames.MAX_FRAME_BYTES + 1))
    assert str(client_frames.MAX_FRAME_BYTES) in TEXT
