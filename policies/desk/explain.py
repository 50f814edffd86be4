"""The "why?" view: pick a person and a target, and see the decision rule by rule."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from policies import access
from policies.desk.recorded_admin import require_operator
from policies.models import Extension, Tenant

SUGGESTED: Final = 500  # names offered while typing; any other can be typed


class WhyForm(forms.Form):
    """Whom and what to decide about: a username or a user's id, and keys."""

    person = forms.CharField(
        max_length=150, widget=forms.TextInput(attrs={"list": "people", "autocomplete": "off"})
    )
    tenant = forms.CharField(
        max_length=64,
        help_text='"unknown", or "-", for the streams without a tenant.',
        widget=forms.TextInput(attrs={"list": "tenants", "autocomplete": "off"}),
    )
    extension = forms.CharField(
        max_length=64, widget=forms.TextInput(attrs={"list": "extensions", "autocomplete": "off"})
    )

    def clean_person(self) -> User:
        name = self.cleaned_data["person"].strip()
        people = get_user_model().objects
        found = people.filter(username=name).first()
        if found is None and name.isdecimal():
            found = people.filter(pk=int(name)).first()
        if found is None:
            raise forms.ValidationError(f"No user named {name!r}.")
        return found


def suggestions() -> dict[str, Any]:
    """The names that forms offer as completions, SUGGESTED of each at most."""
    people = get_user_model().objects.order_by("username").values_list("username", flat=True)
    return {
        "people": people[:SUGGESTED],
        "tenants": Tenant.objects.values_list("key", flat=True)[:SUGGESTED],
        "extensions": Extension.objects.values_list("key", flat=True)[:SUGGESTED],
    }


@require_safe
def why(request: HttpRequest) -> HttpResponse:
    """Show a decision. It is not an opening: caps and rates are not asked, nothing is written."""
    require_operator(request)
    form = WhyForm(request.GET if "person" in request.GET else None)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Why?",
        "form": form,
        **suggestions(),
    }
    if form.is_bound and form.is_valid():
        said = form.cleaned_data
        viewer = access.viewer_of(said["person"], transport="page")
        decision = access.decide(viewer, tenant=said["tenant"], extension=said["extension"]).about(
            said["person"].get_username()
        )
        context |= {
            "decision": decision,
            "decisive": decision.failed.rule if decision.failed else "",
            "person": said["person"],
            "tenant": said["tenant"].lower(),
            "extension": said["extension"].lower(),
            "now": decision.now,
        }
    return TemplateResponse(request, "admin/desk/why.html", context)
