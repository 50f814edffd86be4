"""Base classes of the admin: operators only, every change recorded, cuts confirmed first.

Who may not see a list learns nothing from it: an id answers 404 whether it exists or not. A save
or a delete happens with its audit row or not at all, and one that would cut live sessions is asked
about first, with their number.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextareaWidget

from audit import queries
from audit.desk_lists import DeskListMixin
from audit.requesters import ip_of, note_reading, user_of
from policies.changes import requests, row_records, verbs
from policies.changes.second_person import ChangeRefused, NeedsFactor, NeedsSecond
from policies.desk import affected_sessions, form_words
from policies.identity import second_factor
from policies.identity.operators import OPERATE

CONFIRMED: Final = "_cuts"  # how many cut sessions the person has agreed to
SEEN: Final = "_seen"  # the fingerprint of the row that the form was made from
WHY: Final = "_why"  # the reason why a second person should agree
_OURS: Final = ("csrfmiddlewaretoken", CONFIRMED, WHY)


class Stale(Exception):
    """The row was changed since the form was made; nothing was saved."""


class WouldCut(Exception):
    """A change that ends live sessions was not agreed to; it is rolled back and asked about."""

    def __init__(self, cut: affected_sessions.Cut) -> None:
        super().__init__(f"would cut {len(cut)} sessions")
        self.cut = cut


def operates(request: HttpRequest) -> bool:
    """Whether the person signed in is an operator, as of this request."""
    user = request.user
    return (
        user.is_active
        and bool(getattr(user, "is_staff", False))
        and user.has_perm(f"policies.{OPERATE}")
    )


def require_operator(request: HttpRequest) -> None:
    """Http404 for everybody else: the answer does not tell whether the row exists."""
    if not operates(request):
        raise Http404


class HidingAdmin(DeskListMixin, ModelAdmin):
    """Answers 404 to people without the right, as for rows that do not exist."""

    formfield_overrides: Any = {
        models.TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})}
    }
    subject_type = ""  # what the trail calls these rows; the model's name unless given
    compressed_fields = True
    list_per_page = 50
    list_filter_submit = True  # typed filters (people, dates) need a button

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        found = None
        if self.has_view_permission(request):
            found = super().get_object(request, object_id, from_field)
        if found is None or not self.has_view_permission(request, found):
            raise Http404
        return found

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """The row's history from the audit trail, in place of Django's own log."""
        obj = self.get_object(request, object_id)
        subject = self.subject_type or self.opts.model_name
        if (unread := note_reading(request, subject, obj.pk)) is not None:
            return unread
        kind, name = str(self.opts.verbose_name), str(obj)
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {name if name.startswith(kind) else f'{kind} {name}'}",
            "rows": queries.about(subject, obj.pk)[:200],
        }
        return TemplateResponse(request, "admin/desk/history.html", context)


class OperatorAdmin(HidingAdmin):
    """A list for operators; changing needs the model's own permission besides."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return operates(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return operates(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return operates(request) and bool(super().has_add_permission(request))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return operates(request) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return operates(request) and bool(super().has_delete_permission(request, obj))


