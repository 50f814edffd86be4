"""Who watches which streams now, by the rows of their sessions, across processes.

Synchronous ORM, called through `db`. A row says what its watcher stands on (`standing`) and what
they share (`shared`); what may be told of it, and to whom, is decided where it is told.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from audit import trail
from extdebug.models import DebugSession, Process
from extdebug.sessions import store
from extdebug.sessions.heartbeats import SILENT
from extdebug.sessions.store import Lease
from extdebug.wire.keys import Target
from policies.access import Viewer
from policies.decisions.audience import Standing

MOST_ROWS: Final = 5_000  # of one reading; 200 sessions of a tenant are what limits allow
MOST_OF_TARGET: Final = 100  # the oldest, so that whoever comes later changes nothing
BETWEEN_POLLS: Final = dt.timedelta(seconds=10)  # a polling client holds no connection meanwhile

Shared = Mapping[str, Any]  # a view as the row keeps it: {filter, line, live}


@dataclass(frozen=True, slots=True)
class Watcher:
    """One live session, as others may be told of it."""

    session: str
    user_id: int | None
    name: str
    transport: str
    since: dt.datetime
    standing: Standing
    shared: Shared | None


NOBODY: Final[tuple[Watcher, ...]] = ()
_SHARED: Final = (
    "SELECT tenant, extension FROM extdebug_debugsession"
    " WHERE closed_at IS NULL AND tenant IN ({marks})"
    " AND process IN (SELECT name FROM extdebug_process WHERE beat_at >= %s)"
    " GROUP BY tenant, extension HAVING COUNT(*) > 1"
)


def read(targets: Collection[Target]) -> dict[Target, tuple[Watcher, ...]]:
    """The connected sessions of these targets, oldest first. Nobody where one session alone is
    open: there is nobody to tell of it. One query more finds those.

    Left out are those of a process that fell silent, and rows that say no standing.
    """
    found = dict.fromkeys(targets, NOBODY)
    if targets and (shared := _shared(targets)):
        found.update(_watchers(shared))
    return found


def _shared(targets: Collection[Target]) -> set[Target]:
    """Those that more than one session is open on: .7 ms for 1,000 targets, where to read the rows
    of all would take 15."""
    tenants = sorted({one.tenant for one in targets})
    alive = connection.ops.adapt_datetimefield_value(timezone.now() - SILENT)
    marks = ", ".join(["%s"] * len(tenants))
    with connection.cursor() as cursor:  # by hand: the ORM takes as long again as the database
        cursor.execute(_SHARED.format(marks=marks), [*tenants, alive])
        rows = cursor.fetchall()
    return {Target(tenant, extension) for tenant, extension in rows}.intersection(targets)


def _alive() -> Any:
    """The names of the processes that give signs of life, as a query."""
    return Process.objects.filter(beat_at__gte=timezone.now() - SILENT).values("name")


def _watchers(targets: Collection[Target]) -> dict[Target, tuple[Watcher, ...]]:
    found: dict[Target, list[Watcher]] = {target: [] for target in targets}
    now = timezone.now()
    connected = Q(detached_at=None) | Q(
        detached_at__gte=now - BETWEEN_POLLS, transport=DebugSession.Transport.POLL
    )
    rows = (
        DebugSession.objects.filter(
            connected, closed_at=None, end_requested_at=None, expires_at__gt=now,
            standing__isnull=False, process__in=_alive(),
            tenant__in={target.tenant for target in targets},
            extension__in={target.extension for target in targets},
        )
        .order_by("opened_at", "pk")
        .values_list(
            "pk", "user_id", "username", "transport", "opened_at", "tenant", "extension",
            "standing", "shared",
        )[:MOST_ROWS]
    )  # fmt: skip
    for pk, user_id, name, transport, since, tenant, extension, standing, shared in rows:
        watchers = found.get(Target(tenant, extension))
        if watchers is not None and len(watchers) < MOST_OF_TARGET:
            stands = Standing.of_json(standing)  # type: ignore[arg-type]  # not null, by the filter
            watchers.append(Watcher(str(pk), user_id, name, transport, since, stands, shared))
    return {target: tuple(watchers) for target, watchers in found.items()}


def write(
    lease: Lease,
    viewer: Viewer,
    target: Target,
    *,
    standing: Standing,
    shared: Shared | None,
    begins: bool,
) -> bool:
    """Write down what the session stands on and shares; False when the row is not ours any more.

    `begins`: the session shares from now on, which is recorded in the same transaction.
    """
    with transaction.atomic():
        own = DebugSession.objects.filter(pk=lease.id, holder=lease.holder, closed_at=None)
        kept = None if shared is None else trail.storable(dict(shared))
        if not own.update(standing=standing.to_json(), shared=kept):
            return False
        if begins and shared is not None:
            trail.record_repeatable(
                trail.Entry(
                    trail.Action.SESSION_VIEW_SHARED,
                    actor=store.actor_of(viewer),
                    tenant=target.tenant,
                    extension=target.extension,
                    subject_type="session",
                    subject_id=lease.id,
                    data={"code": "view shared", "view": dict(shared)},
                )
            )
    return True
