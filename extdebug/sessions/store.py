"""The rows of sessions: opened once, closed once, each with its audit record.

Synchronous ORM, called through `db`. A row has one holder at a time; whoever writes names
itself, so that a connection that was taken over can no longer change anything.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from audit import trail
from extdebug.filters.filter import Filter
from extdebug.models import DebugSession
from extdebug.wire.keys import Target
from policies import access
from policies.access import Decision, OpenSessions, Viewer
from policies.redaction.redactor import Redactor

RESUME_WITHIN: Final = dt.timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Lease:
    """A session's row as its holder needs it."""

    id: str
    holder: str
    opened_at: dt.datetime
    expires_at: dt.datetime
    extendable_until: dt.datetime
    shown: int = 0
    filtered: int = 0
    lost: Mapping[str, int] | None = None
    unknown: Sequence[str] = ()  # reasons of losses that could not be counted
    filters: Sequence[Mapping[str, Any]] = ()
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """What a session has got so far, as its row and its close record say it."""

    shown: int
    filtered: int
    lost: Mapping[str, int]
    unknown: Sequence[str]
    cursor: str
    filters: Sequence[Mapping[str, Any]]


def actor_of(watcher: Viewer | DebugSession) -> trail.Actor:
    """Who watches, by their viewer or by the session's row (whose user may be deleted)."""
    kind = trail.ActorKind.TOKEN if watcher.token_id else trail.ActorKind.USER
    user, name = str(watcher.user_id or ""), watcher.username
    return trail.Actor(kind=kind, id=user, name=name, ip=watcher.ip)


def _open_sessions(viewer: Viewer, target: Target) -> OpenSessions:
    live = DebugSession.objects.filter(closed_at=None)
    counted = live.aggregate(
        user=Count("pk", filter=Q(user_id=viewer.user_id)),
        tenant=Count("pk", filter=Q(tenant=target.tenant)),
        extension=Count("pk", filter=Q(extension=target.extension)),
    )
    return OpenSessions(**counted)


def open_session(
    viewer: Viewer, target: Target, *, process: str, filters: Sequence[Mapping[str, Any]]
) -> tuple[Decision, Lease | None]:
    """Decide and, when allowed, write the row and its opening record in one transaction."""
    with transaction.atomic():
        decision = access.decide(
            viewer,
            tenant=target.tenant,
            extension=target.extension,
            opening=True,
            open_sessions=lambda: _open_sessions(viewer, target),
        )
        lease = _insert(viewer, target, decision, process, filters) if decision.allowed else None
    if lease is None:
        record_denial(viewer, target, decision)
    return decision, lease


def _insert(
    viewer: Viewer,
    target: Target,
    decision: Decision,
    process: str,
    filters: Sequence[Mapping[str, Any]],
) -> Lease:
    now = timezone.now()
    limits = decision.limits
    row = DebugSession.objects.create(
        user_id=viewer.user_id,
        username=viewer.username,
        tenant=target.tenant,
        extension=target.extension,
        grant_id=decision.grant_id,
        environment=decision.environment,
        transport=viewer.transport,
        ip=viewer.ip,
        session_hash=viewer.session_hash,
        token_id=viewer.token_id,
        opened_at=now,
        expires_at=now + dt.timedelta(seconds=limits.ttl_seconds),
        extendable_until=now + dt.timedelta(seconds=limits.max_ttl_seconds),
        process=process,
        holder=uuid.uuid4().hex,
        filters=trail.storable(list(filters)),
    )
    said = {
        "transport": viewer.transport,
        "environment": decision.environment,
        "grant": decision.grant_id,
        "installs": None if decision.installs is None else sorted(decision.installs),
        "expires_at": row.expires_at.isoformat(),
        "filters": list(filters),
    }
    record(trail.Action.SESSION_OPENED, str(row.pk), actor_of(viewer), target, said)
    return lease_of(row)


def record(
    action: trail.Action,
    session: str,
    actor: trail.Actor,
    target: Target,
    data: Mapping[str, Any],
    *,
    cut: bool = False,
) -> None:
    """The audit row of something that happened to a session, in the caller's transaction."""
    write = trail.record_cut if cut else trail.record
    write(
        trail.Entry(
            action,
            actor=actor,
            tenant=target.tenant,
            extension=target.extension,
            subject_type="session",
            subject_id=session,
            data=data,
        )
    )


def lease_of(row: DebugSession, *, resumed: bool = False) -> Lease:
    return Lease(
        id=str(row.pk),
        holder=row.holder,
        opened_at=row.opened_at,
        expires_at=row.expires_at,
        extendable_until=row.extendable_until,
        shown=row.shown,
        filtered=row.filtered,
        lost=row.lost,
        unknown=tuple(row.uncounted),
        filters=tuple(row.filters),
        resumed=resumed,
    )


def record_denial(viewer: Viewer, target: Target, decision: Decision) -> None:
    """The true reason, which the person may never hear when they have no relation."""
    trail.record_durably(
        trail.Entry(
            trail.Action.SESSION_DENIED,
            actor=actor_of(viewer),
            tenant=target.tenant,
            extension=target.extension,
            reason=decision.reason,
            data={
                "code": decision.code,
                "transport": viewer.transport,
                "checks": [[check.rule, check.ok] for check in decision.checks],
            },
        )
    )


