"""Admin of what the directory asks two operators for: they read a batch and release it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldBooleanSwitchWidget

from policies.database import clock
from policies.desk.recorded_admin import OperatorAdmin, RecordedAdmin
from policies.directory.releases import GOOD_FOR, digest_of
from policies.models import DirectoryRelease


class ReleaseForm(forms.ModelForm):  # type: ignore[type-arg]
    """One switch: released by two, and taken back by one as long as no run has used it."""

    released = forms.BooleanField(
        required=False,
        help_text="The next run of the same sections gives all of it, once, within a day.",
        widget=UnfoldBooleanSwitchWidget(),
    )

    class Meta:
        model = DirectoryRelease
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "released" in self.fields:
            self.fields["released"].initial = self.instance.released_at is not None

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        batch = self.instance
        if cleaned.get("released") and batch.released_at is None:
            if digest_of(batch.changes) != batch.digest:
                raise forms.ValidationError("This list is not what the directory asked for.")
            batch.released_at = clock.now()
        taken_back = not cleaned.get("released") and batch.released_at is not None
        if taken_back and batch.used_at is None:
            batch.used_at = clock.now()  # it counts no more
        return cleaned


@admin.register(DirectoryRelease)
class DirectoryReleaseAdmin(RecordedAdmin, OperatorAdmin):
    form = ReleaseForm
    list_display = ("__str__", "standing", "asked_at", "released_at", "used_at")
    fields = ("asked_at", "standing", "listed", "released")
    readonly_fields = ("asked_at", "standing", "listed")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        timed: QuerySet[Any] = rows.annotate(now=clock.ClockNow())  # one reading for all of them
        return timed

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The directory takes back what it no longer asks for."""
        return False

    @display(
        description="state",
        label={"waits": "warning", "released": "success", "over": "default", "too old": "default"},
    )
    def standing(self, batch: Any) -> str:
        if batch.used_at is not None:
            return "over"
        if batch.released_at is None:
            return "waits"
        return "released" if batch.released_at > batch.now - GOOD_FOR else "too old"

    @display(description="what it gives")
    def listed(self, batch: DirectoryRelease) -> SafeString:
        return format_html_join("", "<div>{}</div>", ((each[2],) for each in batch.changes))