class RecordedAdmin(HidingAdmin):
    """Saves and deletes through `policies.changes`, asking first when live sessions would end.

    A form carries a fingerprint of the row it was made from: 409 when the row is another by now.
    """

    change_form_before_template = "admin/desk/seen.html"

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return form_words.put_into(
            super().formfield_for_dbfield(db_field, request, **kwargs), db_field
        )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Does nothing: save_related saves the row and its relations under one audit row."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        before = affected_sessions.allowed_now()
        with verbs.recorded(form.instance, by=user_of(request), ip=ip_of(request)):
            if change and request.POST.get(SEEN) != self._fingerprint(form.instance.pk):
                raise Stale
            self.store(request, form.instance, form)
            super().save_related(request, form, formsets, change)
        ask_about(request, affected_sessions.cut_of(before))

    def _fingerprint(self, pk: Any) -> str:
        """A hash of the row's columns without secrets: equal for equal rows in every process."""
        stored = self.model._base_manager  # noqa: SLF001 - documented: it sees every row
        row = row_records.snapshot(stored.filter(pk=pk).first()) or {}
        plain = {name: value for name, value in row.items() if name not in row_records.SECRET}
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]

    def store(self, request: HttpRequest, obj: Any, form: Any) -> None:
        """Save the row itself; a subclass may set columns first."""
        obj.save()

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        before = affected_sessions.allowed_now()
        with transaction.atomic():
            verbs.delete(obj, by=user_of(request), ip=ip_of(request))
            ask_about(request, affected_sessions.cut_of(before))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Delete all of them in one transaction, or none."""
        before = affected_sessions.allowed_now()
        with transaction.atomic():
            for obj in queryset:
                if not self.has_delete_permission(request, obj):
                    raise PermissionDenied
                verbs.delete(obj, by=user_of(request), ip=ip_of(request))
            ask_about(request, affected_sessions.cut_of(before))

    # Django's own log would be a second trail that anyone can edit; ours is the audit.
    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        return None

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        # A form that is shown again keeps what it was made from.
        seen = request.POST.get(SEEN, "")
        if not seen and object_id is not None and object_id.isdecimal():
            seen = self._fingerprint(object_id)
        context = {**(extra_context or {}), "seen": seen}
        try:
            answer: HttpResponse = super().changeform_view(request, object_id, form_url, context)
        except WouldCut as asked:
            return self._confirm(request, asked.cut)
        except ChangeRefused as refused:
            return answer_refused(self, request, refused)
        except Stale:
            context = {
                **self.admin_site.each_context(request),
                "title": f"This {self.opts.verbose_name} was changed meanwhile",
            }
            return TemplateResponse(request, "admin/desk/stale.html", context, status=409)
        return answer

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            answer: HttpResponse = super().delete_view(request, *args, **kwargs)
        except WouldCut as asked:
            return self._confirm(request, asked.cut)
        except ChangeRefused as refused:
            return answer_refused(self, request, refused)
        return answer

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            answer: HttpResponse = super().changelist_view(request, *args, **kwargs)
        except WouldCut as asked:
            return self._confirm(request, asked.cut)
        except ChangeRefused as refused:
            return answer_refused(self, request, refused, many=True)
        return answer

    def _confirm(self, request: HttpRequest, cut: affected_sessions.Cut) -> HttpResponse:
        sent = _sent(request)
        context = {
            **self.admin_site.each_context(request),
            "title": "This ends live sessions",
            "cut": cut,
            "sent": sent,
            "confirmed": CONFIRMED,
            "model": self.opts.verbose_name,
        }
        return TemplateResponse(request, "admin/desk/confirm_cut.html", context)


def _sent(request: HttpRequest) -> list[tuple[str, str]]:
    """The form's fields, to be sent once more from a page that asks about them."""
    return [
        (name, value)
        for name, values in request.POST.lists()
        if name not in _OURS
        for value in values
    ]


def answer_refused(
    model_admin: Any, request: HttpRequest, refused: ChangeRefused, *, many: bool = False
) -> HttpResponse:
    """The page for a change that was not made.

    For one that needs a second person it asks why, and with a reason the request is made and shown.
    `many` says that the change was one of several at once: these are asked for one by one.
    """
    plan = refused.plan if isinstance(refused, NeedsSecond) and not many else None
    reason, why_not = request.POST.get(WHY, ""), "" if plan else str(refused)
    if plan is not None and WHY in request.POST:
        try:
            asked = requests.ask(plan, by=user_of(request), reason=reason, ip=ip_of(request))
        except ChangeRefused as error:
            why_not = str(error)
        else:
            messages.success(request, f"{asked.label} waits for a second operator.")
            return redirect("admin:policies_changerequest_change", asked.pk)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "This needs a second person" if plan else "Not done",
        "plan": plan,
        "why_not": why_not,
        "confirm": second_factor.confirm_address(request.get_full_path())
        if isinstance(refused, NeedsFactor)
        else "",
        "many": many and isinstance(refused, NeedsSecond),
        "reason": reason,
        "sent": _sent(request),
        "why": WHY,
        "model": model_admin.opts.verbose_name,
    }
    status = 403 if why_not else 200
    return TemplateResponse(request, "admin/desk/second_person.html", context, status=status)


def ask_about(request: HttpRequest, cut: affected_sessions.Cut) -> None:
    """WouldCut, unless the person has confirmed at least as many."""
    agreed = request.POST.get(CONFIRMED, "")
    if len(cut) > (int(agreed) if agreed.isdecimal() else 0):
        raise WouldCut(cut)
