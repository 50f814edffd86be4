import pytest

from policies.redaction.families.issued import HEX, UPPER, WORD, fill, issued
from policies.redaction.rules import Rule


def test_a_prefix_and_enough_characters_make_a_token():
    rule = issued("x-token", "X", "xa_ xb_", HEX, 8)
    assert rule.finds("using xb_01234567 today")
    assert rule.finds("KEY_xa_0123456789ab")
    assert not rule.finds("xa_0123456")
    assert not rule.finds("nxa_01234567")
    assert rule.form == "xa_ xb_ + 8 or more of hex digits"
    assert rule.starts == ("xa_", "xb_")


def test_exactly_so_many_and_then_the_word_is_over():
    rule = issued("x-token", "X", "XA", UPPER, 4, exact=True)
    assert rule.finds("XA0123.")
    assert not rule.finds("XA01234")


def test_further_characters_are_part_of_the_alphabet():
    rule = issued("x-token", "X", "x.", WORD + "=]", 6)
    assert rule.finds("x.ab=]-_")
    assert rule.form.endswith("A-Z a-z 0-9 _ - = ]")


@pytest.mark.parametrize("chars", [HEX, UPPER, WORD])
def test_examples_are_obviously_made_up(chars):
    assert fill(chars, 100)[:10] == "0123456789"
    assert len(fill(chars, 300)) == 300


def test_the_example_is_one():
    assert isinstance(issued("x-token", "X", "xa_", HEX, 8), Rule)
    assert issued("x-token", "X", "xa_", HEX, 8).finds("using xa_01234567 today")
