"""Exports the trail as JSON Lines or CSV; the export itself is the last row that it contains.

JSON Lines of the whole trail can be verified offline. A CSV is for people and spreadsheets: no
cell of it starts a formula. A slice (a tenant's rows) shows each row's own hash, not the chain.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Q

from audit import chain, writer
from audit.actions import Action
from audit.models import AuditRecord

_CHUNK: Final = 2_000
# What spreadsheets take for a formula, or strip before they look for one.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
COLUMNS: Final = (
    "seq", "at", "action", "actor_kind", "actor_id", "actor_name", "ip", "tenant", "extension",
    "subject_type", "subject_id", "reason", "data", "once", "prev", "hash",
)  # fmt: skip


class Format(StrEnum):
    """The file format of an export."""

    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSelection:
    """Which rows: all, or those of some tenants and of a span of time (since <= at < until)."""

    tenants: frozenset[str] | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None

    def said(self) -> dict[str, Any]:
        """The selection as the data of the export's own audit row."""
        return {
            "tenants": None if self.tenants is None else sorted(self.tenants),
            "since": self.since,
            "until": self.until,
        }

    def where(self) -> Q:
        """The selection as a condition on AuditRecord."""
        found = Q()
        if self.tenants is not None:
            found &= Q(tenant__in=self.tenants)
        if self.since is not None:
            found &= Q(at__gte=self.since)
        if self.until is not None:
            found &= Q(at__lt=self.until)
        return found


def export(
    selection: ExportSelection,
    *,
    format: Format,
    actor: chain.Actor,
    using: str = DEFAULT_DB_ALIAS,
) -> Iterator[str]:
    """Record the export, then yield its lines. AuditError before the first line: no export.

    The row is written when this is called, not when the first line is taken.
    """
    entry = chain.Entry(
        Action.AUDIT_EXPORTED,
        actor=actor,
        tenant=_only(selection.tenants),
        data={"format": format, **selection.said()},
    )
    last = writer.append(entry, using=using).seq
    rows = AuditRecord.objects.using(using).filter(selection.where(), seq__lte=last)
    records = rows.order_by("seq").iterator(chunk_size=_CHUNK)
    return _lines(records) if format is Format.JSONL else _cells(records)


def _only(tenants: frozenset[str] | None) -> str:
    return next(iter(tenants)) if tenants is not None and len(tenants) == 1 else ""


def _lines(records: Iterable[AuditRecord]) -> Iterator[str]:
    for record in records:
        yield chain.canonical(record.row()).decode() + "\n"


def _cells(records: Iterable[AuditRecord]) -> Iterator[str]:
    yield csv_line(COLUMNS)
    for record in records:
        values = {**{name: getattr(record, name) for name in COLUMNS}}
        values["at"] = chain.moment(record.at)
        values["data"] = chain.canonical(record.data).decode() if record.data else ""
        yield csv_line([safe_cell(str(values[name])) for name in COLUMNS])


def safe_cell(text: str) -> str:
    """The text with an apostrophe before it where a spreadsheet would see a formula."""
    return "'" + text if text.lstrip(" ").startswith(_FORMULA) or text[:1] in _FORMULA else text


def csv_line(cells: Iterable[str]) -> str:
    """One line of a CSV, every cell quoted; what cells hold is `safe_cell`'s to mind."""
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL).writerow(cells)
    return line.getvalue()
