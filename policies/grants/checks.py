"""System check: somebody is told when an operator uses break-glass access.

It asks the database, so it runs with `check --deploy --database default` and where the console
starts (`problems`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import DEFAULT_DB_ALIAS

from policies.grants import claims, notifications


@register(Tags.database, deploy=True)
def glass_has_an_alarm(
    app_configs: Any, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """The check as Django calls it."""
    return problems() if DEFAULT_DB_ALIAS in (databases or ()) else []


def problems() -> list[CheckMessage]:
    """Warnings in production, where break-glass access may be used and somebody not hear of it."""
    if not getattr(settings, "PRODUCTION", True) or not claims.policy().break_glass:
        return []
    deaf = notifications.unreached(claims.judges())
    if not deaf:
        return []
    return [
        Warning(
            f"Nobody tells these operators of break-glass grants: {', '.join(deaf[:10])}"
            f"{' and others' if len(deaf) > 10 else ''}.",
            hint="Give them an e-mail address and set EMAIL_URL, set EXT_DEBUG_WEBHOOK_URL, or "
            "switch break-glass access off.",
            id="policies.W002",
        )
    ]
