"""Rows that must not wait for the trail: written at once if possible, else retried until they are.

Closing a session and cutting it never wait for the audit (a stuck trail must not keep a socket
open), and a refusal must outlive the rollback of the request that was refused. Their rows go, in
this order: into the chain; into the outbox table; into this process's memory. The janitor of any
process carries on from the table (`drain`), a thread of this one from its memory.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from django.db.models import F

from audit import chain, writer
from audit.models import AuditRecord, Outbox

log = logging.getLogger("audit.outbox")

PATIENCE_MS: Final = 500  # how long a close may wait for the chain's lock before it moves on
MAX_HELD: Final = 10_000  # rows in memory while the database is away; the oldest is logged instead
RETRY_SECONDS: Final = (0.05, 0.2, 1.0, 2.0, 5.0)  # and then every 5 s

Write = Callable[[chain.Entry], object]  # writes one entry in a transaction that is open already


@dataclass(slots=True)
class _HeldRow:
    """This process's memory of rows, and the one thread that carries them to the database."""

    rows: deque[tuple[chain.Entry, Write]] = field(default_factory=deque)
    guard: threading.Lock = field(default_factory=threading.Lock)
    carrier: threading.Thread | None = None


_held = _HeldRow()


def write_now_or_later(entry: chain.Entry, *, using: str = DEFAULT_DB_ALIAS) -> AuditRecord | None:
    """The row, or None when it waits in the outbox or in memory. Never raises for the database."""
    try:
        return writer.append_durably(entry, using=using, lock_timeout_ms=PATIENCE_MS)
    except RuntimeError:  # inside the caller's transaction, whose rollback the row must survive
        hold(entry, using=using)
        return None
    except (chain.AuditError, DatabaseError) as error:
        log.warning("%s waits for the audit trail: %s", entry.action.value, error)
        try:
            with transaction.atomic(using=using):
                Outbox.objects.using(using).create(entry=pack(entry), error=str(error)[:500])
        except DatabaseError:
            hold(entry, using=using)
        return None


def append_or_queue(entry: chain.Entry, *, using: str = DEFAULT_DB_ALIAS) -> AuditRecord | None:
    """A row in the caller's transaction or, when the chain takes none, in the outbox, in that same
    transaction: then None. DatabaseError when neither can be written."""
    try:
        with transaction.atomic(using=using):  # what failed is undone, the caller's changes are not
            return writer.append(entry, using=using, lock_timeout_ms=PATIENCE_MS)
    except chain.AuditError as error:
        log.warning("%s waits for the audit trail: %s", entry.action.value, error)
        Outbox.objects.using(using).create(entry=pack(entry), error=str(error)[:500])
        return None


def hold(entry: chain.Entry, *, write: Write | None = None, using: str = DEFAULT_DB_ALIAS) -> None:
    """Keep the entry in memory and let a thread with its own connection write it."""
    with _held.guard:
        if len(_held.rows) >= MAX_HELD:
            lost, _ = _held.rows.popleft()
            log.critical("audit row lost from memory, keep this line: %s", pack(lost))
        _held.rows.append((entry, write or partial(writer.append, using=using)))
        if _held.carrier is None:
            # Not a daemon: the interpreter waits for it, so that a clean exit loses no row.
            _held.carrier = threading.Thread(target=_carry, args=(using,), name="audit-carrier")
            _held.carrier.start()


def held() -> int:
    """How many rows this process keeps in memory."""
    return len(_held.rows)


def settle_held(*, seconds: float) -> int:
    """Wait for the carrier thread, at most so long; how many rows are still in memory."""
    carrier = _held.carrier
    if carrier is not None:
        carrier.join(seconds)
    return held()


def drain(*, using: str = DEFAULT_DB_ALIAS, limit: int = 500) -> int:
    """Chain what waits in memory and in the outbox, oldest first; how many rows were chained.

    AuditError when the trail still takes nothing: what waits goes on waiting.
    """
    return _drain_held(using) + _drain_outbox(using, limit)


def _drain_held(using: str) -> int:
    done = 0
    while True:
        with _held.guard:
            if not _held.rows:
                return done
            entry, write = _held.rows.popleft()
        try:
            with transaction.atomic(using=using):
                write(entry)
        except BaseException as error:
            with _held.guard:
                _held.rows.appendleft((entry, write))
            if isinstance(error, DatabaseError):
                raise chain.AuditError(f"{held()} audit rows wait in memory") from error
            raise
        done += 1


def _drain_outbox(using: str, limit: int) -> int:
    done = 0
    waiting = Outbox.objects.using(using)
    for pk in list(waiting.order_by("id").values_list("pk", flat=True)[:limit]):
        try:
            with transaction.atomic(using=using):
                # Claimed by deleting: of two janitors one finds nothing and chains nothing.
                item = waiting.select_for_update().filter(pk=pk).first()
                if item is None or not waiting.filter(pk=pk).delete()[0]:
                    continue
                writer.append(unpack(item.entry), using=using)
            done += 1
        except (chain.AuditError, DatabaseError) as error:
            waiting.filter(pk=pk).update(attempts=F("attempts") + 1, error=str(error)[:500])
            raise chain.AuditError(f"audit rows wait in the outbox: {error}") from error
    return done


def _carry(using: str) -> None:
    """The carrier thread: tries until nothing is held. While the process ends, not for ever."""
    tries = 0
    try:
        while RETRY_SECONDS:
            try:
                _drain_held(using)
            except (chain.AuditError, DatabaseError) as error:
                log.warning("%d audit rows wait in memory: %s", held(), error)
                connections[using].close()
                tries += 1
                if tries >= len(RETRY_SECONDS) and not threading.main_thread().is_alive():
                    for entry, _ in _held.rows:
                        log.critical("audit row lost at exit, keep this line: %s", pack(entry))
                    return
                time.sleep(RETRY_SECONDS[min(tries, len(RETRY_SECONDS)) - 1])
                continue
            with _held.guard:
                if not _held.rows:
                    _held.carrier = None  # under the guard: the next hold() starts a new thread
                    return
    finally:
        connections[using].close()
        with _held.guard:
            if _held.carrier is threading.current_thread():
                _held.carrier = None


def pack(entry: chain.Entry) -> dict[str, Any]:
    """An entry as plain JSON, for a table; `unpack` gives it back."""
    return {
        "action": entry.action.value,
        "actor": {
            "kind": entry.actor.kind.value,
            "id": entry.actor.id,
            "name": entry.actor.name,
            "ip": entry.actor.ip,
        },
        "tenant": entry.tenant,
        "extension": entry.extension,
        "subject_type": entry.subject_type,
        "subject_id": entry.subject_id,
        "reason": entry.reason,
        "data": dict(entry.data),
        "once": entry.once,
    }


def unpack(packed: dict[str, Any]) -> chain.Entry:
    """The entry that `pack` made into plain JSON."""
    return chain.Entry.of(**{**packed, "actor": chain.Actor(**packed["actor"])})
