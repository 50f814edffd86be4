"""`manage.py checkpoint_audit`: sign where the trail stands, once or every few minutes."""

from __future__ import annotations

import secrets
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections

from audit import checkpoints, integrity
from audit.chain import AuditError


class Command(BaseCommand):
    help = (
        "Sign the audit trail's head with AUDIT_SIGNING_KEY and append it to the checkpoint file."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--every", type=float, metavar="SECONDS", help="go on for ever, at least 1 s apart"
        )
        parser.add_argument("--new-key", action="store_true", help="print a new key pair and stop")
        parser.add_argument(
            "--public-key", action="store_true", help="print the public key and stop"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["new_key"]:
            seed = secrets.token_hex(32)
            public = checkpoints.public_hex(checkpoints.private_key(seed))
            self.stdout.write(f"AUDIT_SIGNING_KEY={seed}\n# its public key: {public}")
        elif options["public_key"]:
            self.stdout.write("\n".join(integrity.public_keys()))
        elif options["every"]:
            self._go_on(max(1.0, options["every"]))
        else:
            try:
                self._once()
            except AuditError as error:
                raise CommandError(str(error)) from error

    def _once(self) -> None:
        statement = integrity.checkpoint()
        self.stdout.write("nothing new to sign" if statement is None else statement.line())

    def _go_on(self, every: float) -> None:
        while True:
            try:
                self._once()
            except (AuditError, DatabaseError) as error:
                self.stderr.write(str(error))  # and try again: a missing checkpoint is noticed
                connections["default"].close()
            time.sleep(every)
