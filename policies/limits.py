"""Caps and rates: which limits hold for a target, and how often a person opens sessions."""

from __future__ import annotations

import datetime as dt
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from policies.decisions.facts import SessionLimits
from policies.models import Opening

MINUTE: Final = dt.timedelta(minutes=1)
LOCK_CLASS: Final = 0x0EB6  # the first half of our advisory locks; any constant, never changed
_FIELDS: Final = tuple(field.name for field in fields(SessionLimits))


def effective(rows: Sequence[Mapping[str, Any] | None]) -> SessionLimits:
    """The limits of a target from its rows: pair, tenant, extension, defaults; None = no row.

    Field by field: the pair's word counts, else the smaller of tenant's and extension's, else
    the defaults', else what is built in.
    """
    pair, tenant, extension, default = rows
    said: dict[str, int] = {}
    for name in _FIELDS:
        of_pair, of_tenant, of_extension, of_all = (
            None if row is None else row[name] for row in (pair, tenant, extension, default)
        )
        between = [value for value in (of_tenant, of_extension) if value is not None]
        if of_pair is not None:
            said[name] = of_pair
        elif between:
            said[name] = min(between)
        elif of_all is not None:
            said[name] = of_all
    limits = SessionLimits(**said)
    if limits.ttl_seconds > limits.max_ttl_seconds:
        said["ttl_seconds"] = limits.max_ttl_seconds
        return SessionLimits(**said)
    return limits


def hold(*parties: str, using: str = DEFAULT_DB_ALIAS) -> None:
    """Lock these parties until the transaction ends: nobody else opens a session for them.

    So that counting open sessions and adding one is one step. On SQLite an IMMEDIATE
    transaction is that lock already. Always in one order, so that two openings cannot deadlock.
    """
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    keys = sorted({zlib.crc32(party.encode()) - 2**31 for party in parties})
    with connection.cursor() as cursor:
        for key in keys:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK_CLASS, key])


def count_opening(
    user_id: int,
    *,
    limit: int,
    now: dt.datetime,
    kind: Opening.Kind = Opening.Kind.SESSION,
) -> tuple[int, int]:
    """Openings of the last minute before this one, and the seconds until there is a place.

    Counts this one too unless it is refused for the rate: a refused knock costs nothing, and the
    table holds at most `limit` rows per person and minute. Call with the person held.
    """
    with transaction.atomic():
        mine = Opening.objects.filter(user_id=user_id, kind=kind)
        mine.filter(at__lte=now - MINUTE).delete()
        times = list(mine.order_by("at").values_list("at", flat=True))
        if len(times) < limit:
            Opening.objects.create(user_id=user_id, at=now, kind=kind)
            return len(times), 0
    if limit < 1:
        return len(times), 60
    # A place is free when the limit-th youngest has left the minute.
    frees = times[len(times) - limit] + MINUTE
    return len(times), max(1, math.ceil((frees - now).total_seconds()))
