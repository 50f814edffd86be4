"""`manage.py export_audit`: the trail as JSON Lines or CSV. The export is itself recorded."""

from __future__ import annotations

import datetime as dt
import getpass
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.actions import ActorKind
from audit.chain import Actor, AuditError
from audit.export import ExportSelection, Format, export


class Command(BaseCommand):
    help = "Write the audit trail, or a slice of it, as JSON Lines or CSV."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=[item.value for item in Format], default="jsonl")
        parser.add_argument("--output", help="a file that does not exist yet; default: stdout")
        parser.add_argument("--tenant", action="append", help="only this tenant's rows; repeatable")
        parser.add_argument("--since", type=_time, help="ISO 8601, this moment included")
        parser.add_argument("--until", type=_time, help="ISO 8601, this moment excluded")

    def handle(self, *args: Any, **options: Any) -> None:
        tenants = options["tenant"]
        selection = ExportSelection(
            tenants=None if tenants is None else frozenset(tenants),
            since=options["since"],
            until=options["until"],
        )
        actor = Actor(kind=ActorKind.SYSTEM, name=f"shell user {getpass.getuser()}")
        try:
            if not options["output"]:
                for line in export(selection, format=Format(options["format"]), actor=actor):
                    self.stdout.write(line, ending="")
                return
            with Path(options["output"]).open("x", encoding="utf-8", newline="") as out:
                out.writelines(export(selection, format=Format(options["format"]), actor=actor))
        except (AuditError, OSError) as error:
            raise CommandError(str(error)) from error


def _time(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"expected ISO 8601, got {text!r}") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
