"""Changes many rows of policy at once, each with the audit row that `verbs` would write for it.

For the directory, which changes thousands in one transaction: a handful of statements for a hundred
rows. There is no person behind it, so nobody's lock is asked, and whether two people are needed is
the caller's question (`policies.directory.gate`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connection
from django.db.models import Model, prefetch_related_objects

from audit import trail
from policies.changes.row_records import about, action_of, difference, entry, snapshot

# Rows at once. On SQLite a record must come at most so far behind the change that it tells
# (`audit.change_notes`), so records are written after each hundred there; on PostgreSQL at the end,
# because whoever writes one holds up everybody else's until the commit.
AT_ONCE: Final = 100


@dataclass(slots=True)
class Changes:
    """The changes of one transaction; `record` writes what is not recorded yet, last of all."""

    actor: trail.Actor
    reason: str
    waiting: list[trail.Entry] = field(default_factory=list)

    def create(
        self, rows: Sequence[Model], *, related: Mapping[int, Mapping[str, Any]] | None = None
    ) -> None:
        """Insert rows of one model; `related`: of the row at this place, its many-to-many sets."""
        for start, part in _parts(rows):
            for row in part:
                row.clean_fields(exclude=_references(row))
            type(part[0])._base_manager.bulk_create(part)  # noqa: SLF001 - documented: it sees every row
            _relate(part, [(related or {}).get(place) or {} for place in _places(start, part)])
            self._tell(part, {})

    def change(
        self,
        changes: Sequence[tuple[Model, Mapping[str, Any]]],
        *,
        related: Mapping[int, Mapping[str, Any]] | None = None,
    ) -> None:
        """Set columns of rows of one model, each at most once in a call; `related` as above."""
        for start, part in _parts(changes):
            rows = [row for row, _ in part]
            before = {row.pk: snapshot(row) for row in _stored(rows)}
            columns: dict[tuple[str, ...], list[Model]] = {}
            for row, values in part:
                for name, value in values.items():
                    setattr(row, name, value)
                row.clean_fields(exclude=_references(row))
                columns.setdefault(tuple(sorted(values)), []).append(row)
            for names, those in columns.items():
                if names:
                    type(rows[0])._base_manager.bulk_update(those, names)  # noqa: SLF001
            for place, row in zip(_places(start, rows), rows, strict=True):
                for name, wanted in ((related or {}).get(place) or {}).items():
                    getattr(row, name).set(wanted)
            self._tell(rows, before)

    def delete(self, rows: Sequence[Model]) -> None:
        """Delete rows of one model. ProtectedError when a grant names one."""
        for _, part in _parts(rows):
            stored = _stored(part)
            gone = [(row, row.pk, snapshot(row), about(row)) for row in stored]
            model = type(part[0])
            model._base_manager.filter(pk__in=[row.pk for row in stored]).delete()  # noqa: SLF001
            for row, pk, was, whose in gone:
                self._say(row, pk=pk, before=was, after=None, whose=whose)
            self._behind()

    def record(self) -> None:
        """Write the records that wait. AuditError when the trail takes none."""
        entries, self.waiting = self.waiting, []
        if entries:
            trail.record_changes(entries)

    def _tell(self, rows: Sequence[Model], before: Mapping[Any, Mapping[str, Any] | None]) -> None:
        for row in _stored(rows):
            was, now = before.get(row.pk), snapshot(row)
            if was != now:
                self._say(row, pk=row.pk, before=was, after=now, whose=about(row))
        self._behind()

    def _say(
        self,
        row: Model,
        *,
        pk: Any,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
        whose: tuple[str, str],
    ) -> None:
        self.waiting.append(
            entry(
                action_of(row, before=before, after=after),
                row,
                actor=self.actor,
                reason=self.reason,
                data=difference(before, after),
                whose=whose,
                pk=pk,
            )
        )

    def _behind(self) -> None:
        if connection.vendor == "sqlite":
            self.record()


def _parts(rows: Sequence[Any]) -> Iterator[tuple[int, Sequence[Any]]]:
    """(place of the first, up to AT_ONCE rows)."""
    for start in range(0, len(rows), AT_ONCE):
        yield start, rows[start : start + AT_ONCE]


def _places(start: int, part: Sequence[Any]) -> range:
    return range(start, start + len(part))


def _relate(rows: Sequence[Model], related: Sequence[Mapping[str, Any]]) -> None:
    """Fill many-to-many sets of rows that are new: one statement for each kind of set."""
    for relation in rows[0]._meta.many_to_many:  # noqa: SLF001 - Django's documented model API
        through: Any = relation.remote_field.through
        ours, theirs = relation.m2m_column_name(), relation.m2m_reverse_name()
        through._base_manager.bulk_create(  # noqa: SLF001 - as above
            [
                through(**{ours: row.pk, theirs: each.pk})
                for row, sets in zip(rows, related, strict=True)
                for each in sets.get(relation.name) or ()
            ]
        )


def _stored(rows: Sequence[Model]) -> list[Model]:
    """The rows as the database has them, in this order, with what a record says of them."""
    model = type(rows[0])
    meta = model._meta  # noqa: SLF001 - Django's documented model API
    wanted = model._base_manager.filter(pk__in=[row.pk for row in rows])  # noqa: SLF001
    if names := _references(rows[0]):
        wanted = wanted.select_related(*names)
    found = {row.pk: row for row in wanted}
    stored = [found[row.pk] for row in rows if row.pk in found]
    prefetch_related_objects(stored, *(relation.name for relation in meta.many_to_many))
    return stored


def _references(row: Model) -> list[str]:
    """The foreign keys; the database checks them."""
    return [each.name for each in row._meta.concrete_fields if each.is_relation]  # noqa: SLF001
