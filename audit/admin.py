"""The audit trail in the admin: read-only, and whoever reads or exports it is recorded."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from typing import IO, Any, Final

from asgiref.sync import sync_to_async
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from unfold.admin import ModelAdmin

from audit import refusal_pages, trail, trail_state
from audit.desk_lists import DeskListMixin
from audit.list_choices import PresentValues
from audit.models import AuditRecord, Checkpoint, Outbox
from audit.read_only import ReadOnlyMixin
from audit.requesters import actor_of, note_reading
from audit.trail_list import TrailList, TrailPaginator

# A full verification runs inside one request: about 0.2 ms a row.
MAX_VERIFIED_AT_ONCE: Final = 20_000
_ROOMY: Final = '<span title="{}" style="display: block; min-width: 11rem">{}</span>'
_SPOOL_BYTES: Final = 4 * 1024 * 1024
_CHUNK_BYTES: Final = 64 * 1024


class TrailAdmin(DeskListMixin, ReadOnlyMixin, ModelAdmin):
    """A table of the trail: shown, never written."""

    actions = None
    compressed_fields = True


@admin.register(AuditRecord)
class AuditRecordAdmin(TrailAdmin):
    list_display = ("seq", "when", "action", "who", "target", "about", "why", "whole")
    list_display_links = ("seq", "action")
    list_filter = (
        ("action", PresentValues),
        ("actor_kind", PresentValues),
        ("at", admin.DateFieldListFilter),
        ("tenant", PresentValues),
        ("extension", PresentValues),
    )
    list_filter_submit = False
    search_fields = (
        "=seq", "action", "actor_name", "=actor_id", "ip", "tenant", "extension", "=subject_id",
        "reason", "=hash",
    )  # fmt: skip
    search_help_text = "Number, action, person, address, tenant, extension, subject id or reason"
    date_hierarchy = "at"
    ordering = ("-seq",)
    list_per_page = 50
    list_before_template = "admin/audit/verification.html"
    fields = (
        "seq", "when", "action", "who", "ip", "target", "subject", "reasoned", "said", "chained",
        "prev", "hash",
    )  # fmt: skip
    readonly_fields = fields

    @admin.display(description="when (UTC)", ordering="at")
    def when(self, record: AuditRecord) -> str:
        return record.at.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]

    @admin.display(description="who", ordering="actor_name")
    def who(self, record: AuditRecord) -> str:
        named = record.actor_name or record.actor_id or record.actor_kind
        return f"{named} (by token)" if record.actor_kind == trail.ActorKind.TOKEN else named

    @admin.display(description="target", ordering="tenant")
    def target(self, record: AuditRecord) -> str:
        parts = [(part,) for part in (record.tenant, record.extension) if part]
        return format_html_join(" / ", '<span class="whitespace-nowrap">{}</span>', parts)

    @admin.display(description="about")
    def about(self, record: AuditRecord) -> str:
        """In words; what the trail calls it, and its whole id, behind them."""
        words, exact = record.subject_in_words, f"{record.subject_type} {record.subject_id}"
        return format_html(_ROOMY, exact.strip(), _cut(words, 60))

    @admin.display(description="about")
    def subject(self, record: AuditRecord) -> str:
        words, exact = record.subject_in_words, f"{record.subject_type} {record.subject_id}"
        if not words or words == exact.strip():
            return words
        return format_html("{} <code>{}</code>", words, exact.strip())

    @admin.display(description="reason")
    def why(self, record: AuditRecord) -> str:
        repeats = record.data.get("repeats")
        more = f" (+{repeats} more in that minute)" if repeats else ""
        return format_html(
            '<span title="{}">{}{}</span>', record.behind, _cut(record.why, 80), more
        )

    @admin.display(description="reason")
    def reasoned(self, record: AuditRecord) -> str:
        if not record.behind:
            return record.why
        return format_html("{} <code>{}</code>", record.why, record.behind)

    @admin.display(description="hash OK", boolean=True)
    def whole(self, record: AuditRecord) -> bool:
        return trail.matches(record)

    @admin.display(description="details")
    def said(self, record: AuditRecord) -> str:
        text = json.dumps(record.data, indent=2, ensure_ascii=False, sort_keys=True)
        return format_html('<pre class="whitespace-pre-wrap">{}</pre>', text)

    @admin.display(description="in the chain", boolean=True)
    def chained(self, record: AuditRecord) -> bool:
        return trail.matches(record) and trail.is_linked(record)

    def get_urls(self) -> list[Any]:
        own = [
            path("verify/", self.admin_site.admin_view(self.verify), name="audit_verify"),
            path("export/", self.admin_site.admin_view(self.export), name="audit_export"),
        ]
        usual: list[Any] = super().get_urls()
        return own + usual

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        def show() -> HttpResponse:
            context = {**(extra_context or {}), **self.state(request)}
            page: HttpResponse = super(AuditRecordAdmin, self).changelist_view(request, context)
            return page

        return self._recorded(request, show)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        def show() -> HttpResponse:
            page: HttpResponse = super(AuditRecordAdmin, self).changeform_view(
                request, object_id, *args, **kwargs
            )
            return page

        return self._recorded(request, show)

    def _recorded(self, request: HttpRequest, show: Callable[[], HttpResponse]) -> HttpResponse:
        """The page once its reading is recorded; 503 instead of it when that cannot be."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if (unread := note_reading(request, what=request.get_full_path())) is not None:
            return unread
        return show()

    def state(self, request: HttpRequest) -> dict[str, Any]:
        """The figures above the list: rows, last checkpoint, last verification, rows that wait."""
        return {"trail": trail_state.of_page(request), "may_export": self.may_export(request)}

    def get_paginator(self, request: HttpRequest, *args: Any, **kwargs: Any) -> TrailPaginator:
        pages = TrailPaginator(*args, **kwargs)
        pages.rows = trail_state.of_page(request).rows
        return pages

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[TrailList]:
        return TrailList

    def may_export(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("audit.export_auditrecord"))

    def verify(self, request: HttpRequest) -> HttpResponse:
        """POST: verify the trail now and record the result."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        last = AuditRecord.objects.order_by("-seq").first()
        partly = last is not None and last.seq > MAX_VERIFIED_AT_ONCE
        report = trail.verify(since_checkpoint=partly)
        verdict = {
            "ok": report.ok,
            "rows": report.rows,
            "head": report.head_seq,
            "provenTo": report.proven_to,
            "sinceCheckpoint": partly,
            "findings": [str(finding) for finding in report.findings[:20]],
        }
        actor = actor_of(request)
        trail.record(trail.Entry(trail.Action.AUDIT_VERIFIED, actor=actor, data=verdict))
        scope = "since the last checkpoint" if partly else "from the first one on"
        if report.ok:
            messages.success(request, f"Integrity verified: {report.rows} rows read, {scope}.")
        else:
            messages.error(
                request,
                f"Verification FAILED: {len(report.findings)} findings, the first is"
                f" {report.findings[0]}. Keep this database as it is and run verify_audit.",
            )
        return redirect(reverse("admin:audit_auditrecord_changelist"))

    def export(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """POST: the trail, or one tenant's rows, as a file."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not (self.has_view_permission(request) and self.may_export(request)):
            raise PermissionDenied
        try:
            shape = trail.Format(request.POST.get("format", "jsonl"))
            tenant = request.POST.get("tenant", "").strip()
            selection = trail.ExportSelection(
                tenants=frozenset({tenant}) if tenant else None,
                since=_day(request.POST.get("since", "")),
                until=_day(request.POST.get("until", ""), days=1),
            )
        except ValueError as error:
            title = "That cannot be exported"
            return refusal_pages.answer(title=title, message=str(error), status=400)
        spool: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115
        for line in trail.export(selection, format=shape, actor=actor_of(request)):
            spool.write(line.encode())
        spool.seek(0)
        mime = "text/csv" if shape is trail.Format.CSV else "application/jsonl"
        response = StreamingHttpResponse(
            _later(spool) if isinstance(request, ASGIRequest) else _now(spool),
            content_type=f"{mime}; charset=utf-8",
        )
        response["Content-Disposition"] = f'attachment; filename="audit.{shape.value}"'
        return response


