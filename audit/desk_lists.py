"""A list of the desk says how many rows a search found, and nothing where none was asked for.

The desk's lists do not count the whole table beside what they show; without that count the page's
heading would offer to show all of an unfiltered list.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from unfold.views import ChangeList


class DeskList(ChangeList):  # type: ignore[misc]  # unfold has no types
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not (self.query or self.has_active_filters):
            self.full_result_count = self.result_count


class DeskListMixin:
    """Stands before ModelAdmin."""

    show_full_result_count = False  # a count of the whole table beside that of the list

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[DeskList]:
        return DeskList
