"""Admin of the rules that decisions ask: capabilities, environments, modes, locks, limits."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from audit.requesters import ip_of, user_of
from policies import consent
from policies.database import clock
from policies.desk.recorded_admin import OperatorAdmin, RecordedAdmin
from policies.grants import notifications
from policies.identity import operators
from policies.models import (
    Capability,
    Consent,
    EnvironmentPolicy,
    Limits,
    Lock,
    ProductionMode,
)

SCOPE_FILTERS = (("tenant", AutocompleteSelectFilter), ("extension", AutocompleteSelectFilter))


class RuleAdmin(RecordedAdmin, OperatorAdmin):
    """A rule: changes are recorded, and confirmed first when live sessions would end."""

    @display(description="tenant", ordering="tenant__key")
    def of_tenant(self, rule: Any) -> str:
        return str(rule.tenant or "any")

    @display(description="extension", ordering="extension__key")
    def of_extension(self, rule: Any) -> str:
        return str(rule.extension or "any")


@admin.register(Capability)
class CapabilityAdmin(RuleAdmin):
    list_display = ("name", "extension", "held_by", "created_at")
    list_display_links = ("name", "extension")
    list_filter = (
        ("extension", AutocompleteSelectFilter),
        ("install", AutocompleteSelectFilter),
        ("install", admin.EmptyFieldListFilter),
    )
    list_select_related = ("extension", "install")
    search_fields = ("extension__key", "install__key", "install__tenant__key")
    autocomplete_fields = ("extension", "install")
    fields = ("name", "extension", "install")

    @display(description="held by", ordering="install__key")
    def held_by(self, capability: Capability) -> str:
        return str(capability.install or "the extension declares it")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A capability is added or deleted, never moved to another owner."""
        return False


class ConsentEntry(forms.ModelForm):  # type: ignore[type-arg]
    """Consent that an operator enters on a tenant's behalf."""

    evidence = forms.CharField(
        max_length=consent.MAX_NOTE,
        help_text="Where the tenant's consent can be read: a letter, a contract, a ticket.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )

    class Meta:
        model = Consent
        fields = ("tenant", "extension", "expires_at")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if (tenant := cleaned.get("tenant")) is not None:
            try:
                consent.require_not_withdrawn(tenant, cleaned.get("extension"))
            except consent.ConsentRefused as refused:
                raise forms.ValidationError(str(refused)) from refused
        return cleaned

    def _post_clean(self) -> None:
        """An earlier answer for the same scope is replaced: the row as such is not validated."""


@admin.register(Consent)
class ConsentAdmin(RecordedAdmin, OperatorAdmin):
    """Consents: the tenant's own admins change them at /tenant/<key>/.

    An operator can enter one on the tenant's behalf, with its evidence; never change or delete one.
    """

    form = ConsentEntry
    fields = ("tenant", "extension", "expires_at", "evidence")
    autocomplete_fields = ("tenant", "extension")

    list_display = ("tenant", "of_extension", "word", "expires_at", "decided_by", "decided_at")
    list_filter = ("state", *SCOPE_FILTERS)
    list_select_related = ("tenant", "extension", "decided_by")
    search_fields = ("tenant__key", "extension__key", "note")

    @display(description="extension", ordering="extension__key")
    def of_extension(self, consent: Consent) -> str:
        return str(consent.extension or "any")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = ("tenant", "extension", "state", "expires_at", "decided_by", "decided_at", "note")
        return shown if obj else self.fields

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        said = form.cleaned_data
        form.instance.pk = consent.enter(
            said["tenant"],
            by=user_of(request),
            evidence=said["evidence"],
            extension=said["extension"],
            expires_at=said["expires_at"],
            ip=ip_of(request),
        ).pk

    @display(description="decision", label={"given": "success", "withdrawn": "danger"})
    def word(self, consent: Consent) -> tuple[str, str]:
        return consent.state, consent.get_state_display()


@admin.register(EnvironmentPolicy)
class EnvironmentPolicyAdmin(RuleAdmin):
    list_display = (
        "environment", "enabled", "grant_required", "consent_required", "approvals_required",
        "max_grant_minutes", "pending_minutes", "break_glass",
    )  # fmt: skip
    fieldsets = (
        (None, {"fields": ("environment", "enabled")}),
        (
            "Who may watch",
            {"fields": ("grant_required", "consent_required")},
        ),
        (
            "Grants",
            {"fields": ("approvals_required", "max_grant_minutes", "pending_minutes")},
        ),
        ("Break-glass access", {"fields": ("break_glass", "break_glass_minutes", "alarm")}),
    )

    @display(description="Who is alerted")
    def alarm(self, policy: EnvironmentPolicy) -> str:
        """Said where break-glass access is set: an alarm that nobody hears refuses it."""
        if not notifications.reach(operators.judges()):
            return notifications.NOBODY_IS_TOLD
        return "Every other operator with an e-mail address, and the webhook if there is one."

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("environment", "alarm") if obj else ("alarm",)


@admin.register(ProductionMode)
class ProductionModeAdmin(RuleAdmin):
    list_display = ("of_tenant", "of_extension", "shown_mode", "note")
    list_display_links = ("of_tenant", "of_extension")
    list_filter = ("mode", *SCOPE_FILTERS)
    list_select_related = ("tenant", "extension")
    search_fields = ("tenant__key", "extension__key", "note")
    autocomplete_fields = ("tenant", "extension")
    fields = ("tenant", "extension", "mode", "note")

    @display(description="mode", label={"grant": "info", "off": "danger"}, ordering="mode")
    def shown_mode(self, mode: ProductionMode) -> tuple[str, str]:
        return mode.mode, mode.get_mode_display()


class LiveFilter(admin.SimpleListFilter):
    """Locks in force, or expired ones."""

    title = "in force"
    parameter_name = "live"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "in force"), ("no", "expired")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        expired = Q(expires_at__lte=clock.ClockNow())
        return queryset.exclude(expired) if self.value() == "yes" else queryset.filter(expired)


