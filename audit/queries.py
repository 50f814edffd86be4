"""Queries of the trail for other apps' pages: rows about a subject, and the latest refusals.

Reading is audited: whoever shows these rows calls `trail.record_read` first.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from django.db.models import Q, QuerySet

from audit.actions import Action
from audit.models import AuditRecord

REFUSALS: Final = (
    Action.SESSION_DENIED,
    Action.TOKEN_REFUSED,
    Action.TICKET_REFUSED,
    Action.GRANT_REQUEST_REFUSED,
    Action.GRANT_REFUSED,
    Action.PAGE_REFUSED,
    Action.SECOND_FACTOR_REFUSED,
)


def about(
    subject_type: str, subject_id: Any, *, sessions: Collection[Any] = ()
) -> QuerySet[AuditRecord]:
    """Rows about one subject and about these sessions, the latest first.

    Without the rows that say who read them: each look at a history would push out a line of it.
    """
    wanted = Q(subject_type=subject_type, subject_id=str(subject_id))
    if sessions:
        wanted |= Q(subject_type="session", subject_id__in=[str(key) for key in sessions])
    return AuditRecord.objects.filter(wanted).exclude(action=Action.AUDIT_READ)


def of_sessions(sessions: Collection[Any], *actions: Action) -> dict[str, list[AuditRecord]]:
    """Rows with one of these actions about these sessions, by session, the earliest first."""
    found: dict[str, list[AuditRecord]] = {}
    keys = [str(key) for key in sessions]
    for start in range(0, len(keys), 500):
        rows = AuditRecord.objects.filter(
            action__in=actions, subject_type="session", subject_id__in=keys[start : start + 500]
        )
        for row in rows.order_by("seq"):
            found.setdefault(row.subject_id, []).append(row)
    return found


def refusals(
    *, person: int | None = None, tenant: str = "", extension: str = ""
) -> QuerySet[AuditRecord]:
    """Refused openings, tokens, tickets, requests, acts on grants, pages and second factors, the
    latest first; of one person, of one target. Failed sign-ins name no person who asks: the trail's
    list has them.
    """
    rows = AuditRecord.objects.filter(action__in=REFUSALS)
    if person is not None:
        rows = rows.filter(actor_id=str(person))
    if tenant:
        rows = rows.filter(tenant=tenant)
    return rows.filter(extension=extension) if extension else rows
