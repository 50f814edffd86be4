"""Every rule of a decision has words for yes and no, and takes the particulars it is given."""

import pytest

from policies.decisions.decide import DecisionRule
from policies.decisions.wording import FAILURES


def test_each_rule_has_words_and_no_words_are_left_over() -> None:
    assert set(FAILURES) == {rule.value for rule in DecisionRule}


@pytest.mark.parametrize("rule", DecisionRule)
def test_words_are_sentences_and_a_refusal_says_what_to_do(rule: DecisionRule) -> None:
    words = FAILURES[rule]
    assert words.fine.endswith(".")
    assert words.hint.endswith(".")
    assert words.reason == "{}" or words.reason.endswith(".")


def test_particulars_go_into_the_reason_alone() -> None:
    words = FAILURES["environment"].about("qa")
    assert words.reason == "Debugging is not allowed in the environment qa."
    assert words.hint == FAILURES["environment"].hint
    assert FAILURES["environment"].reason.count("{}") == 1, "the shared words stay as they were"
