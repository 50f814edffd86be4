"""Admin of access tokens: issued for oneself, shown once, revoked by owner or operator."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from audit import refusals
from audit.requesters import ip_of, user_of
from policies.database import clock
from policies.desk import affected_sessions
from policies.desk.recorded_admin import OperatorAdmin, require_operator
from policies.identity import tokens
from policies.models import AccessToken, Extension, Tenant


class IssueForm(forms.Form):
    """A new token of the person who asks; a tenant, an extension or both are its scope."""

    name = forms.CharField(max_length=100, help_text="Where it is used.")
    tenant = forms.ModelChoiceField(
        Tenant.objects.all(), required=False, empty_label="any tenant", to_field_name="key"
    )
    extension = forms.ModelChoiceField(
        Extension.objects.all(), required=False, empty_label="any extension", to_field_name="key"
    )
    days = forms.IntegerField(
        min_value=1, max_value=tokens.LONGEST.days, initial=30, help_text="How long it lives."
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not cleaned.get("tenant") and not cleaned.get("extension"):
            raise forms.ValidationError("A token needs a scope: a tenant, an extension or both.")
        return cleaned

    def issue(self, owner: User, *, ip: str) -> tokens.Issued:
        """Issue the token; TokenRefused when the verb refuses it."""
        said = self.cleaned_data
        return tokens.issue(
            owner,
            name=said["name"],
            tenant=said["tenant"],
            extension=said["extension"],
            lifetime=dt.timedelta(days=said["days"]),
            ip=ip,
        )


class StandingFilter(admin.SimpleListFilter):
    """Tokens by state: valid, revoked or expired."""

    title = "state"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("valid", "valid"), ("revoked", "revoked"), ("expired", "expired")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "valid":
            return queryset.filter(revoked_at=None, expires_at__gt=clock.ClockNow())
        if self.value() == "revoked":
            return queryset.exclude(revoked_at=None)
        if self.value() == "expired":
            return queryset.filter(revoked_at=None, expires_at__lte=clock.ClockNow())
        return queryset


@admin.register(AccessToken)
class AccessTokenAdmin(OperatorAdmin):
    subject_type = "access_token"
    list_display = (
        "name", "owner", "scope", "standing", "expires_at", "last_used_at", "last_used_from",
    )  # fmt: skip
    list_filter = (
        StandingFilter,
        ("owner", AutocompleteSelectFilter),
        ("tenant", AutocompleteSelectFilter),
        ("extension", AutocompleteSelectFilter),
    )
    list_select_related = ("owner", "tenant", "extension")
    search_fields = ("name", "owner__username", "hint")
    actions = ("revoke_selected",)
    fields = (
        "name", "owner", "hint", "tenant", "extension", "created_at", "expires_at", "revoked_at",
        "last_used_at", "last_used_from",
    )  # fmt: skip
    readonly_fields = ("last_used_from",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        timed: QuerySet[Any] = rows.annotate(now=clock.ClockNow())  # one reading for all of them
        return timed

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tokens are revoked and kept, because the trail refers to them."""
        return False

    @display(description="last used from", ordering="last_used_ip")
    def last_used_from(self, token: AccessToken) -> str | None:
        return token.last_used_ip

    @display(description="scope")
    def scope(self, token: AccessToken) -> str:
        return f"{token.tenant or 'any'} / {token.extension or 'any'}"

    @display(
        description="state", label={"valid": "success", "revoked": "danger", "expired": "default"}
    )
    def standing(self, token: Any) -> str:
        if token.revoked_at is not None:
            return "revoked"
        return "valid" if token.expires_at > token.now else "expired"

    @admin.action(description="Revoke…", permissions=["view"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Ask once for all, then revoke each token that is not revoked."""
        rows = list(queryset.select_related("owner"))
        if "confirmed" not in request.POST:
            return self._ask(request, rows)
        for token in rows:
            self._revoke(request, token)
        return None

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.revoke)
        return [
            path("<int:token_id>/revoke/", view, name="policies_accesstoken_revoke"),
            *super().get_urls(),
        ]

    def revoke(self, request: HttpRequest, token_id: int) -> HttpResponse:
        """GET shows the confirmation, POST revokes the token."""
        require_operator(request)
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "POST"])
        token: AccessToken = self.get_object(request, str(token_id))
        if request.method == "POST":
            self._revoke(request, token)
            return redirect(reverse("admin:policies_accesstoken_changelist"))
        return self._ask(request, [token])

    def _ask(self, request: HttpRequest, rows: list[AccessToken]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Revoke access tokens",
            "able": [token for token in rows if token.revoked_at is None],
            "cut": affected_sessions.Cut(
                tuple(affected_sessions.open_sessions().filter(token_id__in=[t.pk for t in rows]))
            ),
            "action": request.POST.get("action", ""),
        }
        return TemplateResponse(request, "admin/desk/revoke_tokens.html", context)

    def _revoke(self, request: HttpRequest, token: AccessToken) -> None:
        reason = request.POST.get("reason", "").strip()
        try:
            tokens.revoke(token, by=user_of(request), reason=reason, ip=ip_of(request))
        except tokens.TokenRefused as error:
            refusals.refused(request, f"{token}: {error}")
            messages.error(request, f"{token}: {error}")
        else:
            messages.success(request, f"{token} was revoked.")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Issue a token for oneself; its text is shown in this answer only."""
        require_operator(request)
        if not self.has_add_permission(request):
            return HttpResponse(status=403)
        form = IssueForm(request.POST or None)
        issued: tokens.Issued | None = None
        if request.method == "POST" and form.is_valid():
            try:
                issued = form.issue(user_of(request), ip=ip_of(request))
            except tokens.TokenRefused as error:
                refusals.refused(request, str(error))
                form.add_error(None, str(error))
        context = {
            **self.admin_site.each_context(request),
            "title": "A new access token",
            "form": form,
            "issued": issued,
        }
        return TemplateResponse(request, "admin/desk/issue_token.html", context)
