"""What a row of the bench is made of: cases that alternate in rounds, and what they measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.bench.peers.peers import Peer

Place = tuple[str, Peer]  # a figure's key, and whose figure it is
Round = dict[Place, float]
OURS: Final = Peer.OURS


@dataclass(frozen=True, slots=True)
class Sample:
    """One case in one round: its figures by key, and why the round was not whole, if it was not."""

    figures: Mapping[str, float]
    broken: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """Something to measure once in each round."""

    name: str
    who: Peer
    measure: Callable[[], Sample]


def nothing_derived(_: Round) -> Mapping[str, float]:
    return {}


@dataclass(frozen=True, slots=True)
class Row:
    """A row's cases, and figures of ours that follow from several of them in one round.

    `left_out` says what could not be measured here, and why.
    """

    cases: Sequence[Case]
    rounds: int = 3
    derived: Callable[[Round], Mapping[str, float]] = nothing_derived
    left_out: Sequence[str] = ()


@dataclass(slots=True)
class Measured:
    """All rounds of a row, and what was wrong with some of them."""

    rounds: list[Round] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def measure(row: Row, *, rounds: int, tell: Callable[[str], None]) -> Measured:
    """Run the cases in turn, as A B C A B C. A case that fails does not end the run."""
    measured = Measured()
    for number in range(1, rounds + 1):
        values: Round = {}
        for case in row.cases:
            name = f"{case.name}, {case.who}, round {number}"
            try:
                sample = case.measure()
            except Exception as error:  # noqa: BLE001 # whatever it was, the table says it
                measured.broken.append(f"{name}: {type(error).__name__}: {error}")
                tell(measured.broken[-1])
                continue
            for key, value in sample.figures.items():
                values[key, case.who] = value
            if sample.broken:
                measured.broken.append(f"{name}: {sample.broken}")
            figures = ", ".join(f"{key} {value:,.3f}" for key, value in sample.figures.items())
            tell(f"{name}: {figures} {f'NOT WHOLE: {sample.broken}' if sample.broken else ''}")
        values |= {(key, OURS): value for key, value in row.derived(values).items()}
        measured.rounds.append(values)
    return measured
