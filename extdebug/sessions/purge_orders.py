"""Purges of a stream's lines: ordered and on record first, carried out, and their result on record.

Synchronous ORM and Redis, for the desk. The order's row tells every process what is being removed
and why, before any of it goes.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from typing import Final

import redis
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from redis.exceptions import RedisError

from audit import trail
from extdebug.models import StreamPurge
from extdebug.sessions.purged import Purged
from extdebug.streams import purge
from extdebug.streams.purge import Held, Stretch
from extdebug.wire import redis_clients
from extdebug.wire.keys import Keys, Target
from extdebug.wire.positions import EntryId
from extdebug.wire.redis_causes import cause, of_the_slot
from policies import cuts
from policies.grants import notifications
from policies.loading.redactor import current_redactor

log = logging.getLogger(__name__)

REDIS_SECONDS: Final = 5.0  # for one command
REMEMBERED: Final = dt.timedelta(hours=1)  # at least: gaps of purges that are older name none
MOST_REMEMBERED: Final = 500
HINT: Final = "purge"


class PurgeFailed(Exception):
    """Redis did not answer or refused; the message is for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What an operator asks for: entries of `target`, as `look` found them, and why."""

    target: Target
    held: Held
    reason: str
    by: User
    ip: str = ""


def look(target: Target, wanted: Stretch) -> Held:
    """What the stream holds of a stretch now. PurgeFailed."""
    try:
        with _connect(target) as client:
            return purge.look(client, _keys().of(target), wanted)
    except (RedisError, OSError) as error:
        raise PurgeFailed(f"Redis could not be asked: {_why(error)}") from error


def order(asked: Order) -> StreamPurge:
    """The order's row and its record, in one transaction; nothing is removed yet.

    AuditError when the trail takes the record neither now nor later: then nothing is ordered.
    """
    stretch = asked.held.stretch
    reason = _masked(asked.reason, asked.target)
    with transaction.atomic():
        row = StreamPurge.objects.create(
            tenant=asked.target.tenant,
            extension=asked.target.extension,
            first=str(stretch.first),
            last=str(stretch.last),
            reason=reason,
            ordered_by=asked.by.get_username(),
            ordered_at=timezone.now(),
            expected=asked.held.entries,
        )
        notifications.announce_purge(str(asked.target), asked.held.entries, reason, by=asked.by)
        trail.record_change(_entry(row, trail.Action.STREAM_PURGE_ORDERED, asked))
        cuts.hint(HINT)
    return row


def carry_out(row: StreamPurge, asked: Order) -> int:
    """Remove what was ordered; how many entries went. PurgeFailed, which is on record then."""
    stretch = asked.held.stretch
    try:
        with _connect(asked.target) as client:
            removed = purge.remove(client, _keys().of(asked.target), stretch)
    except (RedisError, OSError) as error:
        why = _why(error)
        _finish(row, asked, trail.Action.STREAM_PURGE_FAILED, failure=why[:300])
        raise PurgeFailed(
            f"Redis did not remove these lines: {why}. Some may be gone; purge them again."
        ) from error
    _finish(row, asked, trail.Action.STREAM_PURGED, removed=removed)
    return removed


def _finish(
    row: StreamPurge, asked: Order, action: trail.Action, *, removed: int | None = None,
    failure: str = "",
) -> None:  # fmt: skip
    """The result, on record whatever becomes of the row; then every process reads anew."""
    row.removed, row.failure, row.done_at = removed, failure, timezone.now()
    trail.record_durably(_entry(row, action, asked))
    row.save(update_fields=["removed", "failure", "done_at"])
    cuts.hint(HINT)


def recent(*, now: dt.datetime | None = None) -> list[tuple[int, bool, Target, Purged]]:
    """Orders whose loss somebody may still be told: number, whether carried out (or tried), target
    and what goes."""
    kept = max(REMEMBERED, 2 * dt.timedelta(seconds=settings.EXT_DEBUG_RETENTION_SECONDS))
    rows = StreamPurge.objects.filter(ordered_at__gte=(now or timezone.now()) - kept)
    return [
        (
            row.pk, row.done_at is not None, Target(row.tenant, row.extension),
            Purged(Stretch(EntryId.parse(row.first), EntryId.parse(row.last)), row.reason),
        )
        for row in rows[:MOST_REMEMBERED]
    ]  # fmt: skip


def _entry(row: StreamPurge, action: trail.Action, asked: Order) -> trail.Entry:
    return trail.Entry(
        action,
        actor=trail.actor_of(asked.by, ip=asked.ip),
        tenant=row.tenant,
        extension=row.extension,
        subject_type="streampurge",
        subject_id=str(row.pk),
        reason=row.reason,
        data={
            "first": row.first,
            "last": row.last,
            "expected": row.expected,
            "removed": row.removed,
            "failure": row.failure,
        },
    )


def _connect(target: Target) -> redis.Redis:
    """By the role that may remove entries, for this purge alone."""
    if not settings.EXT_DEBUG_PURGE_REDIS_URL:
        raise RedisError("no Redis is configured")
    return redis_clients.client(
        settings.EXT_DEBUG_PURGE_REDIS_URL, seconds=REDIS_SECONDS, bucket=_keys().bucket(target)
    )


def _keys() -> Keys:
    url = settings.EXT_DEBUG_PURGE_REDIS_URL
    return redis_clients.keys(url, prefix=settings.EXT_DEBUG_STREAM_PREFIX)


def _why(error: Exception) -> str:
    if isinstance(error, redis.exceptions.NoPermissionError):
        return (
            "its ACL does not let this console remove entries: set EXT_DEBUG_PURGE_REDIS_URL to the"
            " role `purge` of `manage.py redis_acl`"
        )
    slot = of_the_slot(error) if _keys().bucketed else None
    return cause(slot or error) or str(error)


def _masked(reason: str, target: Target) -> str:
    """Watchers, mails and the trail read it: the secret itself must not stand in it."""
    redactor = current_redactor()
    mask = redactor.mask(str(target), f"{timezone.now():%Y-%m-%d}")
    return redactor.text(reason, mask)[0][:500]
