"""Checks the trail in the database and signs where it stands.

Checkpoints are signed with the settings' AUDIT_SIGNING_KEY and appended to `checkpoints.jsonl` in
AUDIT_CHECKPOINT_DIR, which should be a place that the database's administrators cannot rewrite.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, IntegrityError, transaction
from django.utils import timezone

from audit import checkpoints, guards
from audit.chain import GENESIS, AuditError, digest, moment
from audit.models import AuditRecord, Checkpoint
from audit.verification import Judge, Kind, Report

CHECKPOINT_SECONDS: Final = 300  # how much of a cut tail could go unnoticed
FILE_NAME: Final = "checkpoints.jsonl"
_CHUNK: Final = 2_000


class BrokenTrail(AuditError):
    """The trail is not whole, so it is not signed. `report` says what is wrong."""

    def __init__(self, report: Report) -> None:
        super().__init__(f"the audit trail is not whole: {report.findings[0]}")
        self.report = report


def public_keys() -> tuple[str, ...]:
    """The keys in AUDIT_PUBLIC_KEYS (earlier ones too) and the signing key's own, in hex."""
    known = tuple(getattr(settings, "AUDIT_PUBLIC_KEYS", ()))
    seed = getattr(settings, "AUDIT_SIGNING_KEY", "")
    if seed:
        known += (checkpoints.public_hex(checkpoints.private_key(seed)),)
    return tuple(dict.fromkeys(known))


def verify(
    *,
    statements: Iterable[checkpoints.Statement] = (),
    keys: Iterable[str] | None = None,
    since_checkpoint: bool = False,
    using: str = DEFAULT_DB_ALIAS,
) -> Report:
    """Verify the rows in the database: all of them, or those since the last checkpoint there.

    `statements` are checkpoints from elsewhere, judged beside those in the database.
    """
    own = Checkpoint.objects.using(using).order_by("seq")
    start, prev = 1, GENESIS
    if since_checkpoint and (last := own.last()) is not None:
        # The last signed row is read again: it must still be there and be the signed one.
        start = last.seq
        own = own.filter(seq=last.seq)
        before = AuditRecord.objects.using(using).filter(seq=start - 1).first()
        prev = before.hash if before is not None else GENESIS
    judge = Judge(
        checkpoints=[*statements, *(_statement(point) for point in own)],
        public_keys=public_keys() if keys is None else keys,
        start=start,
        prev=prev,
    )
    rows = AuditRecord.objects.using(using).filter(seq__gte=start).order_by("seq")
    for record in rows.iterator(chunk_size=_CHUNK):
        judge.row(record.row())
    for table in guards.missing(using=using):
        judge.note(Kind.UNGUARDED, f"{table} has no append-only trigger that always fires")
    return judge.report()


def matches(record: AuditRecord) -> bool:
    """Whether the row's content matches its hash."""
    row = record.row()
    try:
        return digest(row) == record.hash
    except AuditError:
        return False


def is_linked(record: AuditRecord, *, using: str = DEFAULT_DB_ALIAS) -> bool:
    """Whether the rows before and after it are the ones it is chained to."""
    near = AuditRecord.objects.using(using).filter(seq__in=(record.seq - 1, record.seq + 1))
    around = {row.seq: row for row in near}
    before, after = around.get(record.seq - 1), around.get(record.seq + 1)
    expected = GENESIS if record.seq == 1 else getattr(before, "hash", None)
    if after is None and AuditRecord.objects.using(using).filter(seq__gt=record.seq).exists():
        return False
    return record.prev == expected and (after is None or after.prev == record.hash)


def is_signed(point: Checkpoint) -> bool | None:
    """Whether a stored checkpoint's signature holds; None when its key is not known here."""
    return checkpoints.is_signed(_statement(point), public_keys())


def checkpoint(*, using: str = DEFAULT_DB_ALIAS) -> checkpoints.Statement | None:
    """Sign the head of the trail and write it out; None when there is nothing new to sign.

    Rows since the last checkpoint are verified first: BrokenTrail instead of a signature under
    a forgery. AuditError without a signing key or when the file cannot be written.
    """
    seed = getattr(settings, "AUDIT_SIGNING_KEY", "")
    if not seed:
        raise AuditError("AUDIT_SIGNING_KEY is not set: nothing can be signed")
    report = verify(since_checkpoint=True, using=using)
    if not report.ok:
        raise BrokenTrail(report)
    points = Checkpoint.objects.using(using)
    if report.head_seq == 0 or points.filter(seq=report.head_seq).exists():
        return None
    statement = checkpoints.sign(
        seed, seq=report.head_seq, hash=report.head_hash, at=timezone.now()
    )
    # The file first: a line without its row is harmless, a row without its line proves nothing.
    _write_out(statement)
    try:
        with transaction.atomic(using=using):
            points.create(
                seq=statement.seq,
                at=dt.datetime.fromisoformat(statement.at),
                hash=statement.hash,
                key_id=statement.key_id,
                signature=statement.signature,
            )
    except IntegrityError:
        return None  # another process signed the same head in the same instant
    return statement


def checkpoint_if_due(
    *, every: float = CHECKPOINT_SECONDS, using: str = DEFAULT_DB_ALIAS
) -> checkpoints.Statement | None:
    """`checkpoint` when the last one is older than `every` seconds; for a janitor's loop."""
    last = Checkpoint.objects.using(using).order_by("-seq").first()
    if last is not None and (timezone.now() - last.at).total_seconds() < every:
        return None
    return checkpoint(using=using)


def _statement(point: Checkpoint) -> checkpoints.Statement:
    return checkpoints.Statement(
        seq=point.seq,
        hash=point.hash,
        at=moment(point.at),
        key_id=point.key_id,
        signature=point.signature,
    )


def _write_out(statement: checkpoints.Statement) -> None:
    folder = getattr(settings, "AUDIT_CHECKPOINT_DIR", "")
    if not folder:
        return
    try:
        place = os.open(
            Path(folder) / FILE_NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640
        )
        try:
            os.write(place, statement.line().encode() + b"\n")  # one write: lines never mix
            os.fsync(place)
        finally:
            os.close(place)
    except OSError as error:
        raise AuditError(f"the checkpoint cannot be written to {folder}: {error}") from error
