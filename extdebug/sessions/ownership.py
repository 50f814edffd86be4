"""Which process holds which session: signs of life, and sessions that nobody holds any more.

Synchronous ORM, called through `db` and by the janitor. A process that dies leaves rows behind;
any other closes them, each by a conditional update, so that it does not matter who or how often.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection
from typing import Final

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from extdebug.models import DebugSession, Process
from extdebug.protocol.close_codes import CloseCode
from extdebug.sessions import close_reasons, store, unconnected
from extdebug.sessions.close_reasons import CloseReason
from extdebug.sessions.handed_in import account_of
from extdebug.sessions.heartbeats import SILENT
from extdebug.sessions.store import Lease
from extdebug.wire.keys import Target
from policies.access import Viewer

_HEALTHY: Final = (
    "SELECT holder FROM extdebug_debugsession"
    " WHERE process = %s AND closed_at IS NULL AND end_requested_at IS NULL"
)


def close_abandoned(*, now: dt.datetime | None = None) -> int:
    """Close sessions nobody holds: their process is silent, or nobody came back in time.

    Safe to run anywhere and twice: each row is claimed by a conditional update.
    """
    now = now or timezone.now()
    alive = Process.objects.filter(beat_at__gte=now - SILENT).values("name")
    lost = DebugSession.objects.filter(closed_at=None).filter(
        Q(detached_at__lt=now - store.RESUME_WITHIN)
        # Ended while it had no connection: no process will look at it.
        | Q(detached_at__isnull=False, end_requested_at__isnull=False)
        # One that was let go in order (a restart) waits for its watcher like any other.
        | (~Q(process__in=alive) & Q(opened_at__lt=now - SILENT, detached_at=None))
        | Q(expires_at__lt=now - SILENT)
    )
    closed = 0
    for row in lost:
        if row.end_requested_at is not None:
            code, reason = int(CloseCode.ENDED), "ended"
        elif row.detached_at is not None:
            code, reason = 1006, "the connection was lost and nobody came back"
        elif row.expires_at < now:
            code, reason = int(CloseCode.EXPIRED), "time was up"
        else:
            code, reason = 1006, "the process that served it ended"
        ended = DebugSession.objects.filter(pk=row.pk, holder=row.holder, closed_at=None).update(
            closed_at=now, close_code=code, close_reason=reason
        )
        if not ended:
            continue
        closed += 1
        account = account_of(row)
        actor, target = store.actor_of(row), Target(row.tenant, row.extension)
        by = row.end_requested_by
        store.record_close(str(row.pk), actor, target, account, code=code, reason=reason, by=by)
    Process.objects.filter(beat_at__lt=now - dt.timedelta(minutes=10)).delete()
    return closed


def held_elsewhere(process: str, leases: Collection[Lease]) -> dict[str, str]:
    """Of these leases of a process those to be let go, by holder, each with why:
    "ended <by whom>", or "taken" by another holder.

    A row that somebody removed ends its session: nobody could see it or end it any more.
    """
    # Nearly all are as they were. A holder is the name of one lease alone (`open_rows`,
    # `comebacks`), so that a row which says it is that lease's, whatever its session.
    with connection.cursor() as cursor:  # by hand: the ORM takes as long again as the database
        cursor.execute(_HEALTHY, [process])
        held = {holder for (holder,) in cursor.fetchall()}
    doubted = [lease for lease in leases if lease.holder not in held]
    rows: dict[str, tuple[str, bool, str | None]] = {}
    keys = list({lease.id for lease in doubted})
    for start in range(0, len(keys), 500):
        found = DebugSession.objects.filter(pk__in=keys[start : start + 500])
        for pk, holder, closed, ended, by in found.values_list(
            "pk", "holder", "closed_at", "end_requested_at", "end_requested_by"
        ):
            rows[str(pk)] = (holder, closed is not None, by if ended is not None else None)
    verdicts = {lease.holder: _verdict(rows.get(lease.id), lease.holder) for lease in doubted}
    return {holder: verdict for holder, verdict in verdicts.items() if verdict}


def _verdict(row: tuple[str, bool, str | None] | None, holder: str) -> str:
    if row is None:
        return "ended"
    holds, closed, ended_by = row
    if ended_by is not None:
        return f"ended {ended_by}".strip()
    return "taken" if closed or holds != holder else ""


def final_end(
    session: str, viewer: Viewer, target: Target, *, by_itself: bool
) -> CloseReason | None:
    """Why this session of the viewer is over for good; None when it is not, or is not theirs.

    What ended for good is not gone on with by connecting again: a client that reconnects
    `by_itself` hears of it here, because it had no connection when it ended. For a person who
    presses "connect" only what an operator ended is over.
    """
    try:
        key = uuid.UUID(session)
    except ValueError:
        return None
    row = DebugSession.objects.filter(
        pk=key,
        user_id=viewer.user_id,
        token_id=viewer.token_id,
        tenant=target.tenant,
        extension=target.extension,
    ).first()
    if row is None:
        return None
    if row.end_requested_at is not None:
        if row.closed_at is None and row.detached_at is not None:  # no process looks at it
            unconnected.close(row, code=int(CloseCode.ENDED), reason="ended")
        return close_reasons.ended_by(row.end_requested_by, watcher=row.username)
    if row.closed_at is None or row.close_code is None:
        return None
    end = close_reasons.as_written(row.close_code, row.close_reason)
    return end if by_itself or (end is not None and end.code is CloseCode.ENDED) else None