def record_refusal(
    viewer: Viewer, *, tenant: str | None, extension: str, code: str, reason: str
) -> None:
    """A refusal before any decision: a name that is none, no target, a sign-in that ended."""
    trail.record_durably(
        trail.Entry(
            trail.Action.SESSION_DENIED,
            actor=actor_of(viewer),
            tenant=tenant or "",
            extension=extension,
            reason=reason,
            data={"code": code, "transport": viewer.transport},
        )
    )


def record_saved(session: str, viewer: Viewer, *, what: str, lines: int) -> bool:
    """Lines leave the page as a file or by the clipboard; False when it is not their session."""
    try:
        mine = DebugSession.objects.filter(pk=uuid.UUID(session), user_id=viewer.user_id)
    except ValueError:
        return False
    row = mine.first()
    if row is None:
        return False
    trail.record_repeatable(
        trail.Entry(
            trail.Action.SESSION_LINES_SAVED,
            actor=actor_of(viewer),
            tenant=row.tenant,
            extension=row.extension,
            subject_type="session",
            subject_id=str(row.pk),
            data={"code": f"{what} of {row.pk}", "what": what, "lines": lines},
        )
    )
    return True


def _own(lease: Lease) -> Any:
    return DebugSession.objects.filter(pk=lease.id, holder=lease.holder, closed_at=None)


def _columns(account: Account) -> dict[str, Any]:
    """What a row keeps. Clients' text in it is made storable: a close must not fail by content."""
    columns = {
        "shown": account.shown,
        "filtered": account.filtered,
        "lost": dict(account.lost),
        "uncounted": sorted(account.unknown),
        "cursor": account.cursor,
        "filters": list(account.filters),
    }
    return {name: trail.storable(value) for name, value in columns.items()}


def detach(lease: Lease, account: Account) -> bool:
    """The connection is gone without a goodbye: keep the row for whoever resumes it."""
    return bool(_own(lease).update(detached_at=timezone.now(), **_columns(account)))


def note(lease: Lease, account: Account) -> bool:
    """Write the account down while the session lives; False when somebody else holds it now."""
    return bool(_own(lease).update(**_columns(account)))


def extend(lease: Lease, viewer: Viewer, target: Target, *, until: dt.datetime) -> bool:
    """A later end, recorded; False when the row is no longer ours."""
    with transaction.atomic():
        if not _own(lease).filter(extendable_until__gte=until).update(expires_at=until):
            return False
        said = {"expires_at": until.isoformat()}
        record(trail.Action.SESSION_EXTENDED, lease.id, actor_of(viewer), target, said)
    return True


def move_grant(lease: Lease, viewer: Viewer, target: Target, *, grant_id: int | None) -> None:
    """The session stands on another grant now."""
    with transaction.atomic():
        if _own(lease).exclude(grant_id=grant_id).update(grant_id=grant_id):
            said = {"grant": grant_id}
            record(trail.Action.SESSION_GRANT_CHANGED, lease.id, actor_of(viewer), target, said)


def close(
    lease: Lease, viewer: Viewer, target: Target, account: Account, *, code: int, reason: str
) -> bool:
    """End the row once, whoever comes first; its audit row follows at once or by the janitor."""
    ended = _own(lease).update(
        closed_at=timezone.now(),
        close_code=code,
        close_reason=trail.storable(reason)[:200],
        **_columns(account),
    )
    if ended:
        record_close(lease.id, actor_of(viewer), target, account, code=code, reason=reason)
    return bool(ended)


def record_close(
    session: str, actor: trail.Actor, target: Target, account: Account, *, code: int, reason: str
) -> None:
    trail.record_close(
        session,
        actor=actor,
        tenant=target.tenant,
        extension=target.extension,
        reason=reason,
        data={
            "code": code,
            "shown": account.shown,
            "filtered": account.filtered,
            "lost": dict(account.lost),
            "uncounted": sorted(account.unknown),
            "cursor": account.cursor,
            "filters": list(account.filters),
        },
    )


def end(session: uuid.UUID | str, *, actor: trail.Actor) -> bool:
    """An operator ends a session: its process sees it within a second. False when it is over."""
    with transaction.atomic():
        row = DebugSession.objects.select_for_update().filter(pk=session, closed_at=None).first()
        if row is None or row.end_requested_at is not None:
            return False
        row.end_requested_at, row.end_requested_by = timezone.now(), actor.name[:150]
        row.save(update_fields=["end_requested_at", "end_requested_by"])
        target, said = Target(row.tenant, row.extension), {"watcher": row.username}
        record(trail.Action.SESSION_END_REQUESTED, str(row.pk), actor, target, said, cut=True)
    return True


FILTERS_KEPT: Final = 20  # distinct filters named in the close record


def noted(
    kept: Sequence[Mapping[str, object]], shown: Mapping[str, object]
) -> list[Mapping[str, object]]:
    """The filters a session used, with this one; beyond FILTERS_KEPT they are counted."""
    known = list(kept)
    if shown in known:
        return known
    if len(known) < FILTERS_KEPT:
        return [*known, shown]
    more = known[-1].get("more")
    if isinstance(more, int):
        return [*known[:-1], {"more": more + 1}]
    return [*known, {"more": 1}]


def shown_filter(wanted: Filter, redactor: Redactor, target: Target) -> dict[str, object]:
    """A filter as the audit trail may keep it: what people search for can be a secret."""
    shown = wanted.to_json()
    mask = redactor.mask(str(target), f"{dt.datetime.now(dt.UTC):%Y-%m-%d}")
    for key in ("q", "request"):
        if shown.get(key):
            shown[key] = redactor.text(str(shown[key]), mask)[0]
    return shown
