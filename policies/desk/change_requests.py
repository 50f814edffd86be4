"""Admin of changes that need a second person: the list, one request's page, and the answers."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from audit import queries
from audit.read_only import ReadOnlyMixin
from audit.requesters import ip_of, note_reading, user_of
from policies.changes import requests
from policies.changes.second_person import ChangeRefused
from policies.database import clock
from policies.desk.recorded_admin import OperatorAdmin, require_operator
from policies.identity import people, second_factor
from policies.models import ChangeRequest

COLOURS = {
    "requested": "warning", "applied": "success", "denied": "danger", "withdrawn": "default",
    "lapsed": "default",
}  # fmt: skip
HISTORY_ROWS = 50


@admin.register(ChangeRequest)
class ChangeRequestAdmin(ReadOnlyMixin, OperatorAdmin):
    """Requests are not edited: they change through their verbs alone."""

    list_display = ("label", "shown_state", "summary", "requester", "requested_at", "decided_by")
    list_display_links = ("label",)
    list_filter = ("state", ("requester", AutocompleteSelectFilter))
    list_select_related = ("requester", "decided_by")
    search_fields = ("=id", "summary", "reason", "requester__username")

    @display(description="change", ordering="id")
    def label(self, change: ChangeRequest) -> str:
        return change.label

    @display(description="state", label=COLOURS, ordering="state")
    def shown_state(self, change: ChangeRequest) -> tuple[str, str]:
        return change.state, change.get_state_display()

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.answer)
        own = [
            path(f"<int:pk>/{verb}/", view, {"verb": verb}, name=f"policies_changerequest_{verb}")
            for verb in ("approve", "deny", "withdraw")
        ]
        return [*own, *super().get_urls()]

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """What is asked for, why and by whom, with a form for each answer open to this operator."""
        require_operator(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        change: ChangeRequest = self.get_object(request, str(object_id))
        return self._page(request, change)

    def answer(self, request: HttpRequest, pk: int, verb: str) -> HttpResponse:
        """POST approves (and makes the change), denies or withdraws."""
        require_operator(request)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        change: ChangeRequest = self.get_object(request, str(pk))
        by, ip, said = user_of(request), ip_of(request), request.POST.get("comment", "")
        try:
            if verb == "approve":
                requests.approve(change.pk, by=by, comment=said, ip=ip)
            elif verb == "deny":
                requests.deny(change.pk, by=by, reason=said, ip=ip)
            else:
                requests.withdraw(change.pk, by=by, ip=ip)
        except requests.ChangeConflict as refused:
            return self._page(request, change, refused=str(refused), status=409)
        except ChangeRefused as refused:
            return self._page(request, change, refused=str(refused), status=403)
        done = {"approve": "approved and made", "deny": "denied", "withdraw": "withdrawn"}[verb]
        messages.success(request, f"{change.label} was {done}.")
        return redirect("admin:policies_changerequest_change", change.pk)

    def _page(
        self, request: HttpRequest, change: ChangeRequest, *, refused: str = "", status: int = 200
    ) -> HttpResponse:
        if (unread := note_reading(request, "changerequest", change.pk)) is not None:
            return unread
        change.refresh_from_db()
        pending = change.state == ChangeRequest.State.REQUESTED
        lapsed = pending and change.lapses_at <= clock.now()
        context = {
            **self.admin_site.each_context(request),
            "title": f"{change.label}: {change.summary}",
            "change": change,
            "colour": COLOURS[change.state],
            "now": clock.now(),
            "people": people.names(change.subjects),
            "refused": refused,
            "lapsed": lapsed,
            "why_not": requests.why_not(change, user_of(request)) if pending else "",
            "confirm": second_factor.confirm_address(
                reverse("admin:policies_changerequest_change", args=[change.pk])
            )
            if second_factor.why_not(user_of(request))
            else "",
            "mine": pending and not lapsed and change.requester_id == request.user.pk,
            "rows": queries.about("changerequest", change.pk)[:HISTORY_ROWS],
        }
        return TemplateResponse(request, "admin/desk/change_request.html", context, status=status)
