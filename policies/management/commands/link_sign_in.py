"""`manage.py link_sign_in`: says whom the provider knows as which account."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from policies.models import SignInIdentity
from policies.sign_in import accounts, roles


class Command(BaseCommand):
    help = (
        "Link the account NAME to SUBJECT, the `sub` by which the provider in OIDC_ISSUER knows"
        " that person. With --remove the link and what groups gave through it are taken away."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("subject", metavar="SUBJECT")
        parser.add_argument("--remove", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        name, subject, issuer = options["name"], options["subject"], settings.SIGN_IN.issuer
        if not issuer:
            raise CommandError("OIDC_ISSUER: expected the provider's issuer, got none")
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"expected the name of an account, got {name!r}")
        by = f"shell user {getpass.getuser()}"
        if options["remove"]:
            self._remove(user, issuer=issuer, subject=subject, by=by)
            self.stdout.write(f"{name} is no longer {subject} at {issuer}.")
            return
        try:
            accounts.link(user, issuer=issuer, subject=subject, by=by)
        except accounts.NotLinked as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{name} is {subject} at {issuer}.")

    def _remove(self, user: User, *, issuer: str, subject: str, by: str) -> None:
        with transaction.atomic():
            rows = SignInIdentity.objects.select_for_update(of=("self",)).select_related("user")
            row = rows.filter(user=user, issuer=issuer, subject=subject).first()
            if row is None:
                raise CommandError(f"expected a link to take away, got {user} and {subject!r}")
            roles.end_all(row)
            accounts.unlink(row, by=by)
