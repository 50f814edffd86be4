"""Loads the grants that bear on a batch of questions, as facts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any, Final

from django.db.models import Count, F, Q

from policies.database import clock
from policies.decisions.facts import GrantFact
from policies.identity import operators
from policies.models import Approval, Grant, Install

# Grants that were closed lately are loaded so that a cut session can be told why.
RECENT: Final = dt.timedelta(hours=1)

# States in which a grant has not begun, whatever the clock says: the label follows later.
WAITING: Final = (Grant.State.REQUESTED, Grant.State.SCHEDULED)

# Beneficiary, tenant key, extension key, tenant row: both the row and its name, so that a renamed
# tenant's grants do not open the next tenant of that name.
About = tuple[int, str, str, int | None]


def load(
    user_ids: Collection[int], *, tenants: Collection[str], extensions: Collection[str]
) -> dict[About, list[GrantFact]]:
    """Grants that were ever activated and are open or were closed within the hour: two queries."""
    rows = list(
        Grant.objects.filter(
            Q(closed_at__isnull=True) | Q(closed_at__gt=clock.ClockNow() - RECENT),
            beneficiary__in=user_ids,
            tenant_key__in=tenants,
            extension_key__in=extensions,
            starts_at__isnull=False,
        )
        .annotate(given=_approvals(), standing=_approvals(**standing()))
        .order_by("pk")
    )
    installs = _installs([grant.pk for grant in rows if not grant.all_installs])
    found: dict[About, list[GrantFact]] = {}
    for row in rows:
        about = (row.beneficiary_id, row.tenant_key, row.extension_key, row.tenant_id)
        found.setdefault(about, []).append(
            GrantFact(
                id=row.pk,
                beneficiary=row.beneficiary_id,
                tenant=row.tenant_key,
                extension=row.extension_key,
                environment=row.environment,
                all_installs=row.all_installs,
                installs=frozenset(installs.get(row.pk, ())),
                capabilities=frozenset(row.capabilities),
                starts_at=row.starts_at,
                ends_at=row.ends_at,
                closed_at=row.closed_at,
                closed_as=row.state if row.closed_at else "",
                closed_reason=row.closed_reason,
                # Until it is activated, only approvals of people who may approve now count.
                approvals=row.standing if row.state in WAITING else row.given,
                approvals_required=row.approvals_required,
                break_glass=row.break_glass,
            )
        )
    return found


def _installs(grant_ids: list[int]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    if grant_ids:
        rows = Install.objects.filter(grants__in=grant_ids)
        for grant_id, key in rows.values_list("grants__pk", "key"):
            found.setdefault(grant_id, set()).add(key)
    return found


def standing() -> dict[str, Any]:
    """A filter of grants' approvals: those whose approver is an operator now, and not locked."""
    return {"approvals__approver__in": operators.judges().values("pk")}


def _approvals(**more: Any) -> Count:
    """Approvals by people other than requester and beneficiary; the database allows no other."""
    return Count(
        "approvals",
        filter=Q(approvals__verdict=Approval.Verdict.APPROVE, **more)
        & ~Q(approvals__approver=F("requester"))
        & ~Q(approvals__approver=F("beneficiary")),
        distinct=True,
    )
