import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.runner.publish.local_log import escape


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain grüße ✓", "plain grüße ✓"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2028\u200b\x85", "\\u2028\\u200b\\x85"),
    ],
)
def test_nothing_can_forge_a_line_or_drive_a_terminal(text, escaped):
    assert escape(text) == escaped


@given(st.text())
def test_an_escaped_text_is_one_line(text):
    assert len(escape(text).splitlines()) <= 1
