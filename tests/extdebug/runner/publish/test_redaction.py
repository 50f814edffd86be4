"""The rules as the prepare stage applies them: per stream and day, over the lines of a flow."""

from extdebug.runner.context import RequestFlow
from extdebug.runner.publish.redacting_encoder import Captured, prepare
from extdebug.runner.publish.redaction import load_redaction
from extdebug.wire.events import Level, Output

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
