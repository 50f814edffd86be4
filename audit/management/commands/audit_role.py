"""`manage.py audit_role ROLE`: print the SQL that gives the console's database role its rights."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit import roles


class Command(BaseCommand):
    help = "Print SQL for the owner of the tables: the console's role may only add to the trail."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("role")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write("\n".join(roles.grants_for(options["role"])))
        except ValueError as error:
            raise CommandError(str(error)) from error