@admin.register(Lock)
class LockAdmin(RuleAdmin):
    list_display = ("on", "reason", "shown_state", "expires_at", "created_by", "created_at")
    list_filter = (LiveFilter, ("user", AutocompleteSelectFilter), *SCOPE_FILTERS)
    list_select_related = ("user", "tenant", "extension", "created_by")
    search_fields = ("user__username", "tenant__key", "extension__key", "reason")
    autocomplete_fields = ("user", "tenant", "extension")
    fieldsets = (
        (
            None,
            {
                "fields": ("user", "tenant", "extension", "reason", "expires_at"),
                "description": "Name one person, one tenant or one extension. A lock ends what is"
                " live at once; delete it to lift it.",
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        timed: QuerySet[Any] = rows.annotate(now=clock.ClockNow())  # one reading for all of them
        return timed

    @display(description="on")
    def on(self, lock: Lock) -> str:
        kind = "person" if lock.user_id else "tenant" if lock.tenant_id else "extension"
        return f"{kind} {lock.user or lock.tenant or lock.extension}"

    @display(description="state", label={"in force": "danger", "expired": "default"})
    def shown_state(self, lock: Any) -> str:
        over = lock.expires_at is not None and lock.expires_at <= lock.now
        return "expired" if over else "in force"

    def store(self, request: HttpRequest, obj: Any, form: Any) -> None:
        if obj.pk is None:
            obj.created_by = request.user
        super().store(request, obj, form)


@admin.register(Limits)
class LimitsAdmin(RuleAdmin):
    list_display = (
        "of_tenant", "of_extension", "sessions_per_user", "openings_per_minute",
        "events_per_second", "bytes_per_second", "length", "longest",
    )  # fmt: skip
    list_display_links = ("of_tenant", "of_extension")
    list_filter = SCOPE_FILTERS
    list_select_related = ("tenant", "extension")
    search_fields = ("tenant__key", "extension__key")
    autocomplete_fields = ("tenant", "extension")
    fieldsets = (
        (
            None,
            {
                "fields": ("tenant", "extension"),
                "description": "Without tenant and extension: the defaults for everything. An empty"
                " field inherits.",
            },
        ),
        (
            "Sessions",
            {
                "fields": (
                    "sessions_per_user", "sessions_per_tenant", "sessions_per_extension",
                    "openings_per_minute", "ttl_seconds", "max_ttl_seconds",
                )
            },
        ),
        (
            "Per session",
            {"fields": ("events_per_second", "bytes_per_second", "window_bytes", "ring_bytes")},
        ),
    )  # fmt: skip

    @display(description="session length (s)", ordering="ttl_seconds")
    def length(self, limits: Limits) -> int | None:
        return limits.ttl_seconds

    @display(description="with extensions (s)", ordering="max_ttl_seconds")
    def longest(self, limits: Limits) -> int | None:
        return limits.max_ttl_seconds
