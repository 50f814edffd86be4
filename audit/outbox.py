"""Writes rows that must not wait for the trail: at once if possible, else retried until they are.

Closing a session must not wait for the audit (a stuck trail would keep a socket open), and a
refusal's row must outlive the rollback of the request that was refused. Such a row goes to the
first of these that takes it: the chain, the outbox table, this process's memory. The janitor of
any process carries on from the table (`drain`), a thread of this process from its memory.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from django.db.models import F

from audit import chain, writer
from audit.models import AuditRecord, Outbox

log = logging.getLogger("audit.outbox")

PATIENCE_MS: Final = 500  # how long a close may wait for the chain's lock before it moves on
MAX_HELD: Final = 10_000  # rows in memory while the database is away; the oldest is logged instead
RETRY_SECONDS: Final = (0.05, 0.2, 1.0, 2.0, 5.0)  # pauses between tries; the last one repeats
CARRIER: Final = "audit-carrier"  # the name of the thread that writes what is held in memory

Write = Callable[[chain.Entry], object]  # writes one entry in a transaction that is open already


class HeldRows:
    """Rows in this process's memory, and the one thread that carries them to the database.

    A row beyond `limit` pushes the oldest one out, which is logged whole, at level CRITICAL.
    """

    def __init__(
        self, *, limit: int = MAX_HELD, retry_seconds: tuple[float, ...] = RETRY_SECONDS
    ) -> None:
        self._limit = limit
        self._retry_seconds = retry_seconds
        self._rows: deque[tuple[chain.Entry, Write]] = deque()
        self._guard = threading.Lock()
        self._carrier: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def keep(self, entry: chain.Entry, write: Write) -> None:
        """Add an entry; `write` gets it when `drain` or the thread writes what is kept."""
        with self._guard:
            if len(self._rows) >= self._limit:
                lost, _ = self._rows.popleft()
                log.critical("audit row lost from memory, keep this line: %s", pack(lost))
            self._rows.append((entry, write))

    def carry(self, *, using: str = DEFAULT_DB_ALIAS) -> None:
        """Let a thread with its own connection write what is kept, unless one does already."""
        with self._guard:
            if self._carrier is None and self._rows:
                # Not a daemon: the interpreter waits for it, so that a clean exit loses no row.
                self._carrier = threading.Thread(
                    target=self._work, kwargs={"using": using}, name=CARRIER
                )
                self._carrier.start()

    def drain(self, *, using: str = DEFAULT_DB_ALIAS) -> int:
        """Write what is kept, oldest first; how many. AuditError when the database takes none."""
        done = 0
        while True:
            with self._guard:
                if not self._rows:
                    return done
                entry, write = self._rows.popleft()
            try:
                with transaction.atomic(using=using):
                    write(entry)
            except BaseException as error:
                with self._guard:
                    self._rows.appendleft((entry, write))
                if isinstance(error, DatabaseError):
                    raise chain.AuditError(f"{len(self)} audit rows wait in memory") from error
                raise
            done += 1

    def _work(self, *, using: str) -> None:
        """Try until nothing is kept; while the process ends, until every pause was tried once."""
        tries = 0
        try:
            while True:
                try:
                    self.drain(using=using)
                except (chain.AuditError, DatabaseError) as error:
                    log.warning("%d audit rows wait in memory: %s", len(self), error)
                    connections[using].close()
                    tries += 1
                    ending = not threading.main_thread().is_alive()
                    if ending and tries >= len(self._retry_seconds):
                        for entry, _ in self._rows:
                            log.critical("audit row lost at exit, keep this line: %s", pack(entry))
                        return
                    time.sleep(self._retry_seconds[min(tries, len(self._retry_seconds)) - 1])
                    continue
                with self._guard:
                    if not self._rows:
                        self._carrier = None  # under the guard: the next carry() starts a thread
                        return
        finally:
            connections[using].close()
            with self._guard:
                if self._carrier is threading.current_thread():
                    self._carrier = None


_held: Final = HeldRows()


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
    transaction: then None.

    AuditError when neither can be written: then what it records does not happen either.
    """
    chained = append_or_queue_all([entry], using=using)
    return chained[0] if chained else None


def append_or_queue_all(
    entries: Sequence[chain.Entry], *, using: str = DEFAULT_DB_ALIAS
) -> list[AuditRecord]:
    """As `append_or_queue`, all of them to the one or all to the other: then none is answered."""
    actions = ", ".join(sorted({entry.action.value for entry in entries}))
    try:
        with transaction.atomic(using=using):  # what failed is undone, the caller's changes are not
            return writer.append_all(entries, using=using, lock_timeout_ms=PATIENCE_MS)
    except chain.AuditError as error:
        log.warning("%s waits for the audit trail: %s", actions, error)
        said = str(error)[:500]
    waiting = [Outbox(entry=pack(entry), error=said) for entry in entries]
    try:
        with transaction.atomic(using=using, savepoint=False):
            Outbox.objects.using(using).bulk_create(waiting)
    except DatabaseError as error:
        raise chain.AuditError(f"neither trail nor outbox took {actions}") from error
    return []


def hold(entry: chain.Entry, *, write: Write | None = None, using: str = DEFAULT_DB_ALIAS) -> None:
    """Keep the entry in memory and let a thread with its own connection write it."""
    _held.keep(entry, write or partial(writer.append, using=using))
    _held.carry(using=using)


def held() -> int:
    """How many rows this process keeps in memory."""
    return len(_held)


def drain(*, using: str = DEFAULT_DB_ALIAS, limit: int = 500) -> int:
    """Chain what waits in memory and in the outbox, oldest first; how many rows were chained.

    AuditError when the trail still takes nothing: what waits goes on waiting.
    """
    return _held.drain(using=using) + _drain_outbox(using, limit)


def _drain_outbox(using: str, limit: int) -> int:
    done = 0
    waiting = Outbox.objects.using(using)
    for pk in list(waiting.order_by("id").values_list("pk", flat=True)[:limit]):
        try:
            with transaction.atomic(using=using):
                # Claimed by its lock: of two janitors one finds nothing and chains nothing.
                item = waiting.select_for_update().filter(pk=pk).first()
                if item is None:
                    continue
                # The row first: a trigger lets nothing be deleted that the trail does not say.
                entry = unpack(item.entry)
                writer.append(replace(entry, once=entry.once or f"outbox:{pk}"), using=using)
                waiting.filter(pk=pk).delete()
            done += 1
        except (chain.AuditError, DatabaseError) as error:
            waiting.filter(pk=pk).update(attempts=F("attempts") + 1, error=str(error)[:500])
            raise chain.AuditError(f"audit rows wait in the outbox: {error}") from error
    return done


def pack(entry: chain.Entry) -> dict[str, Any]:
    """An entry as plain JSON, for a table; `unpack` gives it back."""
    return {**asdict(entry), "action": entry.action.value, "actor": entry.actor.to_json()}


def unpack(packed: Mapping[str, Any]) -> chain.Entry:
    """The entry that `pack` made into plain JSON."""
    return chain.Entry(**{**packed, "actor": chain.Actor(**packed["actor"])})
