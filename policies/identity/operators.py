"""Who the operators are: active staff with `policies.operate_debug`, asked of the database."""

from __future__ import annotations

from typing import Final

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission, User
from django.db.models import Exists, OuterRef, Q, QuerySet

from policies.identity import locks

OPERATE: Final = "operate_debug"


def operators() -> QuerySet[User]:
    """Active staff with the permission, by themselves, through a group or as superusers."""
    return (
        get_user_model()
        .objects.filter(Q(is_superuser=True) | has_permission())
        .filter(is_active=True, is_staff=True)
    )


def judges() -> QuerySet[User]:
    """The operators who may decide on what others ask for: those on whom no lock is in force."""
    return operators().exclude(pk__in=locks.locked_people())


def has_permission() -> Exists:
    """For a queryset of users: holds `policies.operate_debug`, directly or through a group."""
    mine = Q(user=OuterRef("pk")) | Q(group__user=OuterRef("pk"))
    wanted = Permission.objects.filter(content_type__app_label="policies", codename=OPERATE)
    return Exists(wanted.filter(mine))


def is_operator(user: User) -> bool:
    """Whether this user is an operator, by the database and not by cached permissions."""
    return operators().filter(pk=user.pk).exists()
