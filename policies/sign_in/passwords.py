"""Who may sign in with a password: everybody, or while passwords are off whom a command let in.

The one way back when the provider is away for long: `manage.py allow_password NAME`, on record and
for some minutes. The password is the account's own; the door gives none.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from audit import trail
from policies.database import clock
from policies.models import PasswordDoor

LONGEST: Final = dt.timedelta(hours=8)


def are_on() -> bool:
    """Whether everybody may."""
    return bool(settings.SIGN_IN.passwords)


def any_door() -> bool:
    """Whether the page has to show its form: passwords are on, or somebody may use theirs."""
    return are_on() or PasswordDoor.objects.filter(until__gt=clock.ClockNow()).exists()


def may(account: str) -> bool:
    """Whether this name may sign in with a password now."""
    if are_on():
        return True
    rows = PasswordDoor.objects.filter(until__gt=clock.ClockNow())
    return "\x00" not in account and rows.filter(user__username__iexact=account).exists()


def allow(user: User, *, lasts: dt.timedelta, reason: str, by: str) -> PasswordDoor:
    """Let this account in with its password for a while; a door that is open moves."""
    until = clock.now() + lasts
    with transaction.atomic():
        door, _ = PasswordDoor.objects.update_or_create(user=user, defaults={"until": until})
        trail.record(
            trail.Entry(
                trail.Action.PASSWORD_ALLOWED,
                actor=trail.Actor(kind=trail.ActorKind.SYSTEM, name=by[:150]),
                subject_type="user",
                subject_id=str(user.pk),
                reason=reason,
                data={"subject": user.get_username(), "until": until.isoformat()},
            )
        )
    return door
