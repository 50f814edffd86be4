"""Goes on with sessions that come back, many in one transaction.

Synchronous ORM, called through `db`. After a restart two thousand come back at once.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, transaction
from django.utils import timezone

from audit import trail
from extdebug.models import DebugSession
from extdebug.sessions import store
from extdebug.sessions.store import Lease
from extdebug.wire.keys import Target
from policies import access
from policies.access import Decision, Viewer
from policies.decisions.audience import standing_of


@dataclass(frozen=True, slots=True)
class Comeback:
    """Somebody names the session that they had, to be served by this process."""

    session: str
    viewer: Viewer
    target: Target
    process: str


Taken = tuple[Decision, Lease] | None


def take_over(asked: Sequence[Comeback]) -> list[Taken]:
    """Go on with each session of the same person and target; None when there is none to go on with.

    The decision is made again; a refusal leaves the row as it is for its end to be recorded.
    """
    keys = [_key(each.session) for each in asked]
    if not any(keys):
        return [None] * len(asked)
    decisions = access.decide_many([(a.viewer, a.target.tenant, a.target.extension) for a in asked])
    with transaction.atomic():
        # In one order, so that two processes that are asked for the same cannot deadlock.
        found = DebugSession.objects.filter(pk__in=[key for key in keys if key]).order_by("pk")
        rows = {row.pk: row for row in found.select_for_update()}
        now = timezone.now()
        taken: list[Taken] = []
        changed, entries = [], []
        for each, key, decision in zip(asked, keys, decisions, strict=True):
            row = rows.get(key) if key else None
            if row is None or not _may_go_on(row, each, now=now):
                taken.append(None)
                continue
            shares = row.handed_in is not None or row.detached_at is None
            if decision.allowed:
                entries += _resumed(row, each, decision)
                changed.append(_hold(row, each, decision))
            lease = store.lease_of(row, resumed=decision.allowed, shares=shares)
            taken.append((decision, lease))
        _write(changed)
        for entry in entries:  # last: they hold the chain's lock until the commit
            trail.record_repeatable(entry)
    return taken


def _key(session: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(session)
    except ValueError:
        return None


def _may_go_on(row: DebugSession, asked: Comeback, *, now: dt.datetime) -> bool:
    """Whether it is theirs, on this target, and neither over nor given up."""
    viewer, target = asked.viewer, asked.target
    theirs = (row.user_id, row.token_id) == (viewer.user_id, viewer.token_id)
    over = row.closed_at is not None or row.end_requested_at is not None or row.expires_at <= now
    late = row.detached_at is not None and row.detached_at < now - store.RESUME_WITHIN
    return (
        theirs
        and (row.tenant, row.extension) == (target.tenant, target.extension)
        and not (over or late)
    )


def _hold(row: DebugSession, asked: Comeback, decision: Decision) -> DebugSession:
    row.holder = uuid.uuid4().hex
    row.process = asked.process
    row.detached_at = None
    row.grant_id = decision.grant_id
    row.session_hash = asked.viewer.session_hash
    row.ip = asked.viewer.ip
    row.standing = standing_of(decision).to_json()
    row.shared = None
    return row


# What `_hold` sets.
_COLUMNS: Final = (
    "holder", "process", "detached_at", "grant_id", "session_hash", "ip", "standing", "shared",
)  # fmt: skip


def _write(rows: Sequence[DebugSession]) -> None:
    """One statement with each row's values: bulk_update builds a CASE for each row and column."""
    if not rows:
        return
    meta = DebugSession._meta  # noqa: SLF001 - Django's documented model API
    fields: list[Any] = [meta.get_field(name.removesuffix("_id")) for name in _COLUMNS]
    columns = ", ".join(f"{column} = %s" for column in _COLUMNS)
    values = [
        [
            *(field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields),
            meta.pk.get_db_prep_value(row.pk, connection),
        ]
        for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE extdebug_debugsession SET {columns} WHERE id = %s", values)  # noqa: S608 - ours


def _resumed(row: DebugSession, asked: Comeback, decision: Decision) -> list[trail.Entry]:
    """A session that goes on by another right or from another place. The same step again within the
    minute is counted; one to a further place has a row of its own."""
    viewer = asked.viewer
    said: Mapping[str, Any] = {
        "grant": (row.grant_id, decision.grant_id),
        "address": (row.ip, viewer.ip),
        "sign-in": (row.session_hash, viewer.session_hash),
    }
    changed = {name: pair for name, pair in said.items() if pair[0] != pair[1]}
    if not changed:
        return []
    return [
        trail.Entry(
            trail.Action.SESSION_RESUMED,
            actor=store.actor_of(viewer),
            tenant=asked.target.tenant,
            extension=asked.target.extension,
            subject_type="session",
            subject_id=str(row.pk),
            data={
                "code": ", ".join(f"{name} {_short(now)}" for name, (_, now) in changed.items()),
                "changed": {
                    name: {"from": _short(before), "to": _short(now)}
                    for name, (before, now) in changed.items()
                },
            },
        )
    ]


def _short(value: int | str | None) -> int | str | None:
    """A sign-in is told by the start of its hash; the rest is nobody's to read."""
    return value[:8] if isinstance(value, str) and len(value) > 45 else value
