"""The years, months and days by which the trail's list is narrowed."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import list_dates
from audit.list_dates import Step

DAYS = st.dates(dt.date(2023, 11, 1), dt.date(2026, 3, 31))


def sets(steps: list_dates.Steps) -> list[dict[str, int]]:
    return [dict(each.sets or {}) for each in steps.choices]


@given(DAYS, DAYS, DAYS)
def test_each_stretch_between_first_and_last_is_offered_and_no_other(
    one: dt.date, two: dt.date, asked: dt.date
) -> None:
    first, last = min(one, two), max(one, two)
    days = [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]
    year, month = asked.year, asked.month
    months = list_dates.steps(first, last, year=year, month=None, day=None)
    assert sets(months) == [
        {"year": year, "month": number}
        for number in sorted({day.month for day in days if day.year == year})
    ]
    in_month = list_dates.steps(first, last, year=year, month=month, day=None)
    assert sets(in_month) == [
        {"year": year, "month": month, "day": day.day}
        for day in days
        if (day.year, day.month) == (year, month)
    ]
    begin = list_dates.steps(first, last, year=None, month=None, day=None)
    if first.year != last.year:
        assert sets(begin) == [{"year": each} for each in range(first.year, last.year + 1)]
        assert begin.back is None
    elif first.month != last.month:
        assert begin == list_dates.steps(first, last, year=first.year, month=None, day=None)
    else:
        wanted = list_dates.steps(first, last, year=first.year, month=first.month, day=None)
        assert begin == wanted


def test_a_day_is_shown_with_a_way_back_to_its_month() -> None:
    first, last = dt.date(2026, 1, 5), dt.date(2026, 3, 9)
    found = list_dates.steps(first, last, year=2026, month=2, day=3)
    assert found.back == Step("February 2026", {"year": 2026, "month": 2})
    assert found.choices == (Step("February 3", None),)
    month = list_dates.steps(first, last, year=2026, month=2, day=None)
    assert month.back == Step("2026", {"year": 2026})


@pytest.mark.parametrize("asked", [(0, None, None), (2026, 13, None), (2026, 2, 30)])
def test_a_date_that_does_not_exist_offers_the_way_back_alone(
    asked: tuple[int, int | None, int | None],
) -> None:
    year, month, day = asked
    found = list_dates.steps(
        dt.date(2026, 1, 5), dt.date(2026, 3, 9), year=year, month=month, day=day
    )
    assert found == list_dates.Steps(Step("All dates", {}), ())
