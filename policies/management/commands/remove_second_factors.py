"""`manage.py remove_second_factors`: for somebody who lost all of theirs."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from policies.second_factor import factors


class Command(BaseCommand):
    help = (
        "Remove all second factors of the account NAME, recovery codes included. They add one"
        " right after their next sign-in. On record with the reason; every operator hears of it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        name, reason = options["name"], options["reason"].strip()
        if not reason:
            raise CommandError("--reason: expected why, got nothing")
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"expected the name of an account, got {name!r}")
        who, removed = f"shell user {getpass.getuser()}", 0
        with transaction.atomic():
            for factor in factors.of(user).exclude(type=factors.Type.RECOVERY_CODES):
                factors.remove(factor, by=None, ip="", reason=reason, who=who)
                removed += 1
        if not removed:
            raise CommandError(f"{name} has no second factor")
        self.stdout.write(
            f"{removed} second factor{'' if removed == 1 else 's'} of {name} removed."
        )
