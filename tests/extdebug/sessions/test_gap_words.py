"""Losses in a table's words: every reason has some, and nothing that was not lost is named."""

import pytest

from extdebug.sessions import gap_words
from extdebug.wire.events import GapReason


@pytest.mark.parametrize("reason", list(GapReason))
def test_every_reason_has_words(reason: GapReason) -> None:
    (said,) = gap_words.in_words({reason.value: 3})
    assert said.startswith("3 ")
    assert "_" not in said


def test_nothing_lost_is_nothing_said_and_an_unknown_number_is_said() -> None:
    assert gap_words.in_words({"retention": 0, "failover": None}) == [
        "an unknown number lost in a failover"
    ]
