"""`tests/bench/run [row ...]`: measures, prints the table, keeps it, and judges.

Exit code 0: every round was whole and no goal is missed by more than the stated noise. 1: not so.
2: a wrong argument.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import closing
from importlib import import_module
from pathlib import Path

from tests.bench.cases import Round, Row, measure
from tests.bench.goals import FIGURES, ROWS
from tests.bench.judge import Outcome, verdicts
from tests.bench.processes import can_pin
from tests.bench.record import keep, page
from tests.bench.runs import Run
from tests.bench.table import table


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests/bench/run", description=_first_words())
    parser.add_argument("rows", nargs="*", metavar="row", help=f"of {', '.join(ROWS)}; all without")
    parser.add_argument("--quick", action="store_true", help="a smoke run: one small round each")
    parser.add_argument("--rounds", type=int, help="rounds of each row, instead of the row's own")
    parser.add_argument("--record", action="store_true", help="keep the result of a part as well")
    chosen = parser.parse_args(arguments)
    if unknown := [name for name in chosen.rows if name not in ROWS]:
        parser.error(f"expected rows of {', '.join(ROWS)}; got {', '.join(unknown)}")
    names = [name for name in ROWS if name in chosen.rows or not chosen.rows]
    rounds, broken, left_out = _measure(names, quick=chosen.quick, asked=chosen.rounds)
    figures = [figure for figure in FIGURES if figure.row in names]
    shown = page(table(figures, rounds), broken=broken, left_out=left_out)
    sys.stdout.write(shown)
    if chosen.record or (not chosen.rows and not chosen.quick):
        sys.stdout.write(f"\nkept as {keep(shown)}\n")
    missed = [
        figure.title
        for figure in figures
        for verdict in verdicts(figure, rounds)
        if verdict.outcome is Outcome.MISSED
    ]
    return 1 if broken or missed else 0


def _first_words() -> str:
    return (__doc__ or "").splitlines()[0]


def _measure(
    names: list[str], *, quick: bool, asked: int | None
) -> tuple[list[Round], list[str], list[str]]:
    """The rounds of all rows, what was not whole, and what was left out."""
    rounds: list[Round] = []
    broken: list[str] = []
    left_out: list[str] = []
    if not can_pin():
        left_out.append("pinning: there is one core, or no taskset; ratios say less")
    with tempfile.TemporaryDirectory() as folder, closing(Run(Path(folder), quick=quick)) as run:
        for name in names:
            try:
                row: Row = import_module(f"tests.bench.rows.{name}").row(run)
            except Exception as error:  # noqa: BLE001 # the other rows are worth their hour
                broken.append(f"{name}: {type(error).__name__}: {error}")
                continue
            measured = measure(row, rounds=asked or (1 if quick else row.rounds), tell=_tell)
            rounds += measured.rounds
            broken += measured.broken
            left_out += [one for one in row.left_out if one not in left_out]
    return rounds, broken, left_out


def _tell(line: str) -> None:
    print(line.rstrip(), file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
