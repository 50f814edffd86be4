"""System checks: the trail's triggers are there, and the console could not take them away.

They ask the database, so they run with `check --deploy --database default` and where the console
starts (`problems`); `migrate`, which runs as the owner on purpose, does not run them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DEFAULT_DB_ALIAS

from audit import guards, roles


@register(Tags.database, deploy=True)
def trail_is_guarded(
    app_configs: Any, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """Called by `manage.py check`; asks only when the default database is among `databases`."""
    return problems() if DEFAULT_DB_ALIAS in (databases or ()) else []


def problems(*, using: str = DEFAULT_DB_ALIAS) -> list[CheckMessage]:
    """What would let this process change the trail. Errors in production, else warnings."""
    grave = Error if getattr(settings, "PRODUCTION", True) else Warning
    found: list[CheckMessage] = [
        grave(
            f"A trigger that guards {table} is missing, altered, or does not always fire.",
            hint="Run `manage.py migrate` as the owner of the tables: it installs them again.",
            id="audit.E001",
        )
        for table in guards.missing(using=using)
    ]
    powers = roles.excess(using=using)
    if powers:
        listed = ", ".join(sorted({f"{item.power} on {item.table}" for item in powers}))
        found.append(
            grave(
                f"The console's database role has power over the audit trail: {listed}.",
                hint="Migrate as an owner role and run the console as another one; "
                "`manage.py audit_role ROLE` prints its grants.",
                id="audit.E002",
            )
        )
    return found
