"""What the filters of the trail's list offer: the values that its rows have, without reading them.

A trail has millions of rows and few values in a column. Each value is found by one step in an
index that begins with its column (a loose index scan), for all columns in one statement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from django.contrib import admin
from django.db import DEFAULT_DB_ALIAS, connections
from django.http import HttpRequest

# Columns with such an index (`AuditRecord.Meta.indexes`).
COLUMNS: Final = ("action", "actor_kind", "tenant", "extension")
_STEP: Final = (
    "{step}(v) AS (SELECT (SELECT MIN({column}) FROM audit_auditrecord) UNION ALL"
    " SELECT (SELECT MIN({column}) FROM audit_auditrecord WHERE {column} > {step}.v)"
    " FROM {step} WHERE {step}.v IS NOT NULL)"
)
_PART: Final = (
    "SELECT {number}, v FROM (SELECT v FROM {step} WHERE v IS NOT NULL LIMIT {most}) found_{step}"
)
MOST: Final = 1_000  # values of a column that are offered, the first in their order
# Read once for a page, however many filters it has.
_READ: Final[WeakKeyDictionary[HttpRequest, Mapping[str, list[str]]]] = WeakKeyDictionary()


def values(
    columns: Sequence[str] = COLUMNS, *, most: int, using: str = DEFAULT_DB_ALIAS
) -> dict[str, list[str]]:
    """The values of these columns in the database's order, `most + 1` of each where there are more.

    A column without an index of its own is read whole for every value: only those of COLUMNS.
    """
    found: dict[str, list[str]] = {column: [] for column in columns}
    steps, parts = [], []
    for number, column in enumerate(columns):
        if column not in COLUMNS:
            raise ValueError(f"expected one of {', '.join(COLUMNS)}, got {column!r}")
        names = {"step": f"s{number}", "column": column, "number": number, "most": most + 1}
        steps.append(_STEP.format(**names))
        parts.append(_PART.format(**names))
    with connections[using].cursor() as cursor:
        cursor.execute(f"WITH RECURSIVE {', '.join(steps)} {' UNION ALL '.join(parts)}")
        for number, value in cursor.fetchall():
            found[columns[number]].append(value)
    return found


class PresentValues(admin.AllValuesFieldListFilter):
    """A filter that offers the values of its column that the trail has, at most `MOST`."""

    def __init__(
        self,
        field: Any,
        request: HttpRequest,
        params: dict[str, Any],
        model: Any,
        model_admin: Any,
        field_path: str,
    ) -> None:
        super().__init__(field, request, params, model, model_admin, field_path)
        if (read := _READ.get(request)) is None:
            read = _READ[request] = values(most=MOST)
        present = read[field_path]
        self.lookup_choices: Any = present[:MOST]
        self._more = len(present) > MOST

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):
            if not choice["display"]:  # rows about no tenant: nothing would be there to click
                choice["display"] = self.empty_value_display
            yield choice
        if self._more:
            yield {
                "selected": False,
                "query_string": changelist.get_query_string(),
                "display": f"the first {MOST:,}: search for others",
            }
