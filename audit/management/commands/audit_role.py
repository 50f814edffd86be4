"""`manage.py audit_role ROLE`: the SQL that gives the console's database role its rights."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection, transaction

from audit import roles


class Command(BaseCommand):
    help = "Print SQL for the owner of the tables: the console's role may only add to the trail."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("role")
        parser.add_argument(
            "--apply", action="store_true",
            help="carry it out as the owner in DATABASE_URL, after each migration",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            statements = roles.grants_for(options["role"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        if not options["apply"]:
            self.stdout.write("\n".join(statements))
            return
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        except DatabaseError as error:
            reason = str(error).splitlines()[0]
            raise CommandError(f"no rights were given: {reason}") from error
