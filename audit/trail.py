"""The audit trail's only door: what may be written, and whether what stands there is still true.

`record` writes in the caller's transaction and aborts it when it cannot. `record_durably` is for
refusals, which must survive the rollback of what was refused. `record_close` is for what must
never wait: the end of a session. Call `record` last in a transaction: it holds the chain's lock
until the commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import QuerySet

from audit import outbox, summaries, writer
from audit.actions import SUMMARISED, TAKES_AWAY, Action, ActorKind
from audit.chain import SYSTEM, Actor, AuditError, Entry, UnknownAction
from audit.export import ExportSelection, Format, export
from audit.integrity import (
    BrokenTrail,
    checkpoint,
    checkpoint_if_due,
    is_linked,
    is_signed,
    matches,
    verify,
)
from audit.models import AuditRecord

__all__ = [
    "SYSTEM",
    "Action",
    "Actor",
    "ActorKind",
    "AuditError",
    "BrokenTrail",
    "Entry",
    "ExportSelection",
    "Format",
    "UnknownAction",
    "actor_of",
    "checkpoint",
    "checkpoint_if_due",
    "export",
    "is_linked",
    "is_signed",
    "matches",
    "record",
    "record_change",
    "record_close",
    "record_durably",
    "record_read",
    "retry_waiting",
    "slice_for",
    "verify",
]


def actor_of(user: Any, *, ip: str = "", token: bool = False) -> Actor:
    """A snapshot of a Django user; anonymous without one."""
    if user is None or not getattr(user, "is_authenticated", False):
        return Actor(kind=ActorKind.ANONYMOUS, ip=ip)
    kind = ActorKind.TOKEN if token else ActorKind.USER
    return Actor(kind=kind, id=str(user.pk), name=user.get_username(), ip=ip)


def record(
    action: str,
    *,
    actor: Actor,
    tenant: str = "",
    extension: str = "",
    subject_type: str = "",
    subject_id: str = "",
    reason: str = "",
    data: Mapping[str, Any] | None = None,
    once: str = "",
    using: str = DEFAULT_DB_ALIAS,
) -> AuditRecord:
    """One chained row in the caller's transaction; AuditError aborts that transaction.

    `once` is a key that no two rows share: recording it again returns the row that has it.
    """
    entry = Entry.of(
        action,
        actor=actor,
        tenant=tenant,
        extension=extension,
        subject_type=subject_type,
        subject_id=subject_id,
        reason=reason,
        data=data,
        once=once,
    )
    return writer.append(entry, using=using)


def record_change(
    action: str,
    *,
    actor: Actor,
    tenant: str = "",
    extension: str = "",
    subject_type: str = "",
    subject_id: str = "",
    reason: str = "",
    data: Mapping[str, Any] | None = None,
    using: str = DEFAULT_DB_ALIAS,
) -> AuditRecord | None:
    """As `record`, but what takes rights away (`actions.TAKES_AWAY`) is done whatever the chain
    does: None when its row waits in the outbox."""
    entry = Entry.of(
        action,
        actor=actor,
        tenant=tenant,
        extension=extension,
        subject_type=subject_type,
        subject_id=subject_id,
        reason=reason,
        data=data,
    )
    if entry.action in TAKES_AWAY:
        return outbox.append_or_queue(entry, using=using)
    return writer.append(entry, using=using)


def record_durably(
    action: str,
    *,
    actor: Actor,
    tenant: str = "",
    extension: str = "",
    subject_type: str = "",
    subject_id: str = "",
    reason: str = "",
    data: Mapping[str, Any] | None = None,
    code: str = "",
    once: str = "",
    using: str = DEFAULT_DB_ALIAS,
) -> AuditRecord | None:
    """A row that survives the caller's rollback; never raises for a database that is away.

    None when the row waits (inside a transaction it is written by a thread once the caller's
    locks are gone) or when the refusal repeats one of the same minute and was counted instead.
    """
    entry = Entry.of(
        action,
        actor=actor,
        tenant=tenant,
        extension=extension,
        subject_type=subject_type,
        subject_id=subject_id,
        reason=reason,
        data={**(data or {}), **({"code": code} if code else {})},
        once=once,
    )
    if entry.action in SUMMARISED:
        return summaries.record(entry, using=using)
    return outbox.write_now_or_later(entry, using=using)


def record_close(
    session: str,
    *,
    actor: Actor,
    tenant: str,
    extension: str,
    reason: str = "",
    data: Mapping[str, Any] | None = None,
    using: str = DEFAULT_DB_ALIAS,
) -> AuditRecord | None:
    """The one close row of a session, whoever calls first and however often.

    Never raises and hardly waits: None means that the row is kept and will be retried.
    """
    entry = Entry.of(
        Action.SESSION_CLOSED,
        actor=actor,
        tenant=tenant,
        extension=extension,
        subject_type="session",
        subject_id=session,
        reason=reason,
        data=data,
        once=f"{Action.SESSION_CLOSED.value}:{session}",
    )
    return outbox.write_now_or_later(entry, using=using)


def record_read(
    *,
    actor: Actor,
    what: str,
    tenant: str = "",
    subject_type: str = "",
    subject_id: str = "",
    using: str = DEFAULT_DB_ALIAS,
) -> None:
    """Someone is about to read the trail. AuditError: then they must not see it.

    The same page read again within the minute is counted, not chained again.
    """
    entry = Entry.of(
        Action.AUDIT_READ,
        actor=actor,
        tenant=tenant,
        subject_type=subject_type,
        subject_id=subject_id,
        data={"code": what[:500]},
    )
    summaries.record_or_fail(entry, using=using)


def retry_waiting(*, using: str = DEFAULT_DB_ALIAS) -> int:
    """For the janitor, every few seconds: chain what waits, write finished minutes' summaries."""
    return outbox.drain(using=using) + summaries.settle(using=using)


def slice_for(tenants: Iterable[str], *, using: str = DEFAULT_DB_ALIAS) -> QuerySet[AuditRecord]:
    """What the admins of these tenants may read: rows of their tenants and nothing else."""
    keys = {key for key in tenants if key}
    return AuditRecord.objects.using(using).filter(tenant__in=keys)
