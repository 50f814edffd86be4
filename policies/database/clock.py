"""The database's clock, which all processes share, and the policy version beside it.

PostgreSQL's now() stands still within a transaction, so a verb that waited for a lock would judge
a deadline by the time before the wait. clock_timestamp() in an UPDATE's WHERE is evaluated
again once the lock is there.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import DateTimeField, Func
from django.utils import timezone

_READ_POSTGRESQL: Final = (
    "SELECT COALESCE((SELECT version FROM policies_policyversion WHERE id = 1), 0),"
    " clock_timestamp()"
)
# On SQLite the database's clock is this machine's: Python reads it more finely.
_READ_SQLITE: Final = (
    "SELECT COALESCE((SELECT version FROM policies_policyversion WHERE id = 1), 0), NULL"
)


class ClockNow(Func):
    """The present moment as a column: for annotate() and for WHERE."""

    output_field: ClassVar = DateTimeField()
    arity = 0

    def get_group_by_cols(self) -> list[Any]:
        """Rows are not grouped by it: the clock reads another moment in each of them."""
        return []

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="clock_timestamp()", **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # The format in which Django keeps datetimes there, so that text compares as time. It has
        # milliseconds only: rounded up, so that nothing lasts beyond its end.
        template = "strftime('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f', 'now', '+0.001 seconds')"
        return self.as_sql(compiler, connection, template=template, **context)


@dataclass(frozen=True, slots=True)
class Reading:
    """The policy version and the moment, read together."""

    version: int
    now: dt.datetime


def read(*, using: str = DEFAULT_DB_ALIAS) -> Reading:
    """One cheap query: the policy version (0 before the first change) and the database's clock."""
    connection = connections[using]
    with connection.cursor() as cursor:
        cursor.execute(_READ_POSTGRESQL if connection.vendor == "postgresql" else _READ_SQLITE)
        version, now = cursor.fetchone()
    return Reading(version=version, now=now.astimezone(dt.UTC) if now else timezone.now())


def now(*, using: str = DEFAULT_DB_ALIAS) -> dt.datetime:
    """The moment by the database's clock."""
    return read(using=using).now
