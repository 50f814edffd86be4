"""The table of the product: faults by watchers, what went wrong in each, and the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.faults.session_oracle import COLUMNS
from tests.faults.theatre import Result

NOTED = ("wide", "unfair")
TIMES = ("served", "recovered")  # median and longest, in seconds


def record(result: Result) -> dict[str, Any]:
    """One result as plain values, for JSON and for another process."""
    return {
        "fault": result.play.fault, "producers": result.play.producers,
        "watcher": result.watcher, "seed": result.play.seed, "again": result.play.again,
        "served": result.served, "recovered": result.recovered, **asdict(result.verdict),
        "gaps": [asdict(gap) for gap in result.gaps],
    }  # fmt: skip


def write_json(records: Sequence[dict[str, Any]], path: Path) -> None:
    path.write_text(json.dumps(records, indent=1))


def table(records: Sequence[dict[str, Any]]) -> list[str]:
    """Rows fault and watcher, columns of the verdict; then each kind of failure with a seed."""
    heads = ("fault", "watcher", "plays", "red", "shown", *COLUMNS, *NOTED, *TIMES)
    rows: list[tuple[str, ...]] = [heads]
    for (fault, watcher), own in _grouped(records, "fault", "watcher"):
        rows.append((fault, watcher, *_figures(own)))
    rows.append(("all", "all", *_figures(records)))
    for axis in ("fault", "watcher", "producers"):
        rows += [(f"{axis}:", name[0], *_figures(own)) for name, own in _grouped(records, axis)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    seeds = sorted({one["seed"] for one in records})
    return [f"seeds {', '.join(map(str, seeds))}", *lines, *_kinds(records)]


def _figures(own: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    sums = [sum(one[name] for one in own) for name in (*COLUMNS, *NOTED)]
    return (
        str(len(own)),
        str(sum(bool(one["wrong"]) for one in own)),
        str(sum(one["delivered"] for one in own)),
        *(str(count) if count else "." for count in sums),
        *(_times(own, name) for name in TIMES),
    )


def _times(own: Sequence[dict[str, Any]], name: str) -> str:
    times = sorted(one[name] for one in own if one[name] is not None)
    return f"{times[len(times) // 2]:.2f} / {times[-1]:.2f} s" if times else "-"


def _kinds(records: Sequence[dict[str, Any]]) -> list[str]:
    """For each column of the verdict the smallest failures, and how to play them again."""
    lines = []
    for column in COLUMNS:
        red = sorted((one for one in records if one[column]), key=lambda one: one[column])
        for one in red[:3]:
            why = next(text for text in one["wrong"] if text.startswith(column))
            lines += ["", f"{one['again']},watcher={one['watcher']}", f"    {why[:300]}"]
    return lines


def _grouped(
    records: Iterable[dict[str, Any]], *axes: str
) -> list[tuple[tuple[str, ...], list[dict[str, Any]]]]:
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for one in records:
        groups.setdefault(tuple(one[axis] for axis in axes), []).append(one)
    return list(groups.items())
