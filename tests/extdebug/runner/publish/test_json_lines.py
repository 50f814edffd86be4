import json
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from extdebug.runner.publish.json_lines import MOST_BYTES, claims_error, read_structured
from extdebug.runner.publish.level_names import level_of_value
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


@pytest.mark.parametrize("line", ["", "{}", "{", "text", '{"msg":1}', "{not json}", "[1]", '{"a":'])
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
        (b'{"level":500}', True),
        (b'{"level":5000}', False),
        (b'{"level":30,"n":50}', False),
        (b'\xef\xbb\xbf {"level":"crit"}', True),
        (b'{"@l":"Fatal"}', True),
        (b'{"levelname":"CRITICAL"}', True),
        (b'{"log.level":"error"}', True),
        (b'{"log":{"level":"error"}}', True),
        (b'{"record":{"level":{"icon":"x","name":"ERROR","no":40}}}', True),
        (b'{"level":"\\u001b[31merror\\u001b[39m"}', True),
        (b'{"level":"info","kind":"error"}', False),
        (b'{"level":"inferred"}', False),
        (b'plain "level":"error"', False),
        (b'{"a":"' + b"x" * 5000 + b'","level":"error"}', False),
    ],
)
def test_a_line_that_claims_to_be_an_error_is_known_cheaply(line, claims):
    assert claims_error(line) is claims


@pytest.mark.parametrize(
    "part", ['\\"', '"', "{", '{"a":', " NaN", '"level":', '"a":"b",', "[", "-"]
)
def test_a_long_line_that_is_nearly_json_costs_little(part):
    line = "{" + part * (MOST_BYTES // len(part) - 2) + "}"
    before = time.thread_time()
    read_structured(line)
    claims_error(line.encode())
    assert time.thread_time() - before < 0.2


LOGGERS = [
    ("pino", '{"level":50,"time":1,"pid":2,"hostname":"h","msg":"boom"}', Level.ERROR, "boom"),
    ("bunyan", '{"name":"a","level":40,"msg":"slow","v":0}', Level.WARN, "slow"),
    ("winston", '{"level":"silly","message":"x"}', Level.TRACE, "x"),
    ("winston", '{"level":"\\u001b[31mcrit\\u001b[39m","message":"x"}', Level.ERROR, "x"),
    ("zap", '{"level":"dpanic","ts":1.5,"caller":"a.go:1","msg":"x"}', Level.ERROR, "x"),
    ("zap", '{"L":"WARN","T":"1","C":"a.go:1","M":"x"}', Level.WARN, "x"),
    ("zerolog", '{"level":"fatal","error":"e","message":"x"}', Level.ERROR, "x"),
    ("logrus", '{"level":"warning","msg":"x","time":"1"}', Level.WARN, "x"),
    ("slog", '{"time":"1","level":"DEBUG-4","msg":"x"}', Level.TRACE, "x"),
    ("hclog", '{"@level":"warn","@message":"x","@module":"m"}', Level.WARN, "x"),
    ("structlog", '{"event":"sync failed","level":"error"}', Level.ERROR, "sync failed"),
    ("stdlib", '{"message":"boom","levelname":"ERROR","name":"app"}', Level.ERROR, "boom"),
    ("stdlib", '{"message":"boom","levelno":30}', Level.WARN, "boom"),
    (
        "loguru",
        '{"text":"x","record":{"level":{"name":"WARNING","no":30},"message":"slow"}}',
        Level.WARN,
        "slow",
    ),
    (
        "tracing",
        '{"timestamp":"x","level":"WARN","fields":{"message":"slow","ms":8},"target":"a"}',
        Level.WARN,
        "slow",
    ),
    ("logback", '{"level":"WARN","level_value":30000,"message":"x"}', Level.WARN, "x"),
    ("log4j", '{"level":{"standardLevel":"x","name":"FATAL"},"message":"x"}', Level.ERROR, "x"),
    ("java.util", '{"level":"SEVERE","message":"x"}', Level.ERROR, "x"),
    ("Serilog", '{"Level":"Warning","RenderedMessage":"x","Properties":{}}', Level.WARN, "x"),
    ("Serilog", '{"@t":"1","@m":"x","@l":"Fatal"}', Level.ERROR, "x"),
    ("Serilog", '{"@t":"1","@mt":"x {Y}","Y":1}', Level.INFO, "x {Y}"),
    ("NLog", '{"time":"1","level":"Warn","message":"x"}', Level.WARN, "x"),
    (".NET", '{"EventId":0,"LogLevel":"Critical","Message":"x"}', Level.ERROR, "x"),
    ("ECS", '{"@timestamp":"1","log.level":"error","message":"x"}', Level.ERROR, "x"),
    ("ECS", '{"log":{"level":"error","logger":"a"},"message":"x"}', Level.ERROR, "x"),
    ("OTel", '{"severityText":"ERROR","body":"x"}', Level.ERROR, "x"),
    ("OTel", '{"severityNumber":13,"body":{"stringValue":"x"}}', Level.WARN, "x"),
    ("monolog", '{"message":"x","level":300,"level_name":"WARNING"}', Level.WARN, "x"),
    ("GCP", '{"severity":"EMERGENCY","textPayload":"x"}', Level.ERROR, "x"),
    ("GCP", '{"severity":"400","message":"x"}', Level.WARN, "x"),
    ("GCP", '{"severity":"NOTICE","jsonPayload":{"message":"x"}}', Level.INFO, "x"),
    ("OTel", '{"SeverityText":"WARN","Body":{"Type":"String","Value":"x"}}', Level.WARN, "x"),
    ("another", '{"app":"a","line":{"level":"warn","message":"x"}}', Level.WARN, "x"),
    ("syslog", '{"version":"1.1","short_message":"x","level":4}', Level.WARN, "x"),
    ("syslog", '{"PRIORITY":"3","MESSAGE":"x"}', Level.ERROR, "x"),
    ("roarr", '{"context":{"logLevel":40},"message":"x","sequence":"0"}', Level.WARN, "x"),
    ("twisted", '{"log_level":{"name":"critical"},"log_format":"x","ms":8}', Level.ERROR, "x"),
]


@pytest.mark.parametrize(("logger", "line", "level", "message"), LOGGERS)
def test_the_lines_of_the_usual_loggers_are_read(logger, line, level, message):
    read = read_structured(line)
    assert read is not None
    assert read[:2] == (level, message), logger
    assert claims_error(line.encode()) or level is not Level.ERROR or "rity" in line.lower()


@pytest.mark.parametrize(("logger", "line", "level", "message"), LOGGERS)
@pytest.mark.parametrize(
    "around", ["\ufeff{}", "  {}", "{}\t ", "\x1e{}", "\x1b[36m{}\x1b[0m", "@cee: {}"]
)
def test_what_strays_around_a_json_line_does_not_hide_it(logger, line, level, message, around):
    read = read_structured(around.replace("{}", line))
    assert read is not None
    assert read == read_structured(line), logger


def test_what_stands_beside_a_nested_message_is_a_field_under_its_own_name():
    line = '{"level":"WARN","target":"a","fields":{"message":"m","ms":8,"target":"b"}}'
    assert read_structured(line) == (
        Level.WARN,
        "m",
        {"target": "a", "ms": 8, "fields": {"target": "b"}},
    )


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ('{"level":"error","code":5}', {"code": 5}),
        ('{"level":"error","msg":"","a":1}', {"msg": "", "a": 1}),
        (' {"severity":"error"}', None),
    ],
)
def test_a_level_without_a_message_counts_and_the_line_is_the_message(line, fields):
    assert read_structured(line) == (Level.ERROR, line.strip(), fields)


