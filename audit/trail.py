"""The audit trail as other apps use it: recording, reading a tenant's rows, export, verification.

`record` writes in the caller's transaction and aborts it when it cannot. Call it last in a
transaction: it holds the chain's lock until the commit. `record_durably` is for refusals, whose
rows must survive the rollback of what was refused; `record_close` for the end of a session, which
must not wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import DEFAULT_DB_ALIAS
from django.db.models import QuerySet

from audit import change_notes, outbox, summaries, writer
from audit.actions import SUMMARISED, TAKES_AWAY, Action, ActorKind
from audit.chain import SYSTEM, Actor, AuditError, Entry, plain
from audit.export import ExportSelection, Format, export
from audit.integrity import is_linked, is_signed, matches, verify
from audit.models import AuditRecord

__all__ = [
    "SYSTEM",
    "Action",
    "Actor",
    "ActorKind",
    "AuditError",
    "Entry",
    "ExportSelection",
    "Format",
    "actor_of",
    "export",
    "is_linked",
    "is_signed",
    "matches",
    "record",
    "record_all",
    "record_change",
    "record_changes",
    "record_close",
    "record_durably",
    "record_read",
    "record_repeatable",
    "retry_waiting",
    "settle_notes",
    "slice_for",
    "storable",
    "verify",
]


def actor_of(
    user: AbstractBaseUser | AnonymousUser | None, *, ip: str = "", token: bool = False
) -> Actor:
    """A snapshot of a Django user; `token` says that they came by a token. None is anonymous."""
    if user is None or not user.is_authenticated:
        return Actor(kind=ActorKind.ANONYMOUS, ip=ip)
    kind = ActorKind.TOKEN if token else ActorKind.USER
    return Actor(kind=kind, id=str(user.pk), name=user.get_username(), ip=ip)


def record(entry: Entry, *, using: str = DEFAULT_DB_ALIAS) -> AuditRecord:
    """Write one row in the caller's transaction; AuditError marks that transaction to roll back.

    Recording an entry with the same `once` again returns the row that has it.
    """
    return writer.append(entry, using=using)


def record_change(entry: Entry, *, using: str = DEFAULT_DB_ALIAS) -> AuditRecord | None:
    """As `record`, but what takes rights away (`actions.TAKES_AWAY`) is done whatever the chain
    does: None when its row waits in the outbox. AuditError only when that takes nothing either."""
    if entry.action in TAKES_AWAY:
        return outbox.append_or_queue(entry, using=using)
    return writer.append(entry, using=using)


def record_changes(entries: Sequence[Entry], *, using: str = DEFAULT_DB_ALIAS) -> None:
    """As `record_change` for each of them, in this order, for the price of one: when the chain
    takes nothing, rows wait in the outbox only where all of them take rights away."""
    if all(entry.action in TAKES_AWAY for entry in entries):
        outbox.append_or_queue_all(entries, using=using)
    else:
        writer.append_all(entries, using=using)


def record_all(entries: Sequence[Entry], *, using: str = DEFAULT_DB_ALIAS) -> list[AuditRecord]:
    """As `record` for each of them, in this order."""
    return writer.append_all(entries, using=using)


def record_repeatable(entry: Entry, *, using: str = DEFAULT_DB_ALIAS) -> None:
    """As `record`, but the same by the same person within the minute is counted."""
    summaries.record_or_fail(entry, using=using)


def storable(value: Any) -> Any:
    """Plain JSON that any database holds, as a row's data is: NUL and lone surrogates replaced."""
    return plain(value)


def record_durably(entry: Entry, *, using: str = DEFAULT_DB_ALIAS) -> AuditRecord | None:
    """Write one row that stays even if the caller's transaction is rolled back.

    Never raises for the database: None means that the row waits and will be written, or that it
    repeats a refusal of this minute and was counted.
    """
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
    """Write the close row of a session: one, however often and by whomever this is called.

    Never raises and waits for half a second at most: None means that the row is kept and retried.
    """
    entry = Entry(
        Action.SESSION_CLOSED,
        actor=actor,
        tenant=tenant,
        extension=extension,
        subject_type="session",
        subject_id=session,
        reason=reason,
        data=data or {},
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
    """Write down who is about to read `what`; AuditError when that fails: show them nothing then.

    The same page read again within the minute is counted and gets no row of its own.
    """
    entry = Entry(
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
    moved = change_notes.settle(using=using)
    return moved + outbox.drain(using=using) + summaries.settle(using=using)


def settle_notes(*, using: str = DEFAULT_DB_ALIAS) -> int:
    """For every console, every few seconds: chain the changes that no verb has recorded."""
    return change_notes.settle(using=using)


def slice_for(tenants: Iterable[str], *, using: str = DEFAULT_DB_ALIAS) -> QuerySet[AuditRecord]:
    """What the admins of these tenants may read: rows of their tenants and nothing else."""
    keys = {key for key in tenants if key}
    return AuditRecord.objects.using(using).filter(tenant__in=keys)
