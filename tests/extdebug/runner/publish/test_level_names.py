import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.runner.publish.level_names import (
    NAMES,
    level_named,
    level_numbered,
    level_of_value,
)
from extdebug.wire.events import Level

TRACE, DEBUG, INFO, WARN, ERROR = Level


@pytest.mark.parametrize(
    ("names", "level"),
    [
        ("trace TRCE silly finest vrb Verbose", TRACE),
        ("debug DEBG dbg fine config http", DEBUG),
        ("info Information INF notice success log", INFO),
        ("warn WARNING wrn", WARN),
        ("error ERR erro fail fatal FTL critical CRIT dpanic severe emerg alert", ERROR),
    ],
)
def test_the_names_of_the_usual_loggers_are_known(names, level):
    assert {name: level_named(name) for name in names.split()} == dict.fromkeys(
        names.split(), level
    )


@pytest.mark.parametrize(
    ("text", "level"),
    [
        (" warn ", WARN), ("[ERROR]", ERROR), ("\x1b[31merror\x1b[39m", ERROR),
        ("LogLevel.Error", ERROR), ("Level::WARN", WARN), ("SEVERITY_NUMBER_ERROR", ERROR),
        ("ERROR2", ERROR), ("INFO4", INFO), ("DEBUG-4", TRACE), ("DEBUG+1", DEBUG),
        ("INFO+2", INFO), ("WARN-1", INFO), ("INFO+4", WARN), ("ERROR+4", ERROR), ("WARN+7", ERROR),
    ],
)  # fmt: skip
def test_what_stands_around_a_name_does_not_hide_it(text, level):
    assert level_named(text) is level


@pytest.mark.parametrize("text", ["", "high", "no error", "error in x", "ERROR9", "x" * 100, "e+1"])
def test_other_text_is_no_level(text):
    assert level_named(text) is None


@pytest.mark.parametrize(
    ("key", "numbers"),
    [
        ("level", {10: TRACE, 20: DEBUG, 30: INFO, 35: INFO, 40: WARN, 50: ERROR, 60: ERROR}),
        ("level", {0: ERROR, 3: ERROR, 4: WARN, 5: INFO, 6: INFO, 7: DEBUG}),
        ("level", {100: DEBUG, 250: INFO, 300: WARN, 400: ERROR, 600: ERROR}),
        ("level", {5_000: TRACE, 20_000: INFO, 30_000: WARN, 40_000: ERROR}),
        ("level", {700: DEBUG, 800: INFO, 900: WARN, 1_000: ERROR}),
        ("levelno", {5: TRACE, 10: DEBUG, 20: INFO, 25: INFO, 30: WARN, 40: ERROR, 50: ERROR}),
        ("severity", {100: DEBUG, 200: INFO, 300: INFO, 400: WARN, 500: ERROR, 800: ERROR}),
        ("severitynumber", {1: TRACE, 5: DEBUG, 9: INFO, 13: WARN, 17: ERROR, 24: ERROR}),
        ("loglevel", {0: TRACE, 1: DEBUG, 2: INFO, 3: WARN, 4: ERROR, 5: ERROR}),
    ],
)
def test_a_number_is_read_on_the_scale_of_its_key_and_size(key, numbers):
    assert {number: level_numbered(number, key) for number in numbers} == numbers
    as_text = {number: level_of_value(str(number), key) for number in numbers}
    assert as_text == numbers


@pytest.mark.parametrize("number", [-1, 8, 9, 70, 99, 601, 699, 1_001, 50_001, 30.5])
def test_a_number_of_no_scale_is_no_level(number):
    assert level_numbered(number, "level") is None


@pytest.mark.parametrize(
    "value", [True, None, [], {}, 1e300, 10**30, float("nan"), float("inf"), "9" * 40]
)
def test_a_value_that_cannot_be_a_level_is_none(value):
    assert level_of_value(value, "level") is None


@given(st.sampled_from(sorted(NAMES)), st.data())
def test_case_and_brackets_never_matter(name, data):
    odd = "".join(data.draw(st.sampled_from((c.lower(), c.upper()))) for c in name)
    around = data.draw(
        st.sampled_from(["{}", " {} ", "[{}]", "<{}>", "{}:", "\x1b[1;31m{}\x1b[0m"])
    )
    assert level_named(around.format(odd)) is NAMES[name]


@given(
    st.one_of(st.text(), st.integers(), st.floats()), st.sampled_from(["level", "severity", "x"])
)
def test_no_value_is_too_odd(value, key):
    assert level_of_value(value, key) in (None, *Level)
