"""Counts what anyone can repeat at will (refusals, readings of the trail) instead of chaining each.

The first of a minute gets a row at once, all its repeats one more row with their number. So the
chain gets at most two rows per person, target and minute. A person who varies the target gets
rows for `MAX_TARGETS` targets per minute; the others count as one target, `(several)`. Everybody
who is not signed in counts as one person.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from dataclasses import replace
from functools import partial
from typing import Final

from django.db import DEFAULT_DB_ALIAS, DatabaseError, IntegrityError, connections, transaction
from django.db.models import F
from django.utils import timezone

from audit import chain, outbox, writer
from audit.actions import ActorKind
from audit.models import AuditRecord, Tally

log = logging.getLogger("audit.summaries")

MAX_TARGETS: Final = 20  # distinct refusals of one person in a minute that get rows of their own
SEVERAL: Final = "(several)"


def record(
    entry: chain.Entry, *, using: str = DEFAULT_DB_ALIAS, now: dt.datetime | None = None
) -> AuditRecord | None:
    """The first of its kind in the minute of `now` as a row; None when it was counted or waits.

    Never raises for the database: a refusal stays a refusal while the trail is away.
    """
    write = partial(_write, minute=_minute(now or timezone.now()), using=using)
    try:
        with transaction.atomic(using=using, durable=True):
            return write(entry)
    except RuntimeError:  # inside the caller's transaction, whose rollback the row must survive
        outbox.hold(entry, write=write, using=using)
    except (chain.AuditError, DatabaseError) as error:
        log.warning("%s waits for the audit trail: %s", entry.action.value, error)
        outbox.hold(entry, write=write, using=using)
    return None


def record_or_fail(
    entry: chain.Entry, *, using: str = DEFAULT_DB_ALIAS, now: dt.datetime | None = None
) -> AuditRecord | None:
    """As `record`, but AuditError when it can neither be written nor counted."""
    minute = _minute(now or timezone.now())
    try:
        # What was counted before is counted by one statement, which needs no transaction around
        # it. Within the caller's, a failure must undo no more than its own.
        alone = not connections[using].in_atomic_block
        if alone and _counted(_key(entry, _person(entry)), minute=minute, using=using):
            return None
        return _write(entry, minute=minute, using=using)
    except DatabaseError as error:
        raise chain.AuditError(f"the audit trail did not take {entry.action.value}") from error


def settle(*, using: str = DEFAULT_DB_ALIAS, now: dt.datetime | None = None) -> int:
    """Write the summary rows of minutes that are over; how many."""
    over = _minute(now or timezone.now())
    written = 0
    finished = Tally.objects.using(using).filter(minute__lt=over).order_by("minute", "pk")
    for pk in list(finished.values_list("pk", flat=True)[:500]):
        try:
            with transaction.atomic(using=using):
                tally = Tally.objects.using(using).select_for_update().filter(pk=pk).first()
                if tally is None:  # another process was faster
                    continue
                # The row first: a trigger lets no count be deleted that the trail does not say.
                if tally.count:
                    writer.append(_summary(tally), using=using)
                    written += 1
                Tally.objects.using(using).filter(pk=pk).delete()
        except DatabaseError as error:
            raise chain.AuditError(f"a summary of repeats waits: {error}") from error
    return written


def _write(entry: chain.Entry, *, minute: dt.datetime, using: str) -> AuditRecord | None:
    with transaction.atomic(using=using):
        person = _person(entry)
        if _counted(_key(entry, person), minute=minute, using=using):
            return None
        tallies = Tally.objects.using(using)
        if tallies.filter(person=person, minute=minute).count() >= MAX_TARGETS:
            entry = replace(
                entry, tenant="", extension="", subject_id="", reason="", data={"code": SEVERAL}
            )
            if _counted(_key(entry, person), minute=minute, using=using):
                return None
        try:
            with transaction.atomic(using=using):
                tallies.create(
                    key=_key(entry, person),
                    person=person,
                    minute=minute,
                    entry=outbox.pack(entry),
                )
        except IntegrityError:  # someone else was first in the same instant
            _counted(_key(entry, person), minute=minute, using=using)
            return None
        return writer.append(entry, using=using, lock_timeout_ms=outbox.PATIENCE_MS)


def _counted(key: str, *, minute: dt.datetime, using: str) -> bool:
    tally = Tally.objects.using(using).filter(key=key, minute=minute)
    return bool(tally.update(count=F("count") + 1))


def _summary(tally: Tally) -> chain.Entry:
    entry = outbox.unpack(tally.entry)
    data = {**entry.data, "repeats": tally.count, "minute": chain.moment(tally.minute)}
    return replace(entry, data=data, once=f"repeats:{tally.pk}:{tally.key}")


def _minute(at: dt.datetime) -> dt.datetime:
    return at.replace(second=0, microsecond=0)


def _person(entry: chain.Entry) -> str:
    """One key for a person however they come in, and one for everybody who is not signed in."""
    if entry.actor.kind is ActorKind.ANONYMOUS:
        return "anonymous"
    return hashlib.sha256(f"person:{entry.actor.id or entry.actor.name}".encode()).hexdigest()


def _key(entry: chain.Entry, person: str) -> str:
    parts = (
        entry.action, person, entry.tenant, entry.extension, entry.subject_type, entry.subject_id,
        str(entry.data.get("code", "")),
    )  # fmt: skip
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()
