"""Checks the trail in the database and signs where it stands.

Checkpoints are signed with the settings' AUDIT_SIGNING_KEY and appended to `checkpoints.jsonl` in
AUDIT_CHECKPOINT_DIR, which should be a place that the database's administrators cannot rewrite.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit import checkpoints, guards, writer
from audit.actions import Action
from audit.chain import GENESIS, SYSTEM, AuditError, Entry, digest, moment
from audit.models import AuditRecord, Checkpoint
from audit.verification import Judge, Kind, Report

CHECKPOINT_SECONDS: Final = 300  # how much of a cut tail could go unnoticed
FILE_NAME: Final = "checkpoints.jsonl"
_CHUNK: Final = 2_000
_FIRST_POINTS: Final = 5  # checkpoints that are read at first to find the last good one
_TICK_SECONDS: Final = 2  # between two times of change that a file system tells apart, at most
# The last good line of the file, and what the file and the keys were when it was found.
_furthest_seen: tuple[tuple[object, tuple[str, ...]], checkpoints.Statement | None] | None = None


class BrokenTrail(AuditError):
    """The trail is not whole, so it is not signed. `report` says what is wrong."""

    def __init__(self, report: Report) -> None:
        super().__init__(f"verification of the audit trail failed: {report.broken[0]}")
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
    """Verify the rows in the database: all of them, or those since the last good checkpoint.

    A checkpoint is good when a known key made its signature; others are findings and nothing
    starts from them. Judged are those of the database, of `checkpoints.jsonl` in
    AUDIT_CHECKPOINT_DIR (what a restored database lacks) and `statements` from elsewhere.
    """
    known = tuple(public_keys() if keys is None else keys)
    kept, unreadable = _kept()
    stored = (_statement(point) for point in Checkpoint.objects.using(using).order_by("seq"))
    judged = list(dict.fromkeys([*statements, *kept, *stored]))
    start, prev = 1, GENESIS
    if since_checkpoint and (base := _last_good(judged, known)) is not None:
        # The last signed row is read again: it must still be there and be the signed one.
        start = base.seq
        judged = [statement for statement in judged if statement.seq >= start]
        before = AuditRecord.objects.using(using).filter(seq=start - 1).first()
        prev = before.hash if before is not None else GENESIS
    judge = Judge(checkpoints=judged, public_keys=known, start=start, prev=prev)
    rows = AuditRecord.objects.using(using).filter(seq__gte=start).order_by("seq")
    for record in rows.iterator(chunk_size=_CHUNK):
        judge.row(record.row())
    for detail in unreadable:
        judge.unreadable(detail)
    for table in guards.missing(using=using):
        judge.note(Kind.UNGUARDED, f"{table} has not the guard that this version installs")
    return judge.report()


def last_good(*, using: str = DEFAULT_DB_ALIAS) -> checkpoints.Statement | None:
    """The furthest checkpoint, in the database or its file, that a known key has signed."""
    known = public_keys()
    points = Checkpoint.objects.using(using).order_by("-seq")
    stored = _furthest_stored(points, known)
    kept = _furthest_kept(known)
    return _last_good([each for each in (kept, stored) if each is not None], known)


def _furthest_stored(
    points: QuerySet[Checkpoint], keys: tuple[str, ...]
) -> checkpoints.Statement | None:
    """The first of these rows that a known key has signed. Few are read where that is the first,
    as it is unless somebody wrote rows of their own: one is added every five minutes."""
    start, many = 0, _FIRST_POINTS
    while rows := list(points[start : start + many]):
        if (found := _last_good(map(_statement, rows), keys)) is not None:
            return found
        start, many = start + many, _CHUNK
    return None


def _furthest_kept(keys: tuple[str, ...]) -> checkpoints.Statement | None:
    """The same of the file's lines, read anew when file or keys are others than the last time."""
    global _furthest_seen  # noqa: PLW0603 - one file for this process
    folder = getattr(settings, "AUDIT_CHECKPOINT_DIR", "")
    if not folder:
        return None
    place = Path(folder) / FILE_NAME
    try:
        was = place.stat()
    except OSError:
        return None  # nothing was signed yet, or it cannot be read: `verify` says so
    # A file cannot be written without a new time of change, which nobody sets at will. Two writes
    # within one tick of that clock may share it: what was written just now is read again.
    version = (str(place), was.st_dev, was.st_ino, was.st_size, was.st_mtime_ns, was.st_ctime_ns)
    if (seen := _furthest_seen) is not None and seen[0] == (version, keys):
        return seen[1]
    found = _last_good(_kept()[0], keys)
    settled = abs(time.time() - was.st_ctime) > _TICK_SECONDS
    _furthest_seen = ((version, keys), found) if settled else None
    return found


