"""Reads the rows that a batch of decisions stands on: in one statement, so of one moment.

Written by hand: of a decision's 12 ms the ORM took three quarters to build the SQL of fourteen
queries.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.utils import timezone

from policies.database import facts_function
from policies.database.clock import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a batch's questions name: users and tokens by id, the others by key."""

    users: Collection[int]
    tenants: Collection[str]  # whose grants count
    owners: Collection[str]  # whose rules bind
    whole: Collection[str]  # owners of streams that hold lines of any of their extensions
    extensions: Collection[str]
    tokens: Collection[int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Rows by the names of `facts_statement.PARTS`, and the policy version and time with them."""

    rows: dict[str, list[list[Any]]]
    reading: Reading


def take(asked: Asked, *, environment: str, using: str = DEFAULT_DB_ALIAS) -> Snapshot:
    """The rows of one moment."""
    rows = facts_function.read(
        {name: getattr(asked, name) for name in Asked.__slots__},
        environment=environment,
        using=using,
    )
    [[version, now]] = rows.pop("reading")
    # On SQLite the database's clock is this machine's: Python reads it more finely.
    return Snapshot(rows, Reading(version=version, now=moment(now) or timezone.now()))


def moment(text: str | None) -> dt.datetime | None:
    """A time as JSON has it: with its zone from PostgreSQL, without one (UTC) from SQLite."""
    if text is None:
        return None
    at = dt.datetime.fromisoformat(text)
    return at.replace(tzinfo=dt.UTC) if at.tzinfo is None else at.astimezone(dt.UTC)
