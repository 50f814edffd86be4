"""The page on which an operator purges what a stream retains: asked first, on record, for good."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from audit import refusals
from audit.chain import AuditError
from audit.requesters import ip_of, user_of
from extdebug.desk.stretch_form import StretchForm, in_words, query_of
from extdebug.models import DebugSession, StreamPurge
from extdebug.sessions import purge_orders
from extdebug.sessions.purge_orders import Order, PurgeFailed
from extdebug.sessions.shown_to import moment
from extdebug.streams.purge import Held
from policies.desk.recorded_admin import require_operator
from policies.identity import locks

SHOWN = 20  # earlier purges on the page


class PurgeForm(StretchForm):
    """A stretch, and why it has to go."""

    reason = forms.CharField(
        max_length=500, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Watchers, operators and the audit trail read it: do not put the secret in it.",
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def purge_view(request: HttpRequest) -> HttpResponse:
    """GET shows the form, the first POST what would go, the second, `confirmed`, removes it."""
    require_operator(request)
    if request.method != "POST":
        asked = {name: request.GET.get(name, "") for name in StretchForm.base_fields}
        return _page(request, PurgeForm(initial=asked))
    form = PurgeForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=400)
    if locks.lock_on(request.user.pk) is not None:
        refusals.refused(request, "the account is locked")
        form.add_error(None, "Your account is locked: you purge nothing.")
        return _page(request, form, status=403)
    try:
        held = purge_orders.look(form.target, form.stretch)
    except PurgeFailed as error:
        form.add_error(None, f"Nothing was removed. {error}")
        return _page(request, form, status=503)
    if not held.entries:
        form.add_error(None, "The stream retains no line of this stretch: nothing was removed.")
        return _page(request, form, status=409)
    if "confirmed" not in request.POST:
        return _page(request, form, held=held)
    return _purge(request, form, held)


def _purge(request: HttpRequest, form: PurgeForm, held: Held) -> HttpResponse:
    target = form.target
    asked = Order(
        target=target, held=held, reason=form.cleaned_data["reason"],
        by=user_of(request), ip=ip_of(request),
    )  # fmt: skip
    try:
        row = purge_orders.order(asked)
    except AuditError:
        form.add_error(None, "Nothing was removed: the audit trail cannot record it. Try again.")
        return _page(request, form, held=held, status=503)
    try:
        removed = purge_orders.carry_out(row, asked)
    except PurgeFailed as error:
        form.add_error(None, str(error))
        return _page(request, form, status=503)
    messages.success(
        request, f"{removed} line{'' if removed == 1 else 's'} of {target} are gone for good. "
        "Below: who may have been shown them."
    )  # fmt: skip
    return redirect(f"{reverse('admin:extdebug_stream_shown')}?{query_of(target, held.stretch)}")


def _page(
    request: HttpRequest, form: PurgeForm, *, held: Held | None = None, status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Purge lines of a stream",
        "form": form,
        "held": held,
        "earlier": StreamPurge.objects.all()[:SHOWN],
    }
    if held is not None and held.first is not None and held.last is not None:
        context |= {
            "target": form.target,
            "words": in_words(form.stretch),
            "first_at": moment(held.first.ms),
            "last_at": moment(held.last.ms),
            # By ids from here on: what was counted is what goes, and nothing that came since.
            "sent": {
                "tenant": form.target.tenant,
                "extension": form.target.extension,
                "first": str(held.stretch.first),
                "last": str(held.stretch.last),
                "reason": form.cleaned_data["reason"],
            },
            "watching": DebugSession.objects.filter(
                tenant=form.target.tenant, extension=form.target.extension, closed_at=None
            ),
            "shown_link": query_of(form.target, held.stretch),
        }
    return TemplateResponse(request, "admin/desk/purge.html", context, status=status)
