"""Sessions that nobody is connected to: they hold no place that somebody else wants.

A row whose connection was lost is kept for a minute, for whoever comes back. Whoever comes back
later, or finds that it gave way, opens a new one and goes on from its cursor.
"""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit import trail
from extdebug.models import DebugSession
from extdebug.sessions import store
from extdebug.sessions.handed_in import account_of
from extdebug.wire.keys import Target
from policies.access import SessionLimits, Viewer

GRACE: Final = dt.timedelta(seconds=5)  # for others' sessions: one that polls is back by then
LOST: Final = 1006  # as a WebSocket calls a connection that ended without a word


def give_way(viewer: Viewer, target: Target, limits: SessionLimits) -> int:
    """Close such sessions, the longest unconnected first, until one more fits the caps; how many.

    Call it in the transaction that counts sessions, with the parties held.
    """
    now = timezone.now()
    closed = 0
    for scope, most, until in (
        (Q(user_id=viewer.user_id), limits.sessions_per_user, now),
        (Q(tenant=target.tenant), limits.sessions_per_tenant, now - GRACE),
        (Q(extension=target.extension), limits.sessions_per_extension, now - GRACE),
    ):
        live = DebugSession.objects.filter(scope, closed_at=None)
        over = live.count() - most + 1
        if over > 0:
            oldest = live.filter(detached_at__lte=until).order_by("detached_at")[:over]
            closed += sum(close(row, code=LOST, reason="gave way to a newer one") for row in oldest)
    return closed


def close(row: DebugSession, *, code: int, reason: str) -> bool:
    """End a row that nobody holds, once; its record follows with the commit. False when somebody
    was faster, or took it over."""
    claimed = DebugSession.objects.filter(pk=row.pk, holder=row.holder, closed_at=None)
    if not claimed.update(closed_at=timezone.now(), close_code=code, close_reason=reason):
        return False
    account = account_of(row)
    kind = trail.ActorKind.TOKEN if row.token_id else trail.ActorKind.USER
    actor = trail.Actor(kind=kind, id=str(row.user_id or ""), name=row.username, ip=row.ip)
    target = Target(row.tenant, row.extension)
    record = partial(
        store.record_close, str(row.pk), actor, target, account, code=code, reason=reason,
        by=row.end_requested_by,
    )  # fmt: skip
    transaction.on_commit(record)
    return True
