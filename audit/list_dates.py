"""The years, months and days by which a list of the trail is narrowed, from its first and last row.

Every day between them is offered, whether it has rows or not: to know would be to read them all.
Pure.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils import formats
from django.utils.text import capfirst


@dataclass(frozen=True, slots=True)
class Step:
    """One link: the parts of a date that it sets, and what it is called. None: no link, it is
    what is shown."""

    title: str
    sets: Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class Steps:
    """The way back to the wider stretch, and what this one is divided into."""

    back: Step | None
    choices: tuple[Step, ...]


def steps(
    first: dt.date, last: dt.date, *, year: int | None, month: int | None, day: int | None
) -> Steps:
    """For rows from `first` to `last`, of which this year, month and day are shown now.

    With none chosen it begins where they differ: years, months of the one year, days of the one
    month. Parts of a date that does not exist offer nothing.
    """
    chosen = year is not None
    if year is None and first.year == last.year:
        year = first.year
        month = first.month if first.month == last.month else None
    if year is None:
        years = range(first.year, last.year + 1)
        return Steps(None, tuple(Step(str(each), {"year": each}) for each in years))
    if not dt.MINYEAR <= year <= dt.MAXYEAR or (month is not None and not 1 <= month <= 12):
        return Steps(Step("All dates", {}), ())
    if month is None:
        months = (
            Step(_month(start), {"year": year, "month": start.month})
            for start in (dt.date(year, number, 1) for number in range(1, 13))
            if first.replace(day=1) <= start <= last
        )
        return Steps(Step("All dates", {}), tuple(months))
    if chosen and day is not None:
        if not 1 <= day <= calendar.monthrange(year, month)[1]:
            return Steps(Step("All dates", {}), ())
        shown = dt.date(year, month, day)
        return Steps(
            Step(_month(shown), {"year": year, "month": month}), (Step(_day(shown), None),)
        )
    days = (
        Step(_day(each), {"year": year, "month": month, "day": each.day})
        for each in _days(year, month)
        if first <= each <= last
    )
    return Steps(Step(str(year), {"year": year}), tuple(days))


def _days(year: int, month: int) -> Iterator[dt.date]:
    for number in range(1, calendar.monthrange(year, month)[1] + 1):
        yield dt.date(year, month, number)


def _month(day: dt.date) -> str:
    return capfirst(formats.date_format(day, "YEAR_MONTH_FORMAT"))


def _day(day: dt.date) -> str:
    return capfirst(formats.date_format(day, "MONTH_DAY_FORMAT"))
