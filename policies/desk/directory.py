"""Admin of the directory: tenants, extensions, installs, tenant admins and developers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display
from unfold.widgets import UnfoldBooleanSwitchWidget

from policies.database import clock
from policies.desk.recorded_admin import OperatorAdmin, RecordedAdmin
from policies.models import (
    Capability,
    Extension,
    ExtensionDeveloper,
    Install,
    Membership,
    Tenant,
)


class DirectoryAdmin(RecordedAdmin, OperatorAdmin):
    """Common to lists of the directory. A key is part of a stream's name and is set once."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*super().get_readonly_fields(request, obj), *(("key",) if obj else ()))


class TenantForm(forms.ModelForm):  # type: ignore[type-arg]
    """Operators can require a tenant's consent; only the tenant's own admins can lift that."""

    suspended = forms.BooleanField(
        required=False,
        help_text="While it is on nobody may watch.",
        widget=UnfoldBooleanSwitchWidget(),
    )

    class Meta:
        model = Tenant
        fields = ("key", "name", "consent_required")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["suspended"].initial = self.instance.suspended_at is not None

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        since = self.instance.suspended_at or clock.now()
        self.instance.suspended_at = since if cleaned.get("suspended") else None
        return cleaned

    def clean_consent_required(self) -> bool:
        wanted: bool = self.cleaned_data["consent_required"]
        if self.instance.pk and not wanted:
            stored = Tenant.objects.filter(pk=self.instance.pk, consent_required=True)
            if stored.exists():
                raise forms.ValidationError(
                    "The tenant's consent is required: only its own admins can lift that."
                )
        return wanted


class SuspendedFilter(admin.SimpleListFilter):
    """Tenants that nobody may watch."""

    title = "suspended"
    parameter_name = "suspended"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "suspended"), ("no", "not suspended")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        return queryset.filter(suspended_at__isnull=self.value() == "no")


@admin.register(Tenant)
class TenantAdmin(DirectoryAdmin):
    form = TenantForm
    list_display = ("key", "name", "standing", "consent_required", "count")
    list_filter = (SuspendedFilter, "consent_required")
    search_fields = ("key", "name")
    fields = ("key", "name", "suspended", "consent_required")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).annotate(count_of=Count("installs"))  # type: ignore[no-any-return]

    @display(description="state", label={"suspended": "danger", "open": "success"})
    def standing(self, tenant: Tenant) -> str:
        return "suspended" if tenant.suspended_at else "open"

    @display(description="installs", ordering="count_of")
    def count(self, tenant: Any) -> int:
        return int(tenant.count_of)


@admin.register(Extension)
class ExtensionAdmin(DirectoryAdmin):
    list_display = ("key", "name", "capable", "count")
    search_fields = ("key", "name")
    fields = ("key", "name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # Its own, not those of its installs: an extension may have a thousand of these.
        own = Capability.objects.filter(extension=OuterRef("pk"), install=None)
        rows = super().get_queryset(request).annotate(count_of=Count("installs"))
        return rows.annotate(declares=Exists(own))  # type: ignore[no-any-return]

    @display(description="declares cap:debug.logs", boolean=True)
    def capable(self, extension: Any) -> bool:
        return bool(extension.declares)

    @display(description="installs", ordering="count_of")
    def count(self, extension: Any) -> int:
        return int(extension.count_of)


@admin.register(Install)
class InstallAdmin(DirectoryAdmin):
    list_display = ("key", "name", "tenant", "extension", "capable")
    list_filter = (
        ("tenant", AutocompleteSelectFilter),
        ("extension", AutocompleteSelectFilter),
    )
    list_select_related = ("tenant", "extension")
    search_fields = ("key", "name", "tenant__key", "extension__key")
    autocomplete_fields = ("tenant", "extension")
    fields = ("key", "name", "tenant", "extension")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("capabilities")  # type: ignore[no-any-return]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """An install keeps its tenant and extension: grants and developers refer to it."""
        fixed = ("tenant", "extension") if obj else ()
        return (*super().get_readonly_fields(request, obj), *fixed)

    @display(description="has cap:debug.logs", boolean=True)
    def capable(self, install: Install) -> bool:
        return bool(install.capabilities.all())


@admin.register(Membership)
class MembershipAdmin(RecordedAdmin, OperatorAdmin):
    list_display = ("user", "tenant", "role", "created_at")
    list_filter = ("role", ("tenant", AutocompleteSelectFilter))
    list_select_related = ("user", "tenant")
    search_fields = ("user__username", "tenant__key", "tenant__name")
    autocomplete_fields = ("user", "tenant")
    fields = ("user", "tenant", "role")


class DeveloperForm(forms.ModelForm):  # type: ignore[type-arg]
    """Either all installs, or at least one named install of this extension."""

    class Meta:
        model = ExtensionDeveloper
        fields = ("user", "extension", "all_installs", "installs")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        extension, named = cleaned.get("extension"), cleaned.get("installs") or ()
        if foreign := [each.key for each in named if each.extension != extension]:
            self.add_error("installs", f"Not installs of this extension: {', '.join(foreign)}.")
        if cleaned.get("all_installs") and named:
            self.add_error("installs", "Name installs, or say all of them, not both.")
        if not cleaned.get("all_installs") and not named:
            self.add_error("installs", "Name at least one install, or say all of them.")
        return cleaned


@admin.register(ExtensionDeveloper)
class ExtensionDeveloperAdmin(RecordedAdmin, OperatorAdmin):
    form = DeveloperForm
    list_display = ("user", "extension", "scope", "created_at")
    list_filter = (("extension", AutocompleteSelectFilter), "all_installs")
    list_select_related = ("user", "extension")
    search_fields = ("user__username", "extension__key", "installs__key")
    autocomplete_fields = ("user", "extension", "installs")
    fields = ("user", "extension", "all_installs", "installs")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("installs")  # type: ignore[no-any-return]

    @display(description="for")
    def scope(self, developer: ExtensionDeveloper) -> str:
        if developer.all_installs:
            return "all installs"
        return ", ".join(install.key for install in developer.installs.all()) or "no install"