def _last_good(
    judged: Iterable[checkpoints.Statement], keys: Iterable[str]
) -> checkpoints.Statement | None:
    known = tuple(keys)
    furthest = sorted(judged, key=lambda statement: statement.seq, reverse=True)
    return next((one for one in furthest if checkpoints.is_signed(one, known)), None)


def _kept() -> tuple[list[checkpoints.Statement], list[str]]:
    """The lines of AUDIT_CHECKPOINT_DIR's file, and what is wrong with those that are none."""
    folder = getattr(settings, "AUDIT_CHECKPOINT_DIR", "")
    if not folder:
        return [], []
    try:
        lines = (Path(folder) / FILE_NAME).read_bytes().splitlines()
    except FileNotFoundError:
        return [], []  # nothing was signed yet
    except OSError as error:
        return [], [f"{FILE_NAME} cannot be read: {error.strerror}"]
    found, wrong = [], []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(checkpoints.read(line.decode()))
        except (AuditError, UnicodeDecodeError):
            wrong.append(f"line {number} of {FILE_NAME} is no checkpoint")
    return found, wrong


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

    Rows since the last good checkpoint are verified first, its own row included: BrokenTrail
    instead of a signature under a forgery or a trail that is shorter than what was signed.
    AuditError without a signing key or when the file cannot be written.
    """
    seed = getattr(settings, "AUDIT_SIGNING_KEY", "")
    if not seed:
        raise AuditError("AUDIT_SIGNING_KEY is not set: nothing can be signed")
    report = verify(since_checkpoint=True, using=using)
    if report.broken:
        raise BrokenTrail(report)
    if report.rows == 0:
        return None
    points = Checkpoint.objects.using(using)
    good = last_good(using=using)
    there = points.filter(seq=report.head_seq).first()
    if good is not None and good.seq == report.head_seq:
        if there is None:
            _store(good, using=using)  # its line was written, and then the process died
        return None
    if there is not None:
        # A row that no key of ours has made stands where ours belongs, and none can be replaced:
        # say so in the trail, whose head moves on by that.
        row = writer.append(
            Entry(
                Action.AUDIT_VERIFIED,
                actor=SYSTEM,
                data={"ok": False, "findings": [f"the checkpoint at {there.seq} is not ours"]},
            ),
            using=using,
        )
        head, signed = row.seq, row.hash
    else:
        head, signed = report.head_seq, report.head_hash
    statement = checkpoints.sign(seed, seq=head, hash=signed, at=timezone.now())
    # The file first: a line without its row is harmless, a row without its line proves nothing.
    _write_out(statement)
    return statement if _store(statement, using=using) else None


def _store(statement: checkpoints.Statement, *, using: str) -> bool:
    """Add it to the table; False when another process signed the same head in that instant."""
    try:
        with transaction.atomic(using=using):
            Checkpoint.objects.using(using).create(
                seq=statement.seq,
                at=dt.datetime.fromisoformat(statement.at),
                hash=statement.hash,
                key_id=statement.key_id,
                signature=statement.signature,
            )
    except IntegrityError:
        return False
    return True


def checkpoint_if_due(
    *, every: float = CHECKPOINT_SECONDS, using: str = DEFAULT_DB_ALIAS
) -> checkpoints.Statement | None:
    """`checkpoint` when the last good one is older than `every` seconds; for a janitor's loop."""
    last = last_good(using=using)
    if last is not None:
        age = (timezone.now() - dt.datetime.fromisoformat(last.at)).total_seconds()
        if 0 <= age < every:
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
            Path(folder) / FILE_NAME, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640
        )
        try:
            size = os.fstat(place).st_size
            torn = size > 0 and os.pread(place, 1, size - 1) != b"\n"  # a crash amid a line
            line = statement.line().encode() + b"\n"
            os.write(place, b"\n" + line if torn else line)  # one write: lines never mix
            os.fsync(place)
        finally:
            os.close(place)
    except OSError as error:
        raise AuditError(f"the checkpoint cannot be written to {folder}: {error}") from error
