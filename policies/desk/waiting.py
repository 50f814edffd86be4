"""What waits for this operator's answer: the numbers in the sidebar, and the next one to answer."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.db.models import F, Func, IntegerField, JSONField, Q, QuerySet, Subquery
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
    return pending_grants().exclude(mine).order_by("lapses_at", "pk")


def pending_changes() -> QuerySet[ChangeRequest]:
    """Changes that wait for a second person, whoever that may be."""
    state = ChangeRequest.State.REQUESTED
    return ChangeRequest.objects.filter(state=state, lapses_at__gt=clock.ClockNow())


def pending_grants() -> QuerySet[Grant]:
    """Requests for access that wait for an answer, whoever may give it."""
    return Grant.objects.filter(state=Grant.State.REQUESTED, lapses_at__gt=clock.ClockNow())


def granted() -> QuerySet[Grant]:
    """Grants with authority now or later."""
    # Only these states have a start and no end (constraints): an index finds them by their state.
    open_states = (Grant.State.SCHEDULED, Grant.State.ACTIVE)
    return Grant.objects.filter(
        state__in=open_states, closed_at=None, starts_at__isnull=False,
        ends_at__gt=clock.ClockNow(),
    )  # fmt: skip


def changes(user: User) -> list[ChangeRequest]:
    """Changes that wait for a second person, who may be this operator."""
    pending = pending_changes().exclude(requester=user)
    return [each for each in pending if user.pk not in each.subjects]


@dataclass(frozen=True, slots=True)
class Figures:
    """What the desk counts, read in one statement for one operator, and the moment of it."""

    now: dt.datetime
    approvals: int  # requests that this operator may answer
    changes: int  # change requests that this operator may decide
    pending: int  # requests that wait for anybody's answer
    granted: int


def figures(user: User) -> Figures:
    """The figures for this operator, by the database's clock."""
    # Their own row is there in any case: whoever asks is signed in.
    row = (
        User.objects.filter(pk=user.pk)
        .annotate(
            at=clock.ClockNow(),
            approvals=number_of(approvals(user)),
            gainers=Subquery(
                pending_changes().order_by().exclude(requester=user)
                .annotate(gainers=_All(F("subjects"))).values("gainers"),
                output_field=JSONField(),
            ),
            pending=number_of(pending_grants()),
            granted=number_of(granted()),
        )
        .values("at", "approvals", "gainers", "pending", "granted")
        .get()
    )  # fmt: skip
    return Figures(
        now=row["at"],
        approvals=row["approvals"],
        changes=sum(user.pk not in gainers for gainers in row["gainers"] or ()),
        pending=row["pending"],
        granted=row["granted"],
    )


class _All(Func):
    """The JSON values of a column as one array, null for no rows."""

    arity = 1
    output_field: ClassVar = JSONField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="jsonb_agg", **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "json_group_array(json(%(expressions)s))"
        return self.as_sql(compiler, connection, template=template, **context)


def number_of(rows: QuerySet[Any]) -> Subquery:
    """How many rows there are, as a column of another statement, whose row they may ask about."""
    # A plain function, which groups nothing: so there is one row even where nothing is counted.
    counted = rows.order_by().annotate(many=Func(F("pk"), function="COUNT")).values("many")
    return Subquery(counted, output_field=IntegerField())


@require_safe
def counts(request: HttpRequest) -> HttpResponse:
    """How many of each wait, for the sidebar's script."""
    require_operator(request)
    found = figures(user_of(request))
    answer = JsonResponse({"approvals": found.approvals, "changes": found.changes})
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
