"""A session lives by the loop's clock, whatever the wall clock does meanwhile."""

from __future__ import annotations

import datetime as dt

import pytest

from extdebug.sessions.lifetime import RECHECK, WARN_BEFORE, Lifetime

NOW = 50.0


def lasting(seconds: float) -> Lifetime:
    one = Lifetime()
    one.until(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds), now=NOW)
    return one


def test_it_is_over_when_its_seconds_are() -> None:
    one = lasting(100)
    assert not one.over(NOW + 99)
    assert one.over(NOW + 100.1)
    assert (one.left(NOW + 40), one.left(NOW + 1000)) == (60, 0)


def test_its_end_is_announced_once_and_again_after_an_extension() -> None:
    one = lasting(100)
    assert not one.warn(NOW + 100 - WARN_BEFORE - 1)
    assert one.warn(NOW + 100 - WARN_BEFORE + 1)
    assert not one.warn(NOW + 50)
    one.until(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=300), now=NOW + 50)
    assert not one.warn(NOW + 60)
    assert one.warn(NOW + 349)


def test_an_end_that_is_here_needs_no_announcement() -> None:
    assert not lasting(0.5).warn(NOW + 1)


@pytest.mark.parametrize(("seconds", "due"), [(None, False), (30, True), (61, False)])
def test_authority_is_due_when_its_time_has_run_out(seconds: float | None, due: bool) -> None:
    one, decided = lasting(600), dt.datetime.now(dt.UTC)
    until = None if seconds is None else decided + dt.timedelta(seconds=seconds)
    one.authority(until, decided=decided, now=NOW)
    assert one.due(NOW + 60) is due


def test_it_says_when_something_happens_next() -> None:
    one, decided = lasting(600), dt.datetime.now(dt.UTC)
    assert one.next(NOW) == pytest.approx(NOW + 600 - WARN_BEFORE, abs=0.1)
    one.authority(decided + dt.timedelta(seconds=30), decided=decided, now=NOW)
    assert one.next(NOW) == pytest.approx(NOW + 30)
    assert one.next(NOW + 40) == pytest.approx(NOW + 40 + RECHECK), "asked again, not at once"
    one.authority(None, decided=decided, now=NOW)
    one.warn(NOW + 599)
    assert one.next(NOW) == pytest.approx(NOW + 600, abs=0.1)
