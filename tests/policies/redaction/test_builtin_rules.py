import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.redaction.masks import spans_of
from policies.redaction.redactor import (
    BUILTIN_RULES,
    Redactor,
    Rule,
    RuleError,
)
from policies.redaction.rules import MAX_PATTERN, compile_pattern


@pytest.mark.parametrize("rule", BUILTIN_RULES, ids=lambda rule: rule.name)
def test_every_built_in_rule_masks_its_example(rule):
    """In the company of all others: none of them takes it over."""
    redactor = Redactor(key=b"k")
    mask = redactor.mask("acme:x", "2026-01-31")
    said, names = redactor.text(rule.example, mask)
    assert rule.name in names
    assert f"[redacted:{rule.name}" in said
    assert ("#" in said) == rule.token
    assert rule.finds(rule.example)
    assert redactor.text(said, mask) == (said, ())


pieces = st.sampled_from(
    [rule.example for rule in BUILTIN_RULES]
    + [
        "password",
        "secret",
        "token=",
        "=",
        ": ",
        '"',
        "'",
        "\\",
        "[",
        "[r",
        "[redacted:x]",
        "x",
        " ",
    ]
)


def _masks_more_than_masks(rule, text):
    compiled = compile_pattern(rule.pattern)
    return bool(spans_of(rule, compiled, text.encode("utf-8", "surrogatepass")))


@settings(max_examples=300, deadline=None)
@given(st.lists(pieces | st.text(max_size=6), max_size=8).map("".join))
def test_a_hint_matches_wherever_its_rule_does(text):
    """Or the scan would call a text clean that the rule would have masked."""
    for rule in BUILTIN_RULES:
        if rule.hint and _masks_more_than_masks(rule, text):
            assert compile_pattern(rule.hint).search(text.encode("utf-8", "surrogatepass")), (
                rule.name
            )


def test_built_in_rules_have_names_of_their_own_that_fit_a_mask():
    names = [rule.name for rule in BUILTIN_RULES]
    assert len(set(names)) == len(names) >= 30
    for rule in BUILTIN_RULES:
        Rule.from_row(rule.name, "x")  # the name is one an admin could give


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("Bad Name", "x"), "name"),
        (("", "x"), "name"),
        (("a--b", "x"), "name"),
        (("x" * 65, "x"), "name"),
        (("ok", ""), "1 to"),
        (("ok", "x" * (MAX_PATTERN + 1)), "1 to"),
        (("ok", "("), "RE2"),
        (("ok", r"(?=x)y"), "RE2"),
        (("ok", r"(a)\1"), "RE2"),
        (("ok", "((a{100}){100}){100}"), "RE2"),
        (("ok", "\ud800"), "RE2"),
        (("ok", "a*"), "empty"),
        (("ok", "^"), "empty"),
        (("ok", "(a)(b)"), "one capturing group"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_with_a_reason(arguments, said):
    with pytest.raises(RuleError, match=said):
        Rule.from_row(*arguments)


def test_examples_are_held_to():
    Rule.from_row("badge", r"B-\d+", example="door B-12", counter_example="door 12")
    with pytest.raises(RuleError, match="example"):
        Rule.from_row("badge", r"B-\d+", example="door 12")
    with pytest.raises(RuleError, match="counter-example"):
        Rule.from_row("badge", r"\d+", example="B-12", counter_example="12")
    with pytest.raises(RuleError, match="keywords"):
        Rule.from_row("badge", r"\d+", keywords=["", "x"])


@given(st.text(max_size=30), st.text(max_size=60))
def test_any_text_is_a_rule_or_is_refused(name, pattern):
    try:
        rule = Rule.from_row(name, pattern)
    except RuleError:
        return
    redactor = Redactor((*BUILTIN_RULES, rule), key=b"k")
    mask = redactor.mask("a:b", "2026-01-31")
    said, _ = redactor.text(f"hello {pattern} world", mask)
    assert redactor.text(said, mask) == (said, ())
