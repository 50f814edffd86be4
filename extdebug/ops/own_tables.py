"""Whether the database is the one this code knows: migrations applied, tables read and written.

Synchronous, three or four short statements. A DatabaseError means that the database is away.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from django.apps import apps
from django.core.checks import CheckMessage, Error
from django.db import (
    DEFAULT_DB_ALIAS,
    OperationalError,
    ProgrammingError,
    connections,
    transaction,
)
from django.db import (
    Error as DatabaseTrouble,
)
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from audit import roles

GRANTS: Final = "Run what `manage.py audit_role ROLE` prints, as the owner, for the console's role."
MIGRATE: Final = "Run `manage.py migrate` as the owner of the tables."


def problems(*, using: str = DEFAULT_DB_ALIAS) -> list[CheckMessage]:
    """What of the tables a session could not use. Errors in every environment."""
    # What the server says of a missing table, column or right; anything else means that it is away.
    ours: type[DatabaseTrouble] = (
        ProgrammingError if connections[using].vendor == "postgresql" else OperationalError
    )
    try:
        # A savepoint where there is a transaction: a refused statement would spoil it.
        with transaction.atomic(using=using):
            missing = unapplied(using=using)
            if missing:
                more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
                return [
                    Error(
                        f"The migration {missing[0]}{more} is not applied.",
                        hint=MIGRATE,
                        id="extdebug.E003",
                    )
                ]
            with connections[using].cursor() as cursor:
                cursor.execute(_read_all(using))
    except ours as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        return [Error(f"A table cannot be read: {reason}.", hint=GRANTS, id="extdebug.E004")]
    lacking = roles.lacking(_tables(), using=using)
    if not lacking:
        return []
    more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
    return [
        Error(
            f"The console's database role lacks {lacking[0]}{more}.",
            hint=GRANTS,
            id="extdebug.E005",
        )
    ]


def unapplied(*, using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """`app.name` of migrations that this code has and the database does not; newer ones of a later
    version are no problem."""
    applied = MigrationRecorder(connections[using]).applied_migrations()
    return sorted(
        f"{app}.{name}"
        for (app, name), replaces in _known().items()
        if (app, name) not in applied
        and not (replaces and all(each in applied for each in replaces))
    )


@cache
def _known() -> dict[tuple[str, str], tuple[tuple[str, str], ...]]:
    """The migrations on disk, with those that each replaces."""
    loader = MigrationLoader(None)
    return {
        key: tuple((app, name) for app, name in migration.replaces)
        for key, migration in loader.disk_migrations.items()
    }


def _tables() -> dict[str, list[str]]:
    """The columns of each table of ours and of Django's."""
    options = [model._meta for model in apps.get_models(include_auto_created=True)]  # noqa: SLF001 - Django's own documented API
    return {
        each.db_table: [str(field.column) for field in each.local_concrete_fields]
        for each in options
        if each.managed and not each.proxy
    }


def _read_all(using: str) -> str:
    """One statement that reads every column of every table and no row."""
    quote = connections[using].ops.quote_name
    parts = []
    for table, columns in _tables().items():
        # By an alias: SQLite takes a quoted name that is no column for a string.
        listed = ", ".join(f"one.{quote(column)}" for column in columns)
        parts.append(f"SELECT 1 FROM (SELECT {listed} FROM {quote(table)} one WHERE 1 = 0) two")  # noqa: S608 - names of our models
    return " UNION ALL ".join(parts)
