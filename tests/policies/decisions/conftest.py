"""Facts in which nothing stands in the way, for tests to change one thing of."""

import datetime as dt
from dataclasses import replace
from typing import Any

from policies.decisions.facts import (
    DEFAULT_RULES,
    Facts,
    GrantFact,
)

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


ME = 7


def facts_of(**changes: Any) -> Facts:
    """A developer of everything in staging, where nothing stands in the way."""
    plain = Facts(
        user_id=ME,
        tenant="acme",
        extension="sync",
        environment="staging",
        policy=DEFAULT_RULES["staging"],
        active=True,
        develops_all=True,
        tenant_exists=True,
        extension_exists=True,
        extension_capable=True,
        installs=frozenset({"one", "two"}),
        capable_installs=frozenset({"one", "two"}),
    )
    return replace(plain, **changes)


def grant_of(**changes: Any) -> GrantFact:
    plain = GrantFact(
        id=1,
        beneficiary=ME,
        tenant="acme",
        extension="sync",
        environment="staging",
        all_installs=True,
        installs=frozenset(),
        capabilities=frozenset({"cap:debug.logs"}),
        starts_at=NOW - dt.timedelta(minutes=1),
        ends_at=NOW + dt.timedelta(minutes=29),
        closed_at=None,
        closed_as="",
        closed_reason="",
        approvals=1,
        approvals_required=1,
        break_glass=False,
    )
    return replace(plain, **changes)
