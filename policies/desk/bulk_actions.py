"""One act on many grants: confirmed once, then done or refused for each grant by itself."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from audit.requesters import ip_of, user_of
from policies.database import clock
from policies.desk import affected_sessions
from policies.desk.grant_actions import Act, obstacle
from policies.grants import verbs
from policies.models import Grant


def answer(
    model_admin: Any, request: HttpRequest, queryset: QuerySet[Any], act: Act
) -> HttpResponse | None:
    """The confirmation page, or None when done; `version_<id>` must be each grant's version."""
    rows: list[Grant] = list(queryset.select_related("beneficiary", "requester").order_by("pk"))
    reason = request.POST.get("reason", "").strip()
    if "confirmed" in request.POST and reason:
        for grant in rows:
            _do(request, grant, act, reason=reason)
        return None
    now = clock.now()
    able = [grant for grant in rows if obstacle(act, grant, user_of(request), now=now) is None]
    ending = (
        [each for grant in able for each in affected_sessions.with_extensions(grant)]
        if act.ends
        else []
    )
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"{act.title} {len(able)} grant{'' if len(able) == 1 else 's'}",
        "act": act,
        "now": now,
        "able": able,
        "unable": [
            (grant, why)
            for grant in rows
            if (why := obstacle(act, grant, user_of(request), now=now)) is not None
        ],
        "cut": affected_sessions.cut_without(ending),
        "action": request.POST.get("action", ""),
        "checkbox": ACTION_CHECKBOX_NAME,
        "missing": "confirmed" in request.POST,
    }
    return TemplateResponse(request, "admin/desk/bulk.html", context)


def _do(request: HttpRequest, grant: Grant, act: Act, *, reason: str) -> None:
    """Do it to one grant; a refusal becomes a message and does not stop the others."""
    sent = request.POST.get(f"version_{grant.pk}", "")
    if not sent.isdecimal():
        messages.warning(request, f"{grant.label}: it was not on the confirmation you saw.")
        return
    try:
        act.do(grant, user_of(request), {"version": int(sent), "reason": reason}, ip_of(request))
    except verbs.GrantError as error:
        messages.error(request, f"{grant.label}: {error}")
    else:
        messages.success(request, act.done.format(label=grant.label))
