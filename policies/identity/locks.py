"""Locks on people that are in force now, by the database's clock."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from policies.database import clock
from policies.models import Lock


def in_force() -> QuerySet[Lock]:
    """The locks on people that have not expired."""
    live = Q(expires_at__isnull=True) | Q(expires_at__gt=clock.ClockNow())
    return Lock.objects.filter(live, user__isnull=False)


def locked_people() -> QuerySet[Any, Any]:
    """The ids of those on whom a lock is in force, for `pk__in`."""
    return in_force().values("user")


def lock_on(user_id: int | None) -> Lock | None:
    """The lock in force on this person, if there is one."""
    return in_force().filter(user=user_id).first() if user_id else None
