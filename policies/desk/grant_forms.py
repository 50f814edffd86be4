"""The admin's forms for new grants: a request for oneself or another, and break-glass access."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from audit import refusals
from audit.requesters import ip_of, user_of
from policies.desk.explain import suggestions
from policies.desk.recorded_admin import require_operator
from policies.grants import notifications, verbs
from policies.identity import operators, second_factor
from policies.loading import facts
from policies.models import Install
from policies.models.rules import MAX_BREAK_GLASS_MINUTES, MAX_GRANT_MINUTES


def _listed(name: str) -> forms.TextInput:
    return forms.TextInput(attrs={"list": name, "autocomplete": "off"})


class BreakGlassForm(forms.Form):
    """Break-glass access: the operator's own grant without approval."""

    tenant = forms.CharField(max_length=64, widget=_listed("tenants"))
    extension = forms.CharField(max_length=64, widget=_listed("extensions"))
    installs = forms.CharField(
        required=False,
        help_text="Install ids, separated by commas. Empty: all of them.",
        widget=_listed("installs"),
    )
    minutes = forms.IntegerField(min_value=1, help_text="As few as will do.")
    reason = forms.CharField(
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Other operators read it.",
    )
    ticket = forms.CharField(max_length=100, required=False)

    def __init__(self, *args: Any, longest: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        minutes: Any = self.fields["minutes"]
        minutes.widget.attrs["max"] = longest
        minutes.initial = min(30, longest)
        minutes.help_text = f"At most {longest}, counted from activation."

    def asked(self) -> dict[str, Any]:
        """The verb's arguments; whether they are acceptable is the verb's decision."""
        said = self.cleaned_data
        named = [key.strip() for key in said["installs"].split(",") if key.strip()]
        return {
            "tenant": said["tenant"],
            "extension": said["extension"],
            "installs": named or None,
            "minutes": said["minutes"],
            "reason": said["reason"],
            "ticket": said["ticket"],
        }


class RequestForm(BreakGlassForm):
    """A request that another operator decides on."""

    beneficiary = forms.CharField(
        label="For", max_length=150, widget=_listed("people"), help_text="Who may watch."
    )
    starts_after = forms.DateTimeField(
        label="Not before",
        required=False,
        help_text="UTC. Empty: as soon as it is approved.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    field_order = ("beneficiary", "tenant", "extension", "installs", "minutes", "starts_after")

    def clean_beneficiary(self) -> User:
        name = self.cleaned_data["beneficiary"].strip()
        found = get_user_model().objects.filter(username=name).first()
        if found is None:
            raise forms.ValidationError(f"No user named {name!r}.")
        return found

    def asked(self) -> dict[str, Any]:
        starts: dt.datetime | None = self.cleaned_data["starts_after"]
        more = {"beneficiary": self.cleaned_data["beneficiary"], "starts_after": starts}
        return {**super().asked(), **more}


def alerts_nobody(user: User) -> str:
    """Why break-glass access by this person would be refused for want of an alarm; "" if not."""
    others = operators.judges().exclude(pk=user.pk)
    return "" if notifications.reach(others) else notifications.NOBODY_IS_TOLD


@require_http_methods(["GET", "HEAD", "POST"])
def break_glass(request: HttpRequest) -> HttpResponse:
    """GET shows the form, POST gives the break-glass grant."""
    rules = facts.environment_rules()
    longest = min(rules.break_glass_minutes, MAX_BREAK_GLASS_MINUTES) if rules else 1
    return _ask(request, BreakGlassForm, longest=longest, glass=True)


@require_http_methods(["GET", "HEAD", "POST"])
def request_grant(request: HttpRequest) -> HttpResponse:
    """GET shows the form, POST makes the request."""
    rules = facts.environment_rules()
    longest = min(rules.max_grant_minutes, MAX_GRANT_MINUTES) if rules else 1
    return _ask(request, RequestForm, longest=longest, glass=False)


def _ask(
    request: HttpRequest, kind: type[BreakGlassForm], *, longest: int, glass: bool
) -> HttpResponse:
    require_operator(request)
    posted = request.method == "POST"
    if glass and not posted and second_factor.why_not(user_of(request)):
        return redirect(second_factor.confirm_address(request.get_full_path()))
    form = kind(request.POST if posted else None, initial=request.GET.dict(), longest=longest)
    status = 400 if posted else 200
    if posted and form.is_valid():
        verb = verbs.break_glass if glass else verbs.request
        try:
            grant = verb(user_of(request), **form.asked(), ip=ip_of(request))
        except verbs.GrantConflict as error:
            form.add_error(None, str(error))
            status = 409
        except verbs.GrantError as error:
            refusals.told(request)
            form.add_error(None, str(error))
            status = 403
        else:
            said = "was opened by break-glass access" if glass else "waits for approval"
            messages.success(request, f"{grant.label} {said}.")
            return redirect(reverse("admin:policies_grant_change", args=[grant.pk]))
    context = {
        **admin.site.each_context(request),
        **suggestions(),
        "title": "Use break-glass access" if glass else "Request a grant",
        "form": form,
        "glass": glass,
        "alerts_nobody": glass and alerts_nobody(user_of(request)),
        "installs": Install.objects.values_list("key", flat=True)[:500],
    }
    return TemplateResponse(request, "admin/desk/ask.html", context, status=status)
