"""The page of a tenant's own admins: consent, who watches, grants, their slice of the audit.

Whoever does not administer the tenant gets 404, as for one that does not exist. GET changes
nothing; a change that cuts live sessions is asked about first, with their number.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from audit import refusals, trail
from audit.requesters import ip_of, note_reading, user_of
from policies import access, consent
from policies.changes.second_person import ChangeRefused, NeedsSecond
from policies.database import clock
from policies.desk import affected_sessions
from policies.desk.recorded_admin import CONFIRMED, WouldCut, ask_about
from policies.models import Extension, Grant, Tenant

ROWS: Final = 50  # of the trail, per page
GRANTS: Final = 100


class ConsentForm(forms.Form):
    """An answer on consent, for one extension or for all that are installed there."""

    act = forms.ChoiceField(
        choices=[("give", "Give"), ("withdraw", "Withdraw"), ("require", "Require"),
                 ("lift", "Stop requiring")]
    )  # fmt: skip
    extension = forms.CharField(max_length=64, required=False)
    days = forms.IntegerField(min_value=1, max_value=365, required=False)
    note = forms.CharField(max_length=500, required=False)


@login_required
@require_safe
def page(request: HttpRequest, key: str) -> HttpResponse:
    """Consents, grants, live sessions and audit rows of one tenant."""
    tenant = _own(request, key)
    if (unread := note_reading(request, "tenant", tenant.pk, tenant=tenant.key)) is not None:
        return unread
    rows = trail.slice_for([tenant.key])
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        rows = rows.filter(seq__lt=int(before))
    shown = list(rows[: ROWS + 1])
    grants = Grant.objects.filter(tenant=tenant).select_related("beneficiary", "closed_by")
    context = {
        "tenant": tenant,
        "now": clock.now(),
        "consents": tenant.consents.select_related("extension", "decided_by").order_by("pk"),
        "extensions": _installed(tenant),
        "grants": grants.prefetch_related("approvals__approver")[:GRANTS],
        "sessions": affected_sessions.open_sessions().filter(tenant=tenant.key)[:GRANTS],
        "rows": shown[:ROWS],
        "older": shown[ROWS - 1].seq if len(shown) > ROWS else None,
    }
    return render(request, "policies/tenant.html", context)


@login_required
@require_POST
def say(request: HttpRequest, key: str) -> HttpResponse:
    """POST: give or withdraw consent, or set whether it is required."""
    tenant = _own(request, key)
    form = ConsentForm(request.POST)
    if not form.is_valid():
        wrong = "; ".join(f"{name}: {' '.join(map(str, why))}" for name, why in form.errors.items())
        messages.error(request, f"Not done: {wrong}")
        return redirect("tenant", key=tenant.key)
    said = form.cleaned_data
    extension = None
    if said["extension"]:
        extension = _installed(tenant).filter(key=said["extension"]).first()
        if extension is None:
            raise Http404
    before = affected_sessions.allowed_now()
    try:
        with transaction.atomic():
            _do(request, tenant, extension, said)
            ask_about(request, affected_sessions.cut_of(before))
    except (consent.ConsentWithdrawn, ChangeRefused) as refused:
        request.META[refusals.TENANT] = tenant.key
        refusals.refused(request, str(refused))
        messages.error(request, f"Not done: {_for_tenants(refused)}")
        return redirect("tenant", key=tenant.key)
    except consent.ConsentRefused:
        raise Http404 from None
    except WouldCut as asked:
        context = {"tenant": tenant, "cut": asked.cut, "said": said, "confirmed": CONFIRMED}
        return render(request, "policies/confirm.html", context)
    messages.success(request, "Done. It applies at once.")
    return redirect("tenant", key=tenant.key)


def _for_tenants(refused: ValueError) -> str:
    if isinstance(refused, NeedsSecond):
        return (
            "you are an operator, who does not speak for a tenant alone. Somebody of the tenant who"
            " is no operator can, or an operator enters it in the admin with its evidence."
        )
    return str(refused)


def _do(
    request: HttpRequest, tenant: Tenant, extension: Extension | None, said: dict[str, Any]
) -> None:
    who: dict[str, Any] = {"by": user_of(request), "ip": ip_of(request)}
    if said["act"] == "give":
        until = clock.now() + dt.timedelta(days=said["days"]) if said["days"] else None
        consent.give(tenant, extension=extension, expires_at=until, note=said["note"], **who)
    elif said["act"] == "withdraw":
        consent.withdraw(tenant, extension=extension, note=said["note"], **who)
    else:
        required = said["act"] == "require"
        consent.require(tenant, required=required, reason=said["note"], **who)


def _own(request: HttpRequest, key: str) -> Tenant:
    """The tenant, if this person administers it."""
    tenant = None if "\x00" in key else Tenant.objects.filter(key=key.lower()).first()
    if tenant is None or tenant.key not in access.tenants_administered(user_of(request)):
        # Who tried is theirs to see.
        request.META[refusals.TENANT] = tenant.key if tenant is not None else ""
        raise Http404
    return tenant


def _installed(tenant: Tenant) -> Any:
    return Extension.objects.filter(installs__tenant=tenant).distinct()
