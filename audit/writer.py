"""Appends one entry to the chain: takes the chain's lock, reads the tail, inserts the next row."""

from __future__ import annotations

import datetime as dt
from contextlib import ExitStack
from typing import Final

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction

from audit import chain
from audit.models import AuditRecord

# Any constant will do as long as it never changes: old and new processes must meet at one lock.
LOCK_KEY: Final = 0x61756469_74
LOCK_TIMEOUT_MS: Final = 2_000  # a writer holds the lock for about 0.6 ms; 2 s is a stuck one


def append(
    entry: chain.Entry, *, using: str = DEFAULT_DB_ALIAS, lock_timeout_ms: int = LOCK_TIMEOUT_MS
) -> AuditRecord:
    """The chained row, in the caller's transaction or, without one, in a transaction of its own.

    AuditError when it cannot be written; the caller's transaction is then marked to roll back,
    so that swallowing the error does not let the unrecorded change through. With `once` the row
    that already has it is returned instead of a second one.
    """
    try:
        with transaction.atomic(using=using, savepoint=False):
            txid = _lock(using, lock_timeout_ms)
            return _insert(entry, using, txid=txid)
    except DatabaseError as error:
        raise chain.AuditError(f"the audit trail did not take {entry.action.value}: {error}") from (
            error
        )


def append_durably(
    entry: chain.Entry, *, using: str = DEFAULT_DB_ALIAS, lock_timeout_ms: int = LOCK_TIMEOUT_MS
) -> AuditRecord:
    """As `append`, committed on return. RuntimeError inside a transaction: nothing is durable."""
    with ExitStack() as stack:
        try:
            stack.enter_context(transaction.atomic(using=using, durable=True))
        except DatabaseError as error:
            raise chain.AuditError(f"the audit trail is away: {error}") from error
        return append(entry, using=using, lock_timeout_ms=lock_timeout_ms)


def _lock(using: str, timeout_ms: int) -> str:
    """Lock the chain until the commit. On SQLite an IMMEDIATE transaction is that lock already.

    Callers record last: whoever waits for this lock must hold it for as short as possible. The
    caller's own lock_timeout is put back, and a rollback would put it back as well. Returned is
    the transaction's number ("" on SQLite), by which notes of changes find the row.
    """
    connection = connections[using]
    if connection.vendor != "postgresql":
        return ""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('lock_timeout'), set_config('lock_timeout', %s, true),"
            " pg_current_xact_id()::text",
            [f"{timeout_ms}ms"],
        )
        before, _, txid = cursor.fetchone()
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [before])
    return str(txid)


def _insert(entry: chain.Entry, using: str, *, txid: str) -> AuditRecord:
    rows = AuditRecord.objects.using(using)
    if entry.once and (there := rows.filter(once=entry.once).first()) is not None:
        return there
    seq, prev = rows.order_by("-seq").values_list("seq", "hash").first() or (0, chain.GENESIS)
    at = dt.datetime.now(dt.UTC)
    row = chain.row_of(entry, seq=seq + 1, at=at, prev=prev)
    record = AuditRecord(
        seq=seq + 1,
        at=at,
        action=entry.action.value,
        actor_kind=entry.actor.kind.value,
        actor_id=entry.actor.id,
        actor_name=entry.actor.name,
        ip=entry.actor.ip,
        tenant=entry.tenant,
        extension=entry.extension,
        subject_type=entry.subject_type,
        subject_id=entry.subject_id,
        reason=entry.reason,
        data=dict(entry.data),
        once=entry.once,
        txid=txid,
        prev=prev,
        hash=row["hash"],
    )
    record.save(using=using)
    return record
