"""What waits for this operator's answer: the numbers in the sidebar, and the next one to answer."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit.requesters import user_of
from policies.database import clock
from policies.desk.recorded_admin import require_operator
from policies.models import ChangeRequest, Grant


def approvals(user: User) -> QuerySet[Grant]:
    """Requests that wait for an answer which this operator may give, the most urgent first."""
    mine = Q(requester=user) | Q(beneficiary=user) | Q(approvals__approver=user)
    pending = Grant.objects.filter(state=Grant.State.REQUESTED, lapses_at__gt=clock.ClockNow())
    return pending.exclude(mine).order_by("lapses_at", "pk")


def changes(user: User) -> list[ChangeRequest]:
    """Changes that wait for a second person, who may be this operator."""
    state = ChangeRequest.State.REQUESTED
    pending = ChangeRequest.objects.filter(state=state, lapses_at__gt=clock.ClockNow())
    return [each for each in pending.exclude(requester=user) if user.pk not in each.subjects]


@require_safe
def counts(request: HttpRequest) -> HttpResponse:
    """How many of each wait, for the sidebar's script."""
    require_operator(request)
    user = user_of(request)
    answer = JsonResponse({"approvals": approvals(user).count(), "changes": len(changes(user))})
    answer["Cache-Control"] = "no-store"
    return answer


@require_safe
def next_grant(request: HttpRequest) -> HttpResponse:
    """Leads to the form that answers the most urgent request; to the desk when none waits."""
    require_operator(request)
    first = approvals(user_of(request)).first()
    if first is None:
        return redirect(reverse("admin:index") + "#pending")
    return redirect(reverse("admin:policies_grant_approve", args=[first.pk]) + "?back=next")
