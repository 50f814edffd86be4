"""The rows of sessions after their opening: noted, extended, closed once, with audit records.

Synchronous ORM, called through `db`. A row has one holder at a time; whoever writes names
itself, so that a connection that was taken over can no longer change anything.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, transaction
from django.utils import timezone

from audit import trail
from extdebug.models import DebugSession
from extdebug.sessions.account import Account, joined
from extdebug.wire.events import printable
from extdebug.wire.keys import Target
from policies.access import Decision, Viewer

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
    reach: Sequence[Sequence[str]] = ()
    resumed: bool = False
    shares: bool = False  # another process served it until now, and may hand in what it told last

    @property
    def account(self) -> Account:
        """As it was when the row was read, at no place yet."""
        return Account(
            self.shown, self.filtered, self.lost or {}, self.unknown, "", self.filters, self.reach
        )


def actor_of(watcher: Viewer | DebugSession) -> trail.Actor:
    """Who watches, by their viewer or by the session's row (whose user may be deleted)."""
    kind = trail.ActorKind.TOKEN if watcher.token_id else trail.ActorKind.USER
    user, name = str(watcher.user_id or ""), watcher.username
    return trail.Actor(kind=kind, id=user, name=name, ip=watcher.ip)


def record(
    action: trail.Action, session: str, actor: trail.Actor, target: Target, data: Mapping[str, Any]
) -> None:
    """The audit row of something that happened to a session, in the caller's transaction."""
    trail.record_change(entry(action, session, actor, target, data))


def entry(
    action: trail.Action, session: str, actor: trail.Actor, target: Target, data: Mapping[str, Any]
) -> trail.Entry:
    """What `record` writes down."""
    return trail.Entry(
        action,
        actor=actor,
        tenant=target.tenant,
        extension=target.extension,
        subject_type="session",
        subject_id=session,
        data=data,
    )


def lease_of(row: DebugSession, *, resumed: bool = False, shares: bool = False) -> Lease:
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
        reach=tuple(row.reach or ()),
        resumed=resumed,
        shares=shares,
    )


def record_denial(viewer: Viewer, target: Target, decision: Decision) -> None:
    """The true reason, which the person may never hear when they have no relation."""
    trail.record_durably(
        trail.Entry(
            trail.Action.SESSION_DENIED,
            actor=actor_of(viewer),
            tenant=target.tenant,
            extension=target.extension,
            reason=decision.about(viewer.username).reason,
            data={
                "code": decision.code,
                "transport": viewer.transport,
                "checks": [[check.rule, check.ok] for check in decision.checks],
            },
        )
    )


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
        "filters": [printable(one) for one in account.filters],
        "reach": account.reach,
    }
    return {name: trail.storable(value) for name, value in columns.items()}


def detach(lease: Lease, account: Account) -> bool:
    """The connection is gone without a goodbye: keep the row for whoever resumes it."""
    return bool(_own(lease).update(detached_at=timezone.now(), **_columns(account)))


def note(accounts: Sequence[tuple[Lease, Account]]) -> list[bool]:
    """Write accounts down while their sessions live; False where somebody else holds it now, or
    nobody: a row that was let go says more than what was gathered here before.

    In one transaction, in the order in which `comebacks` locks rows. By hand: the ORM builds each
    statement anew, 190 us instead of 50.
    """
    meta: Any = DebugSession._meta  # noqa: SLF001 - Django's documented model API
    ours = {}
    with transaction.atomic(), connection.cursor() as cursor:
        for lease, account in sorted(accounts, key=lambda one: one[0].id):
            columns = _columns(account)
            kept = [
                meta.get_field(name).get_db_prep_save(value, connection)
                for name, value in columns.items()
            ]
            written = ", ".join(f"{name} = %s" for name in columns)
            cursor.execute(
                f"UPDATE extdebug_debugsession SET {written}"  # noqa: S608 - ours
                " WHERE id = %s AND holder = %s AND closed_at IS NULL AND detached_at IS NULL",
                [*kept, meta.pk.get_db_prep_value(lease.id, connection), lease.holder],
            )
            ours[lease.holder] = bool(cursor.rowcount)
    return [ours[lease.holder] for lease, _ in accounts]


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
    by = None
    if lease.shares:
        handed_in = _own(lease).values_list("handed_in", flat=True).first()
        account = joined(account, handed_in)
    if reason == "ended":  # by somebody, who is named; the words of other reasons are others
        by = _own(lease).values_list("end_requested_by", flat=True).first()
    ended = _own(lease).update(
        closed_at=timezone.now(),
        close_code=code,
        close_reason=printable(reason)[:200],
        **_columns(account),
    )
    if ended:
        actor = actor_of(viewer)
        record_close(lease.id, actor, target, account, code=code, reason=reason, by=by or "")
    return bool(ended)


def record_close(
    session: str,
    actor: trail.Actor,
    target: Target,
    account: Account,
    *,
    code: int,
    reason: str,
    by: str = "",
) -> None:
    """`by`: who asked for its end, where somebody did."""
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
            "reach": account.reach,
            "filters": [printable(one) for one in account.filters],
            **({"ended_by": by} if by else {}),
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
        record(trail.Action.SESSION_END_REQUESTED, str(row.pk), actor, target, said)
    return True
