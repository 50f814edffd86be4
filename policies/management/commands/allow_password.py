"""`manage.py allow_password`: lets one account in by its password while passwords are off."""

from __future__ import annotations

import datetime as dt
import getpass
from argparse import ArgumentParser
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from policies.sign_in import passwords

LASTS: Final = 30  # minutes


class Command(BaseCommand):
    help = (
        "Let the account NAME sign in with its password for some minutes although PASSWORD_SIGN_IN"
        " is off: when the provider is away. On record with the reason."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("--reason", required=True)
        parser.add_argument("--minutes", type=int, default=LASTS)

    def handle(self, *args: Any, **options: Any) -> None:
        name, minutes, reason = options["name"], options["minutes"], options["reason"].strip()
        most = int(passwords.LONGEST.total_seconds()) // 60
        if not 1 <= minutes <= most:
            raise CommandError(f"--minutes: expected 1 to {most}, got {minutes}")
        if not reason:
            raise CommandError("--reason: expected why, got nothing")
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"expected the name of an account, got {name!r}")
        if not user.is_active or not user.has_usable_password():
            raise CommandError(
                f"{name} is inactive or has no password: `manage.py changepassword {name}` sets one"
            )
        lasts, by = dt.timedelta(minutes=minutes), f"shell user {getpass.getuser()}"
        door = passwords.allow(user, lasts=lasts, reason=reason, by=by)
        self.stdout.write(f"{name} may sign in with a password until {door.until:%H:%M} UTC.")
