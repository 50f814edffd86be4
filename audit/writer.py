"""Appends entries to the chain: takes the chain's lock, reads the tail, inserts what follows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
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
    return append_all([entry], using=using, lock_timeout_ms=lock_timeout_ms)[0]


def append_all(
    entries: Sequence[chain.Entry],
    *,
    using: str = DEFAULT_DB_ALIAS,
    lock_timeout_ms: int = LOCK_TIMEOUT_MS,
) -> list[AuditRecord]:
    """As `append` for each of them in this order, for the price of one."""
    try:
        with transaction.atomic(using=using, savepoint=False):
            tail = _lock(using, lock_timeout_ms)
            return _insert(entries, tail, using)
    except DatabaseError as error:
        actions = ", ".join(sorted({entry.action.value for entry in entries}))
        raise chain.AuditError(f"the audit trail did not take {actions}: {error}") from error


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


@dataclass(frozen=True, slots=True)
class _Tail:
    """The last row, and the number of the transaction that goes on from it ("" on SQLite), by
    which notes of changes find what it writes."""

    seq: int
    hash: str
    txid: str


def _lock(using: str, timeout_ms: int) -> _Tail:
    """Lock the chain until the commit. On SQLite an IMMEDIATE transaction is that lock already.

    Callers record last: whoever waits for this lock must hold it for as short as possible. The
    caller's own lock_timeout is put back, and a rollback would put it back as well. The tail is
    read by a statement of its own: what the one that waited sees is from before the wait.
    """
    connection = connections[using]
    before, txid = None, ""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT current_setting('lock_timeout'), pg_current_xact_id()::text,"
                " set_config('lock_timeout', %s, true), pg_advisory_xact_lock(%s)",
                [f"{timeout_ms}ms", LOCK_KEY],
            )
            before, txid, *_ = cursor.fetchone()
        put_back = "set_config('lock_timeout', %s, true)" if before is not None else "%s"
        cursor.execute(
            f"SELECT {put_back}, last.seq, last.hash FROM (SELECT 1) AS one LEFT JOIN"  # noqa: S608 - ours
            " (SELECT seq, hash FROM audit_auditrecord ORDER BY seq DESC LIMIT 1) AS last ON 1 = 1",
            [before],
        )
        _, seq, digest = cursor.fetchone()
    return _Tail(seq=seq or 0, hash=digest or chain.GENESIS, txid=str(txid))


def _insert(entries: Sequence[chain.Entry], tail: _Tail, using: str) -> list[AuditRecord]:
    rows = AuditRecord.objects.using(using)
    once = {entry.once for entry in entries if entry.once}
    there = {row.once: row for row in rows.filter(once__in=once)} if once else {}
    seq, prev = tail.seq, tail.hash
    found, made = [], []
    for entry in entries:
        if entry.once in there:
            found.append(there[entry.once])
            continue
        record = _record(entry, seq=seq + 1, prev=prev, txid=tail.txid)
        seq, prev = record.seq, record.hash
        made.append(record)
        found.append(record)
        if entry.once:
            there[entry.once] = record
    rows.add_chained(made)
    return found


def _record(entry: chain.Entry, *, seq: int, prev: str, txid: str) -> AuditRecord:
    at = dt.datetime.now(dt.UTC)
    row = chain.row_of(entry, seq=seq, at=at, prev=prev)
    return AuditRecord(
        seq=seq,
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
