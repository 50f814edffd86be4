"""Names and times as people say them."""

import datetime as dt

import pytest

from policies.templatetags.plain_words import ago, words

NOW = dt.datetime(2026, 7, 14, 9, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-3, "just now"), (59, "just now"), (60, "1\xa0minute ago"), (7300, "2\xa0hours ago")],
)
def test_how_long_ago(seconds: int, said: str) -> None:
    assert ago(NOW - dt.timedelta(seconds=seconds), NOW) == said


def test_a_rules_name_has_no_underscore() -> None:
    assert words("signed_in") == "signed in"
