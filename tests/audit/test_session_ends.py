"""The end of a session in words: every final code and every word beside it has a sentence."""

import re

import pytest

from audit import session_ends
from extdebug.protocol.close_codes import CloseCode
from policies.decisions.decide import DecisionRule

# Rules of which no running session is cut: it ends with another code, or is never asked again.
NOT_CUT = {DecisionRule.SIGNED_IN, DecisionRule.SESSIONS, DecisionRule.RATE}


@pytest.mark.parametrize(
    ("code", "reason", "said"),
    [
        (4409, "grant", "The grant ended or was revoked"),
        (4409, "a rule of tomorrow's", "A rule of tomorrow's"),
        (4409, "tomorrow", "Access was revoked"),
        (4410, "ended", "Ended by olivia"),
        (4410, "left", "The client left"),
        (4410, "end_of_range", "Everything that was asked for was sent"),
        (1006, "the process that served it ended", "The process that served it ended"),
        (1000, "the client left", "The client left"),
        (1006, "", "The connection ended"),
        (None, "", "The connection ended"),
    ],
)
def test_an_end_reads_like_this(code: int | None, reason: str, said: str) -> None:
    assert session_ends.in_words(code, reason, by="olivia") == said


@pytest.mark.parametrize("code", [each for each in CloseCode if each is not CloseCode.NOT_FOUND])
def test_every_close_code_has_words(code: CloseCode) -> None:
    said = session_ends.in_words(int(code), "machine_word", by="olivia")
    assert re.fullmatch(r"[A-Z][^_{}]+[^.]", said)
    assert "machine" not in said.lower()


@pytest.mark.parametrize("rule", [each for each in DecisionRule if each not in NOT_CUT])
def test_every_rule_that_cuts_is_told_from_the_others(rule: DecisionRule) -> None:
    said = session_ends.in_words(int(CloseCode.REVOKED), rule.value, by="olivia")
    assert said != session_ends.in_words(int(CloseCode.REVOKED), "", by="olivia")
