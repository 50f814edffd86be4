"""The page and the file that say who may have been shown lines of a stream; reading is recorded."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods

from audit import refusal_pages, trail
from audit.export import csv_line, safe_cell
from audit.requesters import actor_of, note_reading
from extdebug.desk.stretch_form import StretchForm, in_words, query_of
from extdebug.sessions.shown_to import Shown, sessions_shown
from extdebug.wire.keys import Target
from policies.desk.recorded_admin import require_operator

MOST_ROWS: Final = 500  # on the page; the file has all
COLUMNS: Final = (
    "session", "person", "transport", "address", "token", "grant", "opened", "closed",
    "how it ended", "certainty", "first line sent", "last line sent", "events shown", "filters",
    "unfiltered", "lines saved", "replay run by",
)  # fmt: skip


@require_http_methods(["GET", "HEAD"])
def shown_view(request: HttpRequest) -> HttpResponse:
    """Sessions that may have been shown lines of the stretch in the address."""
    require_operator(request)
    form = StretchForm(request.GET if "extension" in request.GET else None)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Who was shown it",
        "form": form,
    }
    if not form.is_bound or not form.is_valid():
        return TemplateResponse(
            request, "admin/desk/shown.html", context, status=400 if form.is_bound else 200
        )
    query = query_of(form.target, form.stretch)
    what = f"who was shown it: {query}"
    if (unread := note_reading(request, tenant=form.target.tenant, what=what)) is not None:
        return unread
    found = sessions_shown(form.target, form.stretch)
    context |= {
        "target": form.target,
        "words": in_words(form.stretch),
        "found": found[:MOST_ROWS],
        "total": len(found),
        "people": sorted({each.session.username for each in found}),
        "query": query,
        "may_export": _may_export(request),
    }
    return TemplateResponse(request, "admin/desk/shown.html", context)


@require_http_methods(["POST"])
def export_view(request: HttpRequest) -> HttpResponse:
    """The same as CSV; recorded as an export of the trail, with the same permission."""
    require_operator(request)
    if not _may_export(request):
        raise PermissionDenied
    form = StretchForm(request.POST)
    if not form.is_valid():
        message = " ".join(str(error) for errors in form.errors.values() for error in errors)
        return refusal_pages.answer(title="That cannot be exported", message=message, status=400)
    target, stretch = form.target, form.stretch
    try:
        trail.record(
            trail.Entry(
                trail.Action.AUDIT_EXPORTED,
                actor=actor_of(request),
                tenant=target.tenant,
                extension=target.extension,
                data={
                    "format": "csv",
                    "what": "who was shown it",
                    "first": str(stretch.first),
                    "last": str(stretch.last),
                },
            )
        )
    except trail.AuditError:
        message = "The audit trail cannot record this export just now. Try again in a moment."
        return refusal_pages.answer(title="Not possible right now", message=message, status=503)
    lines = [csv_line(COLUMNS), *(_line(each) for each in sessions_shown(target, stretch))]
    response = HttpResponse("".join(lines), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{_file(target)}"'
    return response


def _may_export(request: HttpRequest) -> bool:
    return bool(request.user.has_perm("audit.export_auditrecord"))


def _file(target: Target) -> str:
    return f"shown-{target.tenant}-{target.extension}.csv"


def _line(shown: Shown) -> str:
    row = shown.session
    saved = [
        f"{at:%Y-%m-%d %H:%M:%S} UTC {data.get('code', '')}"
        + (f", and {data['repeats']} times more" if data.get("repeats") else "")
        for at, data in shown.saved
    ]
    replayed = "" if shown.replayed is None else str(shown.replayed.get("run_by") or row.username)
    cells = (
        row.pk, row.username, row.get_transport_display(), row.ip, row.token_id or "",
        row.grant_id or "", _iso(row.opened_at), _iso(row.closed_at), row.end_in_words,
        shown.certainty, shown.first or "", shown.last or "", row.shown,
        json.dumps(row.filters, ensure_ascii=False), "yes" if shown.everything else "no",
        "; ".join(saved), replayed,
    )  # fmt: skip
    return csv_line([safe_cell(str(cell)) for cell in cells])


def _iso(at: dt.datetime | None) -> str:
    return "" if at is None else at.isoformat()