@pytest.mark.parametrize(
    ("value", "read_as"),
    [("NaN", "NaN"), ("-Infinity", "-Infinity"), ("[1, nan]", [1, "nan"]), ("+inf", "+inf")],
)
def test_numbers_that_json_has_no_words_for_are_text(value, read_as):
    line = f'{{"level":"error","msg":"a: NaN, b \\" : inf,","x":{value}}}'
    assert read_structured(line) == (Level.ERROR, 'a: NaN, b " : inf,', {"x": read_as})


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("a\tb", "a\tb"),
        ("\\ud83d", "?"),
        ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
        ("x\\u0000y", "x\0y"),
    ],
)
def test_texts_that_strict_json_refuses_are_read(text, read_as):
    read = read_structured(f'{{"level":"error","msg":"x","t":"{text}"}}')
    assert read is not None
    assert read[0] is Level.ERROR
    assert read_structured(f'{{"level":"error","msg":"{text}"}}') == (Level.ERROR, read_as, None)


@pytest.mark.parametrize(
    "line",
    [
        '{"msg":"x","data":{"level":3}}',
        '{"msg":"x","user":{"level":"error"}}',
        '{"msg":"x","user":{"level":3,"message":"y"}}',
        '{"msg":"x","last":{"level":"error","message":"y"}}',
        '{"msg":"x","priority":1}',
        '{"msg":"x","l":3}',
    ],
)
def test_a_number_or_word_that_is_somebodys_data_is_no_level(line):
    read = read_structured(line)
    assert read is not None
    assert read[0] is None


@pytest.mark.parametrize(
    "line", ['{"event":"x","a":1}', '{"body":"x"}', '{"text":"x"}', '{"m":"x"}']
)
def test_words_that_are_a_message_beside_a_level_are_data_without_one(line):
    assert read_structured(line) is None


KEYS = st.sampled_from(
    ["level", "LEVEL", "msg", "message", "fields", "record", "name", "log.level", "body", "@t",
     "@mt", "event", "severity", "data", "a"]
)  # fmt: skip
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from([3, 30, "err"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@example({"level": {"level": 0, "LEVEL": "0000000"}})
@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_every_member_of_a_line_is_kept_somewhere(members):
    line = json.dumps(members)
    read = read_structured(line)
    if read is None:
        return
    level, message, fields = read
    kept = json.dumps([level, message, fields])
    for word in leaves(members):
        assert json.dumps(word) in kept or level_of_value(word, "level") is level


def leaves(value):
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, str) and value.strip():
        yield value
