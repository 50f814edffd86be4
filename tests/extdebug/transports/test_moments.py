"""A moment has one reading wherever it is spelled: a time ago, ISO 8601, or a date."""

from __future__ import annotations

import datetime as dt

import pytest

from extdebug.transports.moments import BadMoment, read_moment

NOW = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
NOON = 1_767_268_800_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("90s", NOON - 90_000),
        ("2h", NOON - 7_200_000),
        ("999999999d", 0),
        ("2026-01-01T12:00:00.001Z", NOON + 1),
        ("2026-01-01T13:00:00+01:00", NOON),
        ("1767268800123", NOON + 123),
        ("2026-01-01", NOON - 43_200_000),
        ("1960-01-01", 0),
    ],
)
def test_a_moment_is_read_to_the_millisecond(text: str, ms: int) -> None:
    assert read_moment(text, now=NOW) == ms


@pytest.mark.parametrize("text", ["", "10", "m", "-5m", "1.5h", "10 m", "١m", "tomorrow", "10w"])
def test_anything_else_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(BadMoment, match="expected 10m, 2h, 90s, 1d or ISO 8601"):
        read_moment(text, now=NOW)
