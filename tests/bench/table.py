"""The table of a run as markdown: medians with their noise, ratios to ours, goals and verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tests.bench.cases import Round
from tests.bench.goals import Figure, Unit
from tests.bench.judge import Outcome, Verdict, measure_of, ratios, values_of, verdicts
from tests.bench.peers.peers import Peer

_PEERS: Final = tuple(peer for peer in Peer if peer is not Peer.OURS)
HEAD: Final[tuple[str, ...]] = ("figure", *Peer, "goal", "reached")


def written(value: float, unit: Unit) -> str:
    """`1.37M/s`, `0.71 us`, `33 s`: three digits that count."""
    if abs(value) >= 1e6:
        number = f"{value / 1e6:.3g}M"
    elif abs(value) >= 1e4:
        number = f"{value / 1e3:.3g}k"
    else:
        number = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    spaced = "" if unit in (Unit.RATE, Unit.COUNT) else " "
    return f"{number}{spaced}{unit}"


def row_of(figure: Figure, rounds: Sequence[Round]) -> list[str]:
    """The cells of one figure."""
    cells = [figure.title]
    ours = measure_of(values_of(rounds, figure.key))
    noise = "" if ours is None or ours.rounds < 2 else f" ±{ours.noise * 100:.0f} %"
    cells.append("" if ours is None else written(ours.median, figure.unit) + noise)
    for peer in _PEERS:
        theirs = measure_of(values_of(rounds, figure.key, peer))
        ratio = measure_of(ratios(rounds, figure.key, peer))
        cell = "" if theirs is None else written(theirs.median, figure.unit)
        cells.append(cell + ("" if ratio is None else f" ({ratio.median:.3g}x)"))
    judged = verdicts(figure, rounds)
    cells.append("; ".join(goal.said() for goal in figure.goals))
    cells.append("; ".join(_reached(verdict) for verdict in judged))
    return cells


def _reached(verdict: Verdict) -> str:
    if verdict.measure is None:
        return str(verdict.outcome)
    number = f"{verdict.measure.median:.3g} " if verdict.goal.per is not None else ""
    if verdict.outcome in (Outcome.MET, Outcome.NOT_JUDGED):
        return f"{number}{verdict.outcome}"
    return f"{number}{verdict.outcome} (noise {verdict.measure.noise * 100:.0f} %)"


def table(figures: Sequence[Figure], rounds: Sequence[Round]) -> str:
    """The whole table; figures of which nothing was measured are left out."""
    lines = [HEAD, ("---",) * len(HEAD)]
    lines += [tuple(row_of(figure, rounds)) for figure in figures if _measured(figure, rounds)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _measured(figure: Figure, rounds: Sequence[Round]) -> bool:
    return any((figure.key, peer) in values for values in rounds for peer in Peer)
