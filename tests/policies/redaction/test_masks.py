"""How a mask looks, and how it is put in a secret's place without harm to others."""

import pytest

from policies.redaction.masks import (
    MASK,
    Mask,
    decode,
    looks_at_edges,
    places_of,
    replace,
    spans_of,
)
from policies.redaction.rules import Rule, compile_pattern

SECRET = b"a secret of more than 16 bytes"
LETTERS = Rule(name="x", pattern="x+", example="x")


def test_a_mask_names_its_rule_and_with_a_key_tells_equal_secrets():
    keyed = Mask(b"key of the day")
    shown = keyed.of("jwt", SECRET, token=True)

    assert MASK.fullmatch(shown)
    assert shown.startswith(b"[redacted:jwt#")
    assert shown == keyed.of("jwt", SECRET, token=True)
    assert shown != keyed.of("jwt", SECRET + b".", token=True)
    assert shown != Mask(b"another key").of("jwt", SECRET, token=True)


@pytest.mark.parametrize(
    ("key", "secret", "token"),
    [(None, SECRET, True), (b"key", SECRET, False), (b"key", SECRET[:15], True)],
    ids=["no key", "rule without token", "could be guessed"],
)
def test_a_mask_without_token_says_the_rule_alone(key, secret, token):
    assert Mask(key).of("pin", secret, token=token) == b"[redacted:pin]"


@pytest.mark.parametrize(
    ("pattern", "edges"),
    [("^a", True), ("a$", True), (r"\Aa", True), (r"\$a", False), ("[^a]", False), ("a", False)],
)
def test_an_anchor_is_told_from_its_likeness(pattern, edges):
    assert looks_at_edges(pattern) is edges


def test_text_comes_back_as_it_was():
    for text in ("plain", "na\u00efve", "\ud800 alone"):
        assert decode(text.encode("utf-8", "surrogatepass")) == text
    assert decode(b"\xff") == "\ufffd"


@pytest.mark.parametrize(
    ("raw", "levels", "places"),
    [
        (b"ab", 0, [0, 1, 2]),
        (b"a%20b", 1, [0, 1, 4, 5]),
        (b"%2520b", 2, [0, 5, 6]),
    ],
)
def test_bytes_left_by_decoding_know_where_they_stood(raw, levels, places):
    assert places_of(raw, levels) == places


def spans(raw: bytes) -> list[tuple[int, int]]:
    return spans_of(LETTERS, compile_pattern(LETTERS.pattern), raw)


def test_a_secret_that_touches_a_mask_is_masked_with_it_and_never_cut_in_two():
    rule = Rule(name="x", pattern="x[^!]+", example="xy")
    raw = b"x [redacted:pin]!"
    found = spans_of(rule, compile_pattern("x[^!]+"), raw)

    assert found == [(0, 16)]
    assert replace(raw, found, rule, Mask(None), {}) == b"[redacted:x]!"


def test_what_is_masked_already_is_no_secret():
    rule = Rule(name="x", pattern="redacted", example="redacted")
    assert spans_of(rule, compile_pattern("redacted"), b"[redacted:pin]") == []


def test_all_places_are_replaced_and_the_rule_is_named_once():
    names: dict[str, None] = {}

    shown = replace(b"a xx b x", spans(b"a xx b x"), LETTERS, Mask(None), names)

    assert shown == b"a [redacted:x] b [redacted:x]"
    assert list(names) == ["x"]


def test_a_line_without_secrets_is_the_same_line():
    names: dict[str, None] = {}
    raw = b"nothing here"

    assert replace(raw, [], LETTERS, Mask(None), names) is raw
    assert not names
