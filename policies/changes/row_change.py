"""A row's change as the rules of widening read it, and what they answer."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User

from policies.changes.row_state import RowState
from policies.database import clock


@dataclass(frozen=True, slots=True)
class Widening:
    """Why a change needs a second person, and the ids of those who gain (empty: everybody)."""

    why: str
    people: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class RowChange:
    pk: Any
    before: RowState | None
    after: RowState | None
    by: User

    def was(self, name: str) -> Any:
        return None if self.before is None else self.before.columns[name]

    def now(self, name: str) -> Any:
        return None if self.after is None else self.after.columns[name]

    def moved(self, *names: str) -> bool:
        return any(self.was(name) != self.now(name) for name in names)


def ended(at: dt.datetime | None) -> bool:
    """Whether this end has come; None never does."""
    return at is not None and at <= clock.now()
