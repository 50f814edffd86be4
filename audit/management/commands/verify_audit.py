"""`manage.py verify_audit`: verify the trail's integrity, in the database or on an export."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit import chain, checkpoints, integrity
from audit.verification import Judge, Report


class Command(BaseCommand):
    help = "Find edited, removed, reordered, inserted and cut-off rows of the audit trail."
    requires_system_checks = ()  # an auditor's machine has no console to check

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("export", nargs="?", help="a JSON Lines export; default: the database")
        parser.add_argument("--checkpoints", help="a checkpoints.jsonl kept outside the database")
        parser.add_argument(
            "--public-key", action="append", default=[], help="64 hex digits; repeatable"
        )
        parser.add_argument("--json", action="store_true", help="the verdict as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            keys = (*options["public_key"], *integrity.public_keys())
            statements = _statements(options["checkpoints"])
            if options["export"]:
                report = verify_file(options["export"], statements=statements, keys=keys)
            else:
                report = integrity.verify(statements=statements, keys=keys)
        except (chain.AuditError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(as_json(report) if options["json"] else as_text(report))
        if statements and not report.checkpoints and not options["json"]:
            self.stderr.write("None of the checkpoints could be checked: pass --public-key.")
        if not report.ok:
            raise CommandError(f"{len(report.findings)} findings", returncode=1)


def verify_file(
    place: str, *, statements: Iterable[checkpoints.Statement], keys: Iterable[str]
) -> Report:
    """Verify an exported JSON Lines file, without a database.

    Each line must be what `export_audit` writes, to the byte: with a doubled key, a further one
    or something behind it, what a person reads is not what was hashed.
    """
    judge = Judge(checkpoints=statements, public_keys=keys)
    with Path(place).open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                judge.row(chain.read(line))
            except chain.AuditError as error:
                judge.unreadable(f"line {number}: {error}")
    return judge.report()


def as_text(report: Report) -> str:
    """The report as lines of text."""
    lines = [str(finding) for finding in report.findings]
    lines.append(
        f"{report.rows} rows, the last is {report.head_seq} ({report.head_hash[:16]}…); "
        f"{report.checkpoints} valid checkpoints, signed up to row {report.proven_to}"
    )
    if report.unknown_keys:
        lines.append(
            f"{report.unknown_keys} checkpoints are signed by keys that are not known here"
        )
    if not report.rows:
        lines.append("NOTHING WAS VERIFIED")
    else:
        lines.append("integrity verified" if report.ok else "VERIFICATION FAILED")
    return "\n".join(lines)


def as_json(report: Report) -> str:
    """The report as one JSON object."""
    return json.dumps(
        {
            "ok": report.ok,
            "rows": report.rows,
            "head": {"seq": report.head_seq, "hash": report.head_hash},
            "checkpoints": report.checkpoints,
            "unknownKeys": report.unknown_keys,
            "provenTo": report.proven_to,
            "findings": [
                {"kind": finding.kind.value, "seq": finding.seq, "detail": finding.detail}
                for finding in report.findings
            ],
        }
    )


def _statements(place: str | None) -> list[checkpoints.Statement]:
    if not place:
        return []
    try:
        found = [checkpoints.read(line.decode()) for line in Path(place).read_bytes().splitlines()]
    except UnicodeDecodeError:
        raise chain.AuditError(f"{place}: expected lines of UTF-8") from None
    if not found:
        raise chain.AuditError(f"{place}: expected checkpoints, it has none")
    return found
