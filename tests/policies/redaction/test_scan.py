import pytest

from policies.redaction.builtin_rules import BUILTIN_RULES
from policies.redaction.rules import Rule
from policies.redaction.scan import Scan

SCAN = Scan(BUILTIN_RULES)


def found(text):
    raw = text.encode()
    return [BUILTIN_RULES[place].name for place in SCAN.rules(raw, SCAN.match(raw))]


def test_a_clean_text_asks_no_rule():
    assert SCAN.match(b"nothing here") == SCAN.clean
    assert found("nothing here") == []


@pytest.mark.parametrize(
    "text", ["order 00000042 of 00001200", "t=0000014900477830320 ok", "at 0004.25 s, 00:04:17"]
)
def test_padded_numbers_ask_no_rule(text):
    """One that does makes its whole batch be scanned line by line."""
    assert SCAN.match(text.encode()) == SCAN.clean


def test_rules_come_in_their_order_whichever_automaton_knows_them():
    names = found("ann@example.com password=ghp_0123456789abcdefghijABCDEFGHIJ012345")
    assert names.index("github-token") < names.index("password") < names.index("email")
    places = [rule.name for rule in BUILTIN_RULES]
    assert names == sorted(names, key=places.index)


@pytest.mark.parametrize("rule", BUILTIN_RULES, ids=lambda rule: rule.name)
def test_the_usual_hits_name_the_rules_that_they_stand_for(rule):
    """One rule alone, or one issuer, is looked up; among others it is searched."""
    alone, more = found(rule.example), found(rule.example + " ann@example.com a%3Db")
    assert rule.name in alone
    assert set(alone) | {"email"} == set(more)


def test_escapes_and_invisible_characters_are_told():
    hits = SCAN.match(b"a%3Db")
    assert SCAN.is_escaped(hits)
    assert SCAN.invisible not in hits
    assert SCAN.invisible in SCAN.match(b"\x1b[31m")


def test_an_automaton_that_gave_up_makes_every_rule_look():
    nothing: list[int] = []
    for hits in (None, nothing):
        assert SCAN.rules(b"x", hits) == list(range(len(BUILTIN_RULES)))
        assert SCAN.is_escaped(hits)


@pytest.mark.parametrize("rule", BUILTIN_RULES, ids=lambda rule: rule.name)
def test_a_text_among_others_is_not_clean_if_it_is_not_alone(rule):
    """Texts are scanned together: what stands around one must not hide what is in it."""
    raw = rule.example.encode()
    assert set(SCAN.match(raw)) <= set(SCAN.match(b"".join((b"a 1\n", raw, b"\nb"))))


def test_no_issuers_at_all_are_fine():
    scan = Scan([Rule(name="x", pattern="x", example="x")])
    assert scan.rules(b"x", scan.match(b"x")) == [0]
