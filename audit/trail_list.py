"""The trail's list in the admin, at any number of rows: what it counts, its pages and its dates."""

from __future__ import annotations

from typing import Any, Final

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property

from audit import list_dates, trail_state
from audit.desk_lists import DeskList

MOST_COUNTED: Final = 10_000  # rows of a search that are counted and paged through
_PARTS: Final = ("year", "month", "day")


class MoreThan(int):
    """A number of rows that stands for that many and more, and is written so."""

    def __str__(self) -> str:
        return f"more than {int(self)}"


class TrailPaginator(Paginator):  # type: ignore[type-arg]  # not generic when it runs
    """Pages of the trail that read no more than they show.

    The whole trail, newest first, is paged by its numbers, which have no gaps: a page from which
    rows were cut is shorter. What is searched or filtered is counted to `MOST_COUNTED`.
    """

    rows = 0  # of the whole trail

    def __init__(self, found: QuerySet[Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(found, *args, **kwargs)
        self._found = found

    @cached_property
    def count(self) -> int:
        if not self._found.query.where:
            return self.rows
        found = self._found.order_by()[: MOST_COUNTED + 1].count()
        return found if found <= MOST_COUNTED else MoreThan(MOST_COUNTED)

    def page(self, number: Any) -> Page[Any]:
        query = self._found.query
        if query.where or query.order_by[:1] != ("-seq",):
            return super().page(number)
        number = self.validate_number(number)
        newest = self.rows - (number - 1) * self.per_page
        shown = self._found.filter(seq__lte=newest, seq__gt=newest - self.per_page)
        return Page(shown, number, self)


class TrailList(DeskList):
    """Narrowed by dates between the trail's first row and its last one."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        self.state = trail_state.of_page(request)
        super().__init__(request, *args, **kwargs)

    def dates(self) -> dict[str, Any] | None:
        """What admin/date_hierarchy.html shows; None for a trail without rows."""
        if self.state.first is None or self.state.last is None:
            return None
        days = sorted(timezone.localdate(row.at) for row in (self.state.first, self.state.last))
        field = f"{self.date_hierarchy}__"
        year, month, day = (_number(self.params.get(field + part)) for part in _PARTS)
        found = list_dates.steps(days[0], days[-1], year=year, month=month, day=day)

        def link(step: list_dates.Step) -> dict[str, Any]:
            if step.sets is None:
                return {"title": step.title}
            sets = {field + part: value for part, value in step.sets.items()}
            return {"title": step.title, "link": self.get_query_string(sets, [field])}

        return {
            "back": link(found.back) if found.back is not None else None,
            "choices": [link(each) for each in found.choices],
        }


def _number(text: str | None) -> int | None:
    return int(text) if text else None
