import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.runner.publish.json_lines import claims_error, read_structured
from extdebug.wire.events import Level


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"level":"warn","msg":"slow","ms":12}', (Level.WARN, "slow", {"ms": 12})),
        ('{"severity":"ERROR","message":"x"}', (Level.ERROR, "x", None)),
        ('{"level":50,"msg":"pino","pid":1}', (Level.ERROR, "pino", {"pid": 1})),
        ('{"msg":"plain"}', (None, "plain", None)),
        ('{"level":"odd","msg":"kept"}', (None, "kept", {"level": "odd"})),
        ('{"level":true,"msg":"kept"}', (None, "kept", {"level": True})),
        ('{"msg":"m","fields":{"a":1}}', (None, "m", {"a": 1})),
        ('{"message":"a","msg":"b"}', (None, "a", {"msg": "b"})),
    ],
)
def test_json_lines_give_level_message_and_fields(line, expected):
    assert read_structured(line) == expected


@pytest.mark.parametrize(
    "line", ["", "{}", "{", "text", '{"level":"warn"}', '{"msg":1}', "{not json}", "[1]", '{"a":']
)
def test_anything_else_is_an_ordinary_line(line):
    assert read_structured(line) is None


def test_ids_in_a_line_stay_data():
    read = read_structured('{"msg":"x","tenantId":"globex","requestId":"forged","ts":"2020"}')
    assert read is not None
    assert read[2] == {"tenantId": "globex", "requestId": "forged", "ts": "2020"}


@given(st.text())
def test_no_line_is_too_odd(text):
    read_structured("{" + text + "}")


@pytest.mark.parametrize(
    ("line", "claims"),
    [
        (b'{"level":"error","message":"x"}', True),
        (b'{"msg":"x", "severity" : "FATAL"}', True),
        (b'{"lvl":60}', True),
        (b'{"level":"info","message":"error"}', False),
        (b'{"level":500}', False),
        (b'plain "level":"error"', False),
        (b'{"a":"' + b"x" * 5000 + b'","level":"error"}', False),
    ],
)
def test_a_line_that_claims_to_be_an_error_is_known_cheaply(line, claims):
    assert claims_error(line) is claims
