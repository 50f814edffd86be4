import re

import pytest

from policies.redaction.values import read_markup, read_value, rest_of_line, unquoted_end
from tests.files import ROOT

READ = [
    ('"Tr0ub4dor" next', "Tr0ub4dor"),
    ('"a\\"b c" next', 'a\\"b c'),
    ("'Tr0ub4 dor', x", "Tr0ub4 dor"),
    ("'it''s' x", "it''s"),
    ("'Tr0'ub4dor' x", "Tr0'ub4dor"),
    ("b'Tr0ub4dor'}", "Tr0ub4dor"),
    ('Some("Tr0ub4dor") }', "Tr0ub4dor"),
    ('Arc(Secret("Tr0ub4dor"))', "Tr0ub4dor"),
    ("Some(Tr0ub4dor) }", "Tr0ub4dor"),
    ("Optional[Tr0ub4dor]", "Tr0ub4dor"),
    ('string(9) "Tr0ub4dor"', "Tr0ub4dor"),
    ('(string) (len=9) "Tr0ub4dor"', "Tr0ub4dor"),
    ('<<"Tr0ub4dor">>}', "Tr0ub4dor"),
    ('&"Tr0ub4dor"', "Tr0ub4dor"),
    ("!!str Tr0ub4dor", "Tr0ub4dor"),
    ('"""Tr0ub4 dor""" x', "Tr0ub4 dor"),
    ("“Tr0ub4 dor” x", "Tr0ub4 dor"),
    ('\\"Tr0ub4dor\\",\\"n\\"', "Tr0ub4dor"),
    ("&quot;Tr0ub4dor&quot; x", "Tr0ub4dor"),
    ('["Tr0ub4dor", "second"] x', 'Tr0ub4dor", "second'),
    ('"no end of it', "no end of it"),
    ("Tr0ub4,dor9 user=ann", "Tr0ub4,dor9"),
    ("Tr0ub4'd\"or user=ann", "Tr0ub4'd\"or"),
    ("Tr0ub4<d>or x", "Tr0ub4<d>or"),
    ("Tr0ub4@d/or, x", "Tr0ub4@d/or"),
    ("hunter&2;3 x", "hunter&2;3"),
    ("x1&page=2", "x1"),
    ("x1;Encrypt=no", "x1"),
    ("x1,user=ann", "x1"),
    ("x1', 'y'", "x1"),
    ("x1</b>", "x1"),
    ("1234}", "1234"),
    ("[abc] done", "[abc]"),
    ("x1\\nnext", "x1"),
]


@pytest.mark.parametrize(("text", "value"), READ)
def test_a_value_goes_as_far_as_its_writer_meant(text, value):
    raw = text.encode()
    found = read_value(raw, 0)
    assert found
    assert raw[found.start : found.end].decode() == value


@pytest.mark.parametrize("text", ["", " ", '"" x', ", x"])
def test_where_nothing_stands_there_is_no_value(text):
    found = read_value(text.encode(), 0)
    assert found is None or not text[found.start : found.end].strip("\"', x")


def test_only_a_quoted_value_when_it_must_be_one():
    assert read_value(b"x1 y", 0, quoted=True) is None
    assert read_value(b"b'x1' y", 0, quoted=True) == (2, 4, True)


def test_markup_ends_at_the_next_tag():
    raw = b" Tr0ub4dor </Password>"
    found = read_markup(raw, 0)
    assert found
    assert raw[found.start : found.end] == b"Tr0ub4dor"
    assert read_markup(b"<a>", 0) is None


def test_the_rest_of_a_line_ends_at_its_quote_or_its_end():
    raw = b'"a=1; b=2", x'
    found = rest_of_line(raw, 0)
    assert found
    assert raw[found.start : found.end] == b"a=1; b=2"
    assert rest_of_line(b"a=1; b=2\nnext", 0) == (0, 8, False)
    assert rest_of_line(b"\n", 0) is None


def test_reading_can_be_bounded():
    assert unquoted_end(b"x" * 100, 0, 10) == 10


def test_no_pattern_repeats_a_group_possessively():
    """Up to Python 3.11.4 such a group takes in what it failed on (python/cpython issue 106052)."""
    for file in (ROOT / "policies" / "redaction").rglob("*.py"):
        assert not re.search(r"\)(?:[*+?]|\{[0-9,]+\})\+", file.read_text()), file
