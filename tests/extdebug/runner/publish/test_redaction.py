"""The rules as the prepare stage applies them: per stream and day, over the lines of a flow."""

from typing import Any, Final

import pytest

from extdebug.runner.context import RequestFlow
from extdebug.runner.publish.redacting_encoder import Captured, prepare
from extdebug.runner.publish.redaction import load_redaction
from extdebug.wire.events import Level, Output
from policies.redaction.fields import FieldWalk
from policies.redaction.redactor import Redactor
from policies.redaction.secret_names import SecretNames

GITHUB: Final = "ghp_" + "a1B2" * 9
FLOW = RequestFlow.of("acme", extension="invoice-sync", request="r-1")


def captured(message: str, *, output: Output = Output.STDOUT, flow: RequestFlow = FLOW) -> Captured:
    return Captured("s", 1, 1_769_851_800_123, flow, output, Level.INFO, message, None, False, True)


def test_a_private_key_over_lines_is_masked_even_if_its_first_line_was_dropped():
    redaction = load_redaction(None)
    redaction.skip(FLOW, Output.STDOUT, "-----BEGIN RSA PRIVATE KEY-----")
    body = prepare(captured("MIIEpAIBAAKCAQEA7bq0abcdefgh"), redaction, max_bytes=8192)
    other = prepare(captured("an error", output=Output.STDERR), redaction, max_bytes=8192)
    end = prepare(captured("-----END RSA PRIVATE KEY-----"), redaction, max_bytes=8192)
    after = prepare(captured("plain again"), redaction, max_bytes=8192)
    assert "MIIE" not in body.message
    assert other.message == "an error"
    assert "KEY" not in end.message
    assert after.message == "plain again"


def test_a_secret_in_an_opaque_id_is_masked():
    flow = RequestFlow.of("acme", extension="x", request="ghp_" + "a1B2" * 9)
    event = prepare(captured("hello", flow=flow), load_redaction(None), max_bytes=8192)
    assert "a1B2" not in (event.request_id or "")
    assert event.redacted


def test_the_same_secret_has_the_same_token_only_with_a_key():
    one = prepare(
        captured("password=correcthorsebattery1"), load_redaction(b"k" * 32), max_bytes=8192
    )
    two = prepare(
        captured("password=correcthorsebattery1"), load_redaction(b"k" * 32), max_bytes=8192
    )
    bare = prepare(captured("password=correcthorsebattery1"), load_redaction(None), max_bytes=8192)
    assert one.message == two.message
    assert "correct" not in one.message + bare.message


MESSAGES: Final = ("hello", "", f"with {GITHUB}", "password=hunter2hunter2", "caf\xe9 \x1b[1mred")
FIELDS: Final[tuple[dict[str, Any], ...]] = (
    {"ms": 5, "ok": True}, {"user": {"id": "u1", "tags": ["a", "b"]}}, {"password": "hunter2"},
    {"card": 4111111111111111}, {"deep": [{"note": f"x {GITHUB}"}]}, {GITHUB: 1}, {"pin": 1234},
    {"args": ["--token", "abcd1234efgh"]}, {"name": "api_key", "value": "abcd1234efgh"},
)  # fmt: skip


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("fields", FIELDS)
def test_a_scan_of_message_and_fields_together_masks_what_each_alone_masks(message, fields):
    redactor = Redactor(key=b"k")
    mask = redactor.mask("acme:invoice-sync", "2026-01-31")
    shown, names = redactor.text(message, mask)
    walk = FieldWalk(redactor.text, SecretNames(), mask)
    masked = walk.masked(fields)
    redaction = load_redaction(b"k")
    for _ in range(2):  # what it remembers of the names changes nothing
        applied = redaction.apply(FLOW, Output.LOG, "2026-01-31", message, fields)
        assert applied == (shown, masked, (*names, *walk.hits))
