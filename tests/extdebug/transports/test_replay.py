"""Replaying: where it begins, what it writes, how it keeps the pace, and how it ends."""

from __future__ import annotations

import datetime as dt

import pytest

from extdebug.transports.replay import BadPlace, read_last, read_since
from extdebug.wire.positions import Start

NOW = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
NOON = 1_767_268_800_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("90s", NOON - 90_000),
        ("10m", NOON - 600_000),
        ("2h", NOON - 7_200_000),
        ("1d", NOON - 86_400_000),
        ("999999999d", 0),
        ("2026-01-01T12:00:00Z", NOON),
        ("2026-01-01T13:00:00+01:00", NOON),
        ("2026-01-01T12:00:00", NOON),
        ("2026-01-01", NOON - 43_200_000),
    ],
)
def test_since_is_a_time_or_an_age(text: str, ms: int):
    assert read_since(text, now=NOW) == Start(since_ms=ms)


@pytest.mark.parametrize("text", ["", "10", "m", "-5m", "1.5h", "10 m", "١m", "tomorrow", "10w"])
def test_since_is_nothing_else(text: str):
    with pytest.raises(BadPlace):
        read_since(text, now=NOW)


@pytest.mark.parametrize("text", ["", "-1", "1.5", "20001", "١", "1e3"])
def test_last_is_a_number(text: str):
    with pytest.raises(BadPlace):
        read_last(text)


def test_last_is_a_tail():
    assert read_last("0") == Start(tail=0)
    assert read_last("20000") == Start(tail=20_000)
