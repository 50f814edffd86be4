"""A row as the database has it, to compare before and after a change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model


@dataclass(frozen=True, slots=True)
class RowState:
    """A row's columns by attribute name, and the primary keys of its many-to-many relations."""

    columns: Mapping[str, Any] = field(default_factory=dict)
    related: Mapping[str, frozenset[int]] = field(default_factory=dict)


def state_of(row: Model | None) -> RowState | None:
    """The state of a row that was just read from the database; None for no row."""
    if row is None:
        return None
    meta = row._meta  # noqa: SLF001 - Django's documented model API
    return RowState(
        {column.attname: getattr(row, column.attname) for column in meta.concrete_fields},
        {
            relation.name: frozenset(getattr(row, relation.name).values_list("pk", flat=True))
            for relation in meta.many_to_many
        },
    )