@admin.register(Checkpoint)
class CheckpointAdmin(TrailAdmin):
    list_display = ("seq", "at", "key_id", "hash", "signed")
    ordering = ("-seq",)
    fields = ("seq", "at", "key_id", "hash", "signature", "signed")
    readonly_fields = fields

    @admin.display(description="signature holds", boolean=True)
    def signed(self, point: Checkpoint) -> bool | None:
        return trail.is_signed(point)


@admin.register(Outbox)
class OutboxAdmin(TrailAdmin):
    list_display = ("created_at", "action", "attempts", "error")
    fields = ("created_at", "action", "attempts", "error", "said")
    readonly_fields = fields

    @admin.display(description="action")
    def action(self, item: Outbox) -> str:
        return str(item.entry.get("action", ""))

    @admin.display(description="row")
    def said(self, item: Outbox) -> str:
        return format_html("<pre>{}</pre>", json.dumps(item.entry, indent=2, ensure_ascii=False))


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _day(text: str, *, days: int = 0) -> dt.datetime | None:
    """Midnight UTC of a date field, so many days later; None for an empty one."""
    if not text.strip():
        return None
    day = dt.datetime.combine(dt.date.fromisoformat(text.strip()), dt.time.min, dt.UTC)
    return day + dt.timedelta(days=days)


def _now(spool: IO[bytes]) -> Iterator[bytes]:
    with spool:
        while chunk := spool.read(_CHUNK_BYTES):
            yield chunk


async def _later(spool: IO[bytes]) -> AsyncIterator[bytes]:
    try:
        while chunk := await sync_to_async(spool.read, thread_sensitive=False)(_CHUNK_BYTES):
            yield chunk
    finally:
        spool.close()
