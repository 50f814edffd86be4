"""A redaction rule: what an admin may write, and where it finds something."""

from random import Random

import pytest

from policies.redaction.builtin_rules import BUILTIN_RULES
from policies.redaction.rules import (
    MAX_KEYWORDS,
    MAX_NAME,
    MAX_PATTERN,
    Rule,
    RuleError,
    compile_pattern,
)


def row(name: str = "acme-id", pattern: str = r"acme-\d+", **more) -> Rule:
    return Rule.from_row(name, pattern, **more)


def places(rule: Rule, text: str) -> list[str]:
    raw = text.encode()
    return [raw[a:b].decode() for a, b in rule.places(compile_pattern(rule.pattern), raw)]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "Acme"}, "name: expected"),
        ({"name": "a--b"}, "name: expected"),
        ({"name": "a" * (MAX_NAME + 1)}, "name: expected"),
        ({"pattern": ""}, "1 to 500 characters, got 0"),
        ({"pattern": "a" * (MAX_PATTERN + 1)}, "1 to 500 characters, got 501"),
        ({"pattern": "("}, "RE2 refuses it"),
        ({"pattern": r"(a)\1"}, "RE2 refuses it"),
        ({"pattern": "(a)(b)"}, "at most one capturing group"),
        ({"pattern": "a*"}, "matches the empty text"),
        ({"keywords": [" "]}, "none of them empty"),
        ({"keywords": ["a"] * (MAX_KEYWORDS + 1)}, "at most 20 words"),
        ({"example": "acme"}, "example: the rule does not match it"),
        ({"counter_example": "acme-1"}, "counter-example: the rule matches it"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_with_a_sentence(given, said):
    with pytest.raises(RuleError, match=said):
        row(**given)


def test_a_good_rule_is_taken_as_it_was_written():
    rule = row(keywords=[" Customer "], example="customer acme-1", counter_example="acme")
    assert (rule.name, rule.pattern, rule.keywords) == ("acme-id", r"acme-\d+", ("customer",))
    assert not rule.token


def test_the_secret_is_the_group_or_else_the_whole_match():
    assert places(row(pattern=r"id=(\d+)"), "id=12 id=3") == ["12", "3"]
    assert places(row(pattern=r"id=(\d+)|all"), "all") == ["all"]
    assert places(row(), "acme-1, acme-22") == ["acme-1", "acme-22"]


def plainly(rule: Rule, raw: bytes) -> list[tuple[int, int]]:
    """The rule's secrets by the matches of RE2's own wrapper, all of them."""
    compiled, found = compile_pattern(rule.pattern), list[tuple[int, int]]()
    for match in compiled.finditer(raw):
        start, end = match.span(compiled.groups)
        if start < 0:
            start, end = match.span()
        done = found[-1][1] if found else 0
        if done <= start < end and (rule.check is None or rule.check(raw, start, end)):
            found.append((start, end))
    return found


@pytest.mark.parametrize(
    "rule", [rule for rule in BUILTIN_RULES if rule.read is None], ids=lambda rule: rule.name
)
def test_the_shorter_way_to_its_secrets_leaves_out_none(rule):
    """Where no prefix of its issuer stands behind a secret the pattern is not asked again."""
    chance, words = Random(rule.name), rule.example.split()
    pieces = [*words, rule.example, *rule.starts, words[-1][:-1], words[-1][1:], *"a0_ ./\n\xe9"]
    for _ in range(120):
        raw = "".join(chance.choices(pieces, k=chance.randrange(1, 9))).encode()
        found = list(rule.places(compile_pattern(rule.pattern), raw))
        assert found == plainly(rule, raw), raw


@pytest.mark.parametrize(
    "pattern", ["a*", "(a)?b", r"\b", r"b|(a+)", "a(b*)", "", "(?s).", "^a|b$"]
)
@pytest.mark.parametrize("text", ["", "a", "b", "abba", "aa bb ab", "\xe9ab\xe9", "\nab\n"])
def test_any_pattern_finds_what_its_matches_say(pattern, text):
    rule, raw = Rule(name="x", pattern=pattern, example="x"), text.encode()
    assert list(rule.places(compile_pattern(pattern), raw)) == plainly(rule, raw)


def test_two_secrets_of_one_issuer_are_both_found():
    rule = next(rule for rule in BUILTIN_RULES if rule.name == "aws-access-key")
    secret = rule.example.split()[1]
    assert places(rule, f"{secret} and {secret}") == [secret, secret]


def test_a_rule_with_keywords_looks_only_where_one_stands():
    rule = row(keywords=["Customer"])
    assert places(rule, "CUSTOMER acme-1") == ["acme-1"]
    assert places(rule, "acme-1") == []


def test_a_check_refuses_what_the_pattern_alone_cannot():
    rule = Rule(name="x", pattern="[0-9]+", example="22", check=lambda _, a, b: b - a == 2)
    assert places(rule, "1 22 333") == ["22"]


def test_a_reader_says_where_the_secret_ends_and_what_it_passed_is_not_read_again():
    read = lambda raw, match: (match.end(), raw.index(b";", match.end()))  # noqa: E731
    rule = Rule(name="x", pattern="key=", example="key=a;", read=read)
    assert places(rule, "key=a key=b; key=c;") == ["a key=b", "c"]
    nothing = Rule(name="x", pattern="key=", example="key=", read=lambda *_: None)
    assert places(nothing, "key=a;") == []
