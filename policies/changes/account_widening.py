"""Says which changes of an account or a group widen somebody's rights in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission, User
from django.db.models import Model

from policies import models
from policies.changes.row_change import RowChange, Widening, ended
from policies.changes.row_state import RowState


def hands_over(model: type[Model], pk: Any, *, by: User) -> bool:
    """Whether a new password would give `by` an account with rights that are not theirs."""
    return model is get_user_model() and by.pk != pk and _is_trusted(pk)


def user_widens(change: RowChange) -> Widening | None:
    if change.before is None and change.after is None:
        return None
    if change.after is None:
        lock = models.Lock.objects.filter(user=change.pk)
        if any(not ended(row.expires_at) for row in lock):
            return Widening("It deletes a lock together with the account.", frozenset({change.pk}))
        return None
    gained = _rights(change.after) - _rights(change.before)
    if gained:
        return Widening("It gives rights in the admin.", frozenset({change.pk}))
    awake = change.now("is_active") and not change.was("is_active")
    if change.before is not None and awake and _is_trusted(change.pk):
        return Widening("It switches an account on that has rights.", frozenset({change.pk}))
    if change.before is not None and change.by.pk != change.pk and _rights(change.before):
        if change.moved("email"):
            return Widening("It redirects an operator's alerts.", frozenset({change.pk}))
        if change.moved("username"):
            return Widening("It renames an account that has rights.", frozenset({change.pk}))
    return None


def _rights(state: RowState | None) -> frozenset[Any]:
    """What an account may do in the admin: nothing unless it is active staff."""
    if state is None or not (state.columns["is_active"] and state.columns["is_staff"]):
        return frozenset()
    through = Permission.objects.filter(group__in=state.related["groups"])
    held = state.related["user_permissions"] | frozenset(through.values_list("pk", flat=True))
    return held | {"staff"} | ({"superuser"} if state.columns["is_superuser"] else set())


def _is_trusted(user_id: int) -> bool:
    """Whether an account has rights, speaks for a tenant or develops an extension."""
    user = get_user_model().objects.filter(pk=user_id).first()
    return user is not None and (
        user.is_staff
        or user.is_superuser
        or models.Membership.objects.filter(user=user).exists()
        or models.ExtensionDeveloper.objects.filter(user=user).exists()
    )


def group_widens(change: RowChange) -> Widening | None:
    if change.before is None or change.after is None:
        return None
    if not change.after.related["permissions"] - change.before.related["permissions"]:
        return None
    staff = get_user_model().objects.filter(groups=change.pk, is_active=True, is_staff=True)
    people = frozenset(staff.values_list("pk", flat=True))
    return Widening("It gives rights to a group that has staff.", people) if people else None
