"""A list of the desk says how many rows a search found, and nothing where none was asked for.

The desk's lists do not count the whole table beside what they show; without that count the page's
heading would offer to show all of an unfiltered list. The box that selects a row is rendered once.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from django.contrib.admin import helpers
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from unfold.admin import ModelAdmin, checkbox
from unfold.decorators import display
from unfold.views import ChangeList

_MARK: Final = "the-key-of-a-row"


class DeskList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not (self.query or self.has_active_filters):
            self.full_result_count = self.result_count


class DeskListMixin:
    """Stands before ModelAdmin."""

    show_full_result_count = False  # a count of the whole table beside that of the list

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[DeskList]:
        return DeskList

    @display(description=ModelAdmin.action_checkbox.short_description)
    def action_checkbox(self, obj: Model) -> SafeString:
        """unfold's, whose form widget is rendered once and not for each row."""
        return mark_safe(_box().replace(_MARK, escape(str(obj.pk))))  # noqa: S308 - escaped


@cache
def _box() -> str:
    return str(checkbox.render(helpers.ACTION_CHECKBOX_NAME, _MARK))
