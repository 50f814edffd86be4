"""Where the trail stands, as the page above its list says it: read anew for each page.

Three statements beside the guards': nothing here grows with the number of rows or checkpoints.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS
from django.db.models import F, Func, IntegerField, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone

from audit import checkpoints, guards, integrity, outbox
from audit.actions import Action
from audit.models import AuditRecord, ChangeNote, Outbox

NOTES_LATE: Final = dt.timedelta(minutes=1)  # notes of changes are moved within seconds


@dataclass(frozen=True, slots=True)
class TrailState:
    """Rows that say where the trail stands; None where there is no such row."""

    first: AuditRecord | None
    last: AuditRecord | None
    verified: AuditRecord | None  # the last verification that is on record
    checkpoint: checkpoints.Statement | None  # the furthest that a known key has signed
    signed: AuditRecord | None  # the row that it is about
    unguarded: tuple[str, ...]  # tables whose triggers are not those of this version
    waiting: int  # records that are not in the chain yet

    @property
    def rows(self) -> int:
        """How many rows there are, as long as none is missing: numbers have no gaps."""
        return self.last.seq if self.last is not None else 0

    @property
    def signed_at(self) -> dt.datetime | None:
        return None if self.checkpoint is None else dt.datetime.fromisoformat(self.checkpoint.at)

    @property
    def unsigned(self) -> int:
        """Rows since the checkpoint."""
        return self.rows - (self.checkpoint.seq if self.checkpoint is not None else 0)

    @property
    def cut(self) -> bool:
        """Whether the signed row is missing or another."""
        if self.checkpoint is None:
            return False
        return self.signed is None or self.signed.hash != self.checkpoint.hash


_OF_PAGES: Final[WeakKeyDictionary[HttpRequest, TrailState]] = WeakKeyDictionary()


def of_page(request: HttpRequest) -> TrailState:
    """The state, read when a request's page first asks: its parts say the same."""
    if (found := _OF_PAGES.get(request)) is None:
        found = _OF_PAGES[request] = read(now=timezone.now())
    return found


def read(*, now: dt.datetime, using: str = DEFAULT_DB_ALIAS) -> TrailState:
    """The state at this moment."""
    point = integrity.last_good(using=using)
    records = AuditRecord.objects.using(using)
    verified = records.filter(action=Action.AUDIT_VERIFIED)
    ends = [records.order_by("seq"), records.order_by("-seq"), verified.order_by("-seq")]
    wanted: list[Any] = [Subquery(end.values("seq")[:1]) for end in ends]
    if point is not None:
        wanted.append(point.seq)
    late = ChangeNote.objects.using(using).filter(at__lt=now - NOTES_LATE)
    rows = list(
        records.filter(seq__in=wanted)
        .order_by("seq")
        .annotate(unmoved=_number_of(Outbox.objects.using(using)), late=_number_of(late))
    )
    # With no row there is none that could carry the numbers.
    waiting: int = (
        rows[0].unmoved + rows[0].late  # type: ignore[attr-defined]  # annotated above
        if rows
        else Outbox.objects.using(using).count() + late.count()
    )
    return TrailState(
        first=rows[0] if rows else None,
        last=rows[-1] if rows else None,
        verified=next((row for row in rows[::-1] if row.action == Action.AUDIT_VERIFIED), None),
        checkpoint=point,
        signed=next((row for row in rows if point and row.seq == point.seq), None),
        unguarded=tuple(guards.missing(using=using)),
        waiting=waiting + outbox.held(),
    )


def _number_of(rows: QuerySet[Any]) -> Subquery:
    """How many rows there are, as a column of another statement."""
    # A plain function, which groups nothing: so there is one row even where nothing is counted.
    counted = rows.order_by().annotate(many=Func(F("pk"), function="COUNT")).values("many")
    return Subquery(counted, output_field=IntegerField())
