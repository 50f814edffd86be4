"""Caps and rates: which limits hold for a target, and how often a person opens sessions."""

from __future__ import annotations

import datetime as dt
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections

from policies.decisions.facts import SessionLimits
from policies.models import Opening

MINUTE: Final = dt.timedelta(minutes=1)
LOCK_CLASS: Final = 0x0EB6  # the first half of our advisory locks; any constant, never changed
FIELDS: Final = tuple(field.name for field in fields(SessionLimits))


def effective(rows: Sequence[Mapping[str, Any] | None]) -> SessionLimits:
    """The limits of a target from its rows: pair, tenant, extension, defaults; None = no row.

    Field by field: the pair's word counts, else the smaller of tenant's and extension's, else
    the defaults', else what is built in.
    """
    pair, tenant, extension, default = rows
    said: dict[str, int] = {}
    for name in FIELDS:
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
        # A function's rows come, and are locked, in the order of its list.
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, key) FROM unnest(%s::integer[]) AS key",
            [LOCK_CLASS, keys],
        )


class Rates:
    """What these people opened in the last minute, read once. Make it with them held; `write` it
    in the same transaction."""

    def __init__(
        self,
        users: Iterable[int],
        *,
        now: dt.datetime,
        kind: Opening.Kind = Opening.Kind.SESSION,
    ) -> None:
        self._now, self._kind = now, kind
        self._times: dict[int, list[dt.datetime]] = {user: [] for user in users}
        self._new: list[Opening] = []
        self._over: set[int] = set()  # people of whom there are rows that count no more
        rows = Opening.objects.filter(user_id__in=list(self._times), kind=kind).order_by("at")
        for user, at in rows.values_list("user_id", "at"):
            if at <= now - MINUTE:
                self._over.add(user)
            else:
                self._times[user].append(at)

    def count(self, user: int, *, limit: int) -> tuple[int, int]:
        """Openings of the last minute before this one, and the seconds until there is a place.

        Counts this one too unless it is refused for the rate: a refused knock costs nothing, and
        the table holds at most `limit` rows per person and minute.
        """
        times = self._times[user]
        before = len(times)
        if before < limit:
            times.append(self._now)
            self._new.append(Opening(user_id=user, at=self._now, kind=self._kind))
            return before, 0
        if limit < 1:
            return before, 60
        # A place is free when the limit-th youngest has left the minute.
        frees = times[before - limit] + MINUTE
        return before, max(1, math.ceil((frees - self._now).total_seconds()))

    def write(self) -> None:
        """Write down what was counted, and forget what counts no more."""
        if self._over:
            old = Opening.objects.filter(user_id__in=self._over, kind=self._kind)
            old.filter(at__lte=self._now - MINUTE).delete()
        if self._new:
            Opening.objects.bulk_create(self._new)


def count_opening(
    user_id: int,
    *,
    limit: int,
    now: dt.datetime,
    kind: Opening.Kind = Opening.Kind.SESSION,
) -> tuple[int, int]:
    """`Rates.count` of one, written down. Call with the person held."""
    rates = Rates([user_id], now=now, kind=kind)
    counted = rates.count(user_id, limit=limit)
    rates.write()
    return counted
