"""What a run would do, as values: steps that change a row, and who keeps it afterwards."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db.models import Model

from policies.models import Install, Lock


class Act(StrEnum):
    """What happens to the step's row. NOTHING: only who keeps it changes."""

    ADD = "add"
    CHANGE = "change"
    DELETE = "delete"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The KeptRow of a name as it is to be."""

    section: str
    name: str
    left: bool = False
    ended_at: dt.datetime | None = None
    lock: Lock | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One change of one row, in words for people too.

    `widens` says why it gives more access than there was ("": it gives none), `two` that in
    production two people decide on that (`policies.changes.widening`), `takes` that it takes some
    away. A step that is not made leaves its mark unmade.
    """

    section: str
    name: str
    words: str
    act: Act
    row: Model | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    installs: Sequence[Install] | None = None  # of a developer
    widens: str = ""
    two: bool = False
    takes: bool = False
    mark: Mark | None = None

    @property
    def sign(self) -> str:
        """`+` gives or adds, `-` takes away, `~` is anything else."""
        if self.takes:
            return "-"
        return "+" if self.widens or self.act is Act.ADD else "~"


@dataclass(slots=True)
class Plan:
    """All steps in the order in which they can be made, and what is left alone and why."""

    steps: list[Step] = field(default_factory=list)
    left_alone: list[str] = field(default_factory=list)
