"""The sum of what one session was told: entries = shown + filtered + lost."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from extdebug.protocol.server_frame_parts import LedgerFigures
from extdebug.wire.events import Gap

_NONE: Final = frozenset[str]()  # an empty set weighs 216 bytes, so all ledgers share this one


@dataclass(slots=True)
class Ledger:
    """Counts of stream entries; a loss of unknown size is counted as unknown, by its reason."""

    shown: int = 0
    filtered: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    unknown: frozenset[str] = _NONE

    @classmethod
    def of(
        cls, *, shown: int, filtered: int, lost: Mapping[str, int], unknown: Collection[str]
    ) -> Ledger:
        """A ledger that goes on from these figures."""
        return cls(shown, filtered, dict(lost), frozenset(unknown) if unknown else _NONE)

    def lose(self, gap: Gap) -> None:
        reason = gap.reason.value
        self.lost[reason] = self.lost.get(reason, 0) + (gap.missed or 0)
        if gap.missed is None:
            self.unknown |= {reason}

    @property
    def entries(self) -> int:
        return self.shown + self.filtered + sum(self.lost.values())

    def frame(self) -> LedgerFigures:
        """As frames carry it: a reason with an uncountable loss reads null."""
        return LedgerFigures(
            entries=self.entries,
            shown=self.shown,
            filtered=self.filtered,
            lost={
                reason: None if reason in self.unknown else count
                for reason, count in sorted(self.lost.items())
            },
        )

    def add(self, other: Ledger) -> None:
        self.shown += other.shown
        self.filtered += other.filtered
        for reason, count in other.lost.items():
            self.lost[reason] = self.lost.get(reason, 0) + count
        self.unknown |= other.unknown
