import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.redaction.rules import compile_pattern
from policies.redaction.visible_text import (
    INVISIBLE_HINT,
    HiddenSpan,
    as_seen,
    has_payload,
    join,
    shift,
    split,
    strip,
)

SEEN = [
    ("plain", "plain"),
    ("\x1b[31mred\x1b[0m", "red"),
    ("\x1b[38;2;1;2;3mtrue\x1b[39;49m colour", "true colour"),
    ("\x1b[38:2::1:2:3mcolons\x1b[m", "colons"),
    ("\x1b]8;;https://example.com\x07link\x1b]8;;\x07", "link"),
    ("\x1b]8;;https://example.com\x1b\\link\x1b]8;;\x1b\\", "link"),
    ("\x1b]0;Ü title\x07x", "x"),
    ("\x1b(Bascii \x1b=keypad", "ascii keypad"),
    ("\x9b31mC1\x9b0m", "C1"),
    ("pass\u200bword", "password"),
    ("pass\u00adword", "password"),
    ("\u202apass\u202cword\ufeff", "password"),
    ("p\u0332a\u0332ss\u034f\ufe0f", "pass"),
    ("a\x00b\bc\x7f\td\n", "abc\td\n"),
    ("\\u001b[32m'x'\\u001b[39m \\x1b[1my \\033[0mz", "'x' y z"),
    ("unfinished \x1b]8;;x and \x1b[", "unfinished ]8;;x and ["),
    ("café 日本語 🙂", "café 日本語 🙂"),
]


@pytest.mark.parametrize(("text", "seen"), SEEN)
def test_only_what_a_reader_sees_is_left_and_the_rest_can_be_put_back(text, seen):
    visible, gaps = split(text.encode())
    assert visible.decode() == seen
    if "unfinished" not in text:
        assert join(visible, gaps) == text.encode()
    assert strip(text.encode()) == visible
    assert (compile_pattern(INVISIBLE_HINT).search(text.encode()) is not None) == (seen != text)


def test_every_format_character_is_invisible_and_the_scan_knows_it():
    hint = compile_pattern(INVISIBLE_HINT)
    for code in range(0x110000):
        if 0xD800 <= code < 0xE000:
            continue
        raw = chr(code).encode()
        hidden = split(raw)[0] == b""
        if unicodedata.category(chr(code)) == "Cf":
            assert hidden, hex(code)
        assert (hint.search(raw) is not None) == hidden, hex(code)


def test_gaps_move_with_masks_and_only_colours_inside_one_stay():
    raw = b"\x1b[1mab\x1b[0mcd\xe2\x80\x8bef\x1b[2m"
    visible, gaps = split(raw)
    assert visible == b"abcdef"
    moved = shift(gaps, [(1, 5, 3)])
    assert join(b"a###f", moved) == b"\x1b[1ma###\x1b[0mf\x1b[2m"


def test_the_beginning_of_a_sequence_that_never_came_is_left_out():
    assert join(b"[x]", [HiddenSpan(0, b"\x1b")]) == b"[x]"


def test_a_link_has_a_text_of_its_own():
    _, gaps = split(b"\x1b]8;;https://a.example\x07x")
    assert gaps[0].payload
    start, end = gaps[0].payload
    assert gaps[0].raw[start:end] == b"8;;https://a.example"
    assert has_payload(b"\x1b]8;;x\x07")
    assert not has_payload(b"\x1b[31mx")


@given(st.text(st.characters() | st.sampled_from("\x1b[]0m;\x07\\"), max_size=60))
def test_the_quick_way_agrees_with_the_exact_one(text):
    raw = text.encode("utf-8", "surrogatepass")
    assert strip(raw) == split(raw)[0]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain text", "plain text"),
        ("\x1b[31mERROR\x1b[0m: to \x1b[1merp\x1b[0m", "ERROR: to erp"),
        ("\x1b[38;2;1;2;3mtrue\x1b[m \x1b[38;5;9m256\x1b[39m", "true 256"),
        ("\x1b]8;;https://x.example\x07link\x1b]8;;\x07", "link"),
        ("ze\u200bro \ufeffwidth\u00ad", "zero width"),
        ("\u202eright\u202c bell\x07 nul\x00", "right bell nul"),
        ("👩\u200d💻 ok", "👩💻 ok"),
        ("tab\tand\nlines", "tab\tand\nlines"),
        ("Größe übernommen", "Größe übernommen"),
        ("cafe\u0301", "cafe\u0301"),
        ("quoted \\u001b[31m", "quoted \\u001b[31m"),
        ("lone \ud800\x1b[0m", "lone ?"),
    ],
)
def test_a_text_is_matched_as_its_reader_sees_it(text, seen):
    assert list(as_seen([text, "other", "ärger"])) == [seen, "other", "ärger"]


@pytest.mark.parametrize("texts", [["a", "b\t\n"], ["Größe", "a"], []])
def test_texts_of_which_everything_is_seen_come_back_as_they_are(texts):
    assert as_seen(texts) is texts


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"])), max_size=5))
def test_each_text_is_seen_alike_alone_and_among_others(texts):
    alone = [as_seen([text])[0] for text in texts]
    assert list(as_seen(texts)) == alone
    assert not any("\x1b" in text or "\u200b" in text for text in alone)
