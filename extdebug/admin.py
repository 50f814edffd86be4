"""Live and past sessions and the console's processes at the operator's desk."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.decorators import display

from audit import queries, refusals
from audit.read_only import ReadOnlyMixin
from audit.requesters import actor_of, note_reading
from extdebug import dashboard
from extdebug.desk.purge import purge_view
from extdebug.desk.shown import export_view, shown_view
from extdebug.models import DebugSession, Process
from extdebug.sessions import gap_words, heartbeats, store, used_filters
from policies.desk.recorded_admin import OperatorAdmin, require_operator
from policies.identity import locks


class OpenFilter(admin.SimpleListFilter):
    """Live sessions, or closed ones."""

    title = "now"
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "live"), ("no", "ended")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        return queryset.filter(closed_at__isnull=self.value() == "yes")


@admin.register(DebugSession)
class DebugSessionAdmin(ReadOnlyMixin, OperatorAdmin):
    """Live and past sessions. Ending one needs a POST from a confirmation page."""

    list_display = (
        "person", "target", "state", "opened", "transport", "address", "grant", "shown", "lost_now",
        "why",
    )  # fmt: skip
    list_filter = (
        OpenFilter,
        "transport",
        "environment",
        ("tenant", admin.AllValuesFieldListFilter),
        ("extension", admin.AllValuesFieldListFilter),
        ("user", AutocompleteSelectFilter),
        "close_code",
        ("opened_at", RangeDateTimeFilter),
    )
    search_fields = ("=id", "username", "tenant", "extension", "ip", "close_reason", "process")
    search_help_text = "Person, tenant, extension, address, process or why it ended"
    list_select_related = ("grant",)
    actions = ("end_selected",)

    @display(description="person", ordering="username")
    def person(self, session: DebugSession) -> str:
        return session.username

    @display(description="opened", ordering="opened_at")
    def opened(self, session: DebugSession) -> dt.datetime:
        return session.opened_at

    @display(description="address", ordering="ip")
    def address(self, session: DebugSession) -> str:
        return session.ip

    @display(description="watches", ordering="tenant")
    def target(self, session: DebugSession) -> str:
        return f"{session.tenant} / {session.extension}"

    @display(
        description="state",
        label={"live": "success", "ending": "warning", "lost": "warning", "ended": "default"},
        ordering="closed_at",
    )
    def state(self, session: DebugSession) -> tuple[str, str]:
        if session.closed_at is not None:
            return "ended", "ended"
        if session.end_requested_at is not None:
            return "ending", "ending"
        return ("lost", "connection lost") if session.detached_at else ("live", "live")

    @display(description="how it ended")
    def why(self, session: DebugSession) -> str:
        return session.end_in_words

    @display(description="lost")
    def lost_now(self, session: DebugSession) -> int:
        return session.lost_total

    @admin.action(description="End…", permissions=["view"])
    def end_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Ask once for all, then end each session that is still live."""
        rows = list(queryset)
        if "confirmed" in request.POST:
            for row in rows:
                self._end(request, row)
            return None
        context = {
            "able": [row for row in rows if not row.closed_at and not row.end_requested_at],
            "unable": [row for row in rows if row.closed_at or row.end_requested_at],
            "action": request.POST.get("action", ""),
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return self._ask(request, context)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.end_view)
        return [
            path("<uuid:session_id>/end/", view, name="extdebug_debugsession_end"),
            *super().get_urls(),
        ]

    def end_view(self, request: HttpRequest, session_id: Any) -> HttpResponse:
        """GET shows the confirmation, POST ends the session; 409 when it is over already."""
        require_operator(request)
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "POST"])
        row: DebugSession = self.get_object(request, str(session_id))
        over = row.closed_at is not None or row.end_requested_at is not None
        if request.method == "POST" and not over:
            self._end(request, row)
            home = reverse("admin:extdebug_debugsession_change", args=[row.pk])
            desk_asked = request.GET.get("back") == "desk"
            return redirect(reverse("admin:index") if desk_asked else home)
        context = {"able": [] if over else [row], "unable": [row] if over else []}
        return self._ask(request, context, status=409 if over else 200)

    def _end(self, request: HttpRequest, row: DebugSession) -> None:
        actor = actor_of(request)
        if locks.lock_on(request.user.pk) is not None:
            refusals.refused(request, "the account is locked")
            messages.error(request, "Your account is locked: you end no session.")
        elif store.end(row.pk, actor=actor):
            messages.success(request, f"The session of {row} is being ended.")
        else:
            messages.warning(request, f"The session of {row} was over already.")

    def _ask(
        self, request: HttpRequest, context: dict[str, Any], *, status: int = 200
    ) -> HttpResponse:
        shown = {**self.admin_site.each_context(request), "title": "End sessions", **context}
        return TemplateResponse(request, "admin/desk/end.html", shown, status=status)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """One session's page: counts, filters, how it ended, and its rows in the trail."""
        require_operator(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        row: DebugSession = self.get_object(request, str(object_id))
        if (unread := note_reading(request, "session", row.pk, tenant=row.tenant)) is not None:
            return unread
        context = {
            **self.admin_site.each_context(request),
            "title": f"Session of {row}",
            "session": row,
            "filters": [used_filters.in_words(each) for each in row.filters],
            "lost": gap_words.in_words(row.lost),
            "rows": queries.about("session", row.pk),
        }
        return TemplateResponse(request, "admin/desk/session.html", context)


@admin.register(Process)
class ProcessAdmin(ReadOnlyMixin, OperatorAdmin):
    """The console's processes, and what each says about the streams it reads."""

    list_display = ("name", "host", "number", "well", "started", "beat", "watching")
    list_filter = ("host",)
    search_fields = ("name", "host")
    list_before_template = "admin/desk/streams.html"
    fields = ("name", "host", "number", "server", "started", "beat", "said")
    readonly_fields = fields

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("purge/", wrap(purge_view), name="extdebug_stream_purge"),
            path("shown/", wrap(shown_view), name="extdebug_stream_shown"),
            path("shown/export/", wrap(export_view), name="extdebug_stream_shown_export"),
            *super().get_urls(),
        ]

    @display(description="state", label={"OK": "success", "no heartbeat": "danger"})
    def well(self, process: Process) -> str:
        return "no heartbeat" if heartbeats.is_silent(process) else "OK"

    @display(description="process id", ordering="pid")
    def number(self, process: Process) -> str:
        return str(process.pid)

    @display(description="started", ordering="started_at")
    def started(self, process: Process) -> dt.datetime:
        return process.started_at

    @display(description="last heartbeat", ordering="beat_at")
    def beat(self, process: Process) -> dt.datetime:
        return process.beat_at

    @display(description="sessions")
    def watching(self, process: Process) -> Any:
        return process.health.get("sessions", 0)

    @display(description="health")
    def said(self, process: Process) -> str:
        text = json.dumps(process.health, indent=2, ensure_ascii=False, sort_keys=True)
        return format_html('<pre class="whitespace-pre-wrap">{}</pre>', text)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        answer: HttpResponse = super().changelist_view(
            request, {**(extra_context or {}), **dashboard.streams()}
        )
        return answer

    @property
    def media(self) -> forms.Media:
        own = forms.Media(css={"all": ["policies/desk.css"]})
        media: forms.Media = own + super().media
        return media
