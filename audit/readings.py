"""What somebody read of the trail, in words: from the address that its row keeps. Pure."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, urlsplit

_ROW: Final = re.compile(r"/auditrecord/(\d+)/change/$")
# Of a list's address, what says nothing of which rows were read: their order, how the page looks.
_LOOK: Final = frozenset({"o", "_popup", "_changelist_filters"})
_TESTS: Final = {
    "": "", "exact": "", "in": "", "gte": " from", "gt": " after", "lte": " until", "lt": " before",
    "isnull": " is unset", "year": " in the year", "month": " in the month", "day": " on the day",
}  # fmt: skip


def in_words(read: str, about: str) -> str:
    """`read` is an address, or words already; `about` the subject whose history it was, if any."""
    if not read.startswith("/"):
        return read[:1].upper() + read[1:]
    if about:
        return f"The history of {about}"
    parts = urlsplit(read)
    if (row := _ROW.search(parts.path)) is not None:
        return f"Row {row[1]} of the audit trail"
    if "/auditrecord/" not in parts.path:
        return f"The page {parts.path}"
    chosen = [_chosen(name, value) for name, value in parse_qsl(parts.query) if name not in _LOOK]
    return ", ".join(["The audit trail", *chosen])


def _chosen(name: str, value: str) -> str:
    """One parameter of a list's address: a search, a page, a filter."""
    if name == "q":
        return f"search “{value}”"
    if name == "p":
        return f"page {value}"
    column, _, test = name.partition("__")
    words = f"{column.replace('_', ' ')}{_TESTS.get(test, f' {test}')}"
    return f"{words} {', '.join(value.split(','))}"
