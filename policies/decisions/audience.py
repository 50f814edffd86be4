"""Decides who may be told that another person watches the same stream. Pure.

Told of another are those whose authority covers theirs: every install that the other may see, they
may see too. An operator's session, break-glass included, is told to other operators by the same
rule, and to the admins of the tenant always, whose trail names it anyway; never to developers from
outside the tenant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from policies.decisions.coverage import Scope, narrow
from policies.decisions.decide import Decision


@dataclass(frozen=True, slots=True)
class Standing:
    """What one watcher of a stream stands on: their scope (None: all installs) and role."""

    installs: Scope
    operator: bool
    tenant_admin: bool = False

    def to_json(self) -> dict[str, Any]:
        """As a session's row keeps it, for others; whom it may know of itself is not kept."""
        installs = None if self.installs is None else sorted(self.installs)
        return {"installs": installs, "operator": self.operator}

    @classmethod
    def of_json(cls, row: Mapping[str, Any]) -> Standing:
        """What `to_json` wrote."""
        installs = row["installs"]
        return cls(None if installs is None else frozenset(installs), operator=row["operator"])

    def covers(self, other: Standing) -> bool:
        """Whether everything that the other may see may be seen by this one too."""
        return self.installs is None or (
            other.installs is not None and narrow(self.installs, other.installs) == other.installs
        )


def standing_of(decision: Decision) -> Standing:
    """The standing that a decision gives."""
    return Standing(
        installs=decision.installs,
        operator=decision.privileged,
        tenant_admin=decision.tenant_admin,
    )


def may_know(viewer: Standing, other: Standing) -> bool:
    """Whether the viewer is told that the other watches."""
    if other.operator and viewer.tenant_admin:
        return True
    if other.operator and not viewer.operator:
        return False
    return viewer.covers(other)


def may_follow(viewer: Standing, other: Standing) -> bool:
    """Whether the viewer is told what the other looks at, once the other shares it.

    Of an operator whose installs go beyond theirs a tenant's admin learns the name alone.
    """
    return may_know(viewer, other) and viewer.covers(other)
