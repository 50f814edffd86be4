"""Every rule of a decision has words for yes and no, and takes the particulars it is given."""

import re

import pytest

from policies.decisions.decide import DecisionRule
from policies.decisions.wording import FAILURES


def test_each_rule_has_words_and_no_words_are_left_over() -> None:
    assert set(FAILURES) == {rule.value for rule in DecisionRule}


@pytest.mark.parametrize("rule", DecisionRule)
def test_words_are_sentences_and_a_refusal_says_what_to_do(rule: DecisionRule) -> None:
    words = FAILURES[rule]
    for fine, hint, reason in (
        (words.fine.you, words.hint.you, words.reason.you),
        (words.fine.other, words.hint.other, words.reason.other),
    ):
        assert fine.endswith(".")
        assert hint.endswith(".")
        assert reason == "{}" or reason.endswith(".")


@pytest.mark.parametrize("rule", DecisionRule)
def test_words_about_somebody_else_never_say_you(rule: DecisionRule) -> None:
    words = FAILURES[rule]
    for said in (words.fine, words.reason, words.hint):
        assert not re.search(r"\byou", said.other, re.IGNORECASE)
        assert not (re.search(r"\byou", said.you, re.IGNORECASE) and said.other == said.you)


def test_particulars_go_into_the_reason_alone() -> None:
    words = FAILURES["environment"].about("qa")
    assert words.reason.you == "Debugging is not allowed in the environment qa."
    assert words.hint == FAILURES["environment"].hint
    assert FAILURES["environment"].reason.you.count("{}") == 1, "the shared words stay as they were"
