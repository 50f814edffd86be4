"""Makes the steps of a plan: rows of policy with their audit rows, then who keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from policies.changes.bulk import Changes
from policies.directory.document import SECTIONS
from policies.directory.steps import Act, Mark, Step
from policies.models import KeptRow

_AT_ONCE: Final = 500
_ORDER: Final = tuple(Act)


def make(steps: Sequence[Step], changes: Changes) -> None:
    """All of it in the caller's transaction. The records come last."""
    alike: dict[tuple[Any, ...], list[Step]] = {}
    for step in steps:
        alike.setdefault(_kind(step), []).append(step)
    for _, those in sorted(alike.items(), key=lambda item: item[0][:3]):
        _make_alike(those, changes)
    _mark(step.mark for step in steps if step.mark is not None)
    changes.record()


def _kind(step: Step) -> tuple[Any, ...]:
    """Steps that go into the same statements: each row once; a lock behind the extension that it
    is on, and what narrows a row before what widens it."""
    later = step.takes if step.act is Act.ADD else step.widens != ""
    place = (SECTIONS.index(step.section), _ORDER.index(step.act), later)
    return *place, type(step.row), tuple(step.columns), step.installs is not None


def _make_alike(steps: Sequence[Step], changes: Changes) -> None:
    rows: list[Any] = [step.row for step in steps]
    related = {
        place: {"installs": step.installs}
        for place, step in enumerate(steps)
        if step.installs is not None
    }
    match steps[0].act:
        case Act.ADD:
            changes.create(rows, related=related)
        case Act.CHANGE:
            columns = [(step.row, step.columns) for step in steps if step.row is not None]
            changes.change(columns, related=related)
        case Act.DELETE:
            changes.delete(rows)
        case Act.NOTHING:
            pass


def _mark(marks: Iterable[Mark]) -> None:
    """The last word on each name counts."""
    last = {(mark.section, mark.name): mark for mark in marks}
    rows = [
        KeptRow(
            section=mark.section,
            name=mark.name,
            left=mark.left,
            ended_at=mark.ended_at,
            lock=mark.lock if mark.lock is not None and mark.lock.pk else None,
        )
        for mark in last.values()
    ]
    KeptRow.objects.bulk_create(
        rows,
        batch_size=_AT_ONCE,
        update_conflicts=True,
        unique_fields=["section", "name"],
        update_fields=["left", "ended_at", "lock"],
    )
