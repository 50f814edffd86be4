"""System check: the triggers of policy are there and fire, and so is what reads its facts.

It asks the database, so it runs with `check --deploy --database default` and where the console
starts (`problems`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DEFAULT_DB_ALIAS

from policies.database import facts_function, version_triggers


@register(Tags.database, deploy=True)
def policy_is_guarded(
    app_configs: Any, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """Called by `manage.py check`; asks only when the default database is among `databases`."""
    return problems() if DEFAULT_DB_ALIAS in (databases or ()) else []


@register(Tags.security, deploy=True)
def two_people_where_two_are_needed(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """EXT_DEBUG_ONE_PERSON in production: nothing that needs two people needs them."""
    if not (getattr(settings, "PRODUCTION", True) and settings.EXT_DEBUG_ONE_PERSON):
        return []
    return [
        Warning(
            "EXT_DEBUG_ONE_PERSON is set: one operator can widen their own access.",
            hint="Unset it as soon as there are two operators; each use is recorded and mailed.",
            id="policies.W003",
        )
    ]


def problems(*, using: str = DEFAULT_DB_ALIAS) -> list[CheckMessage]:
    """Triggers that are missing, or the function. An error in production, else a warning."""
    missing = [*version_triggers.missing(using=using), *facts_function.missing(using=using)]
    if not missing:
        return []
    grave = Error if getattr(settings, "PRODUCTION", True) else Warning
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return [
        grave(
            f"In the database {missing[0]}{more} is missing, altered or can be switched off.",
            hint="Run `manage.py migrate` as the owner of the tables: it installs them again.",
            id="policies.E001",
        )
    ]
