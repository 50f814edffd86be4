"""`manage.py sync_directory`: brings policy in step with a directory document."""

from __future__ import annotations

import getpass
import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from policies.directory import wording
from policies.directory.document import (
    SECTIONS,
    BadDocument,
    Document,
    Options,
    read_csv,
    read_json,
)
from policies.directory.gate import Refused
from policies.directory.sync import UNAVAILABLE, sync

# Exit codes beside 0 (applied, or nothing to do), 1 (a wrong document) and 2 (a wrong argument).
REFUSED: Final = 3  # it would widen access, or take it from too many: nothing was applied
AWAY: Final = 4  # the database or the trail: try again later
WAITING: Final = 5  # applied, except for what waits for two operators or was held


class Command(BaseCommand):
    help = (
        "Bring tenants, extensions, installs, people, roles and capabilities in step with FILE:"
        " JSON with a list for each section, or CSV of one. A section that is there is the whole"
        " truth of it. Access is taken away by itself, and given with --widen only."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="- reads from standard input")
        parser.add_argument("--section", choices=SECTIONS, help="only this one; CSV needs it")
        parser.add_argument("--csv", action="store_true", help="CSV, whatever FILE is called")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done")
        parser.add_argument("--json", action="store_true", help="say it as one JSON object")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--widen", action="store_true", help="may give more access than before")
        how.add_argument(
            "--hold", action="store_true", help="leave out what gives more access, do the rest"
        )
        parser.add_argument(
            "--allow-removals", type=int, default=0, metavar="N",
            help="as many rows of a section may lose access",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = Options(
            widen=options["widen"], hold=options["hold"], allow_removals=options["allow_removals"]
        )
        by = f"shell user {getpass.getuser()}"
        try:
            document = _document(options["file"], options["section"], as_csv=options["csv"])
            outcome = sync(document, chosen, dry_run=options["dry_run"], by=by)
        except (BadDocument, OSError, UnicodeDecodeError) as error:
            raise CommandError(str(error)) from error
        except Refused as refused:
            if options["json"]:
                self.stdout.write(json.dumps(wording.refusal_json(refused)))
            else:
                self.stdout.writelines(f"{line}\n" for line in wording.refusal_lines(refused))
            raise CommandError(str(refused), returncode=REFUSED) from None
        except UNAVAILABLE as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise CommandError(f"nothing was applied: {reason}", returncode=AWAY) from error
        if options["json"]:
            self.stdout.write(json.dumps(wording.as_json(outcome)))
        else:
            self.stdout.write("\n".join(wording.lines(outcome)))
        if outcome.waiting:
            many = len(outcome.waiting)
            raise CommandError(f"{many} changes wait", returncode=WAITING)


def _document(file: str, section: str | None, *, as_csv: bool) -> Document:
    body = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    if as_csv or file.lower().endswith(".csv"):
        if section is None:
            raise BadDocument(f"{file}: CSV has one section: say which with --section")
        return read_csv(body.decode("utf-8-sig"), section)
    document, _ = read_json(body)
    if section is None:
        return document
    if section not in document.sections:
        raise BadDocument(f"{file}: expected the section {section}; it is not there")
    return Document({section: document.sections[section]})
