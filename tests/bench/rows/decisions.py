"""Decisions: one decision, one opening, and the admin's lists, in a large directory.

10,000 installs and 1,000 grants on PostgreSQL, in production, in a process that does nothing else
and has the server's core; the database has the other. Medians of wall time, and queries counted
(bench_openings has the parts).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Final

from tests.bench.cases import OURS, Case, Row, Sample
from tests.bench.processes import SERVER, pinned
from tests.bench.runs import Run
from tests.bench.stage import Stage
from tests.files import ROOT
from tests.fixtures.programs import POSTGRES_DIRS, find

PARTS: Final = ("decide", "opening", "lists")
_ASK: Final = """
import json, sys
import django
django.setup()
from django.db import connections
from tests.bench.bench_openings import PARTS
print(json.dumps(PARTS[sys.argv[1]]()))
connections.close_all()
"""
Found = list[tuple[str, float, str]]  # what, how much, of which unit


def row(run: Run) -> Row:
    if find("postgres", dirs=POSTGRES_DIRS) is None:
        return Row([], left_out=["decisions, openings: PostgreSQL is not installed"])

    def case(part: str) -> Case:
        return Case(part, OURS, lambda: Sample(figures_of(part, ask(run.production, part))))

    return Row([case(part) for part in PARTS])


def ask(stage: Stage, part: str) -> Found:
    """What this part of bench_openings measures, in a process of its own."""
    environment = {**stage.environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    process = pinned(
        SERVER, [sys.executable, "-c", _ASK, part], cwd=ROOT, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    said, wrong = process.communicate(timeout=600)
    assert process.returncode == 0, wrong.decode()[-2000:]
    return [(what, value, unit) for what, value, unit in json.loads(said.splitlines()[-1])]


def figures_of(part: str, found: Found) -> Mapping[str, float]:
    """The time and the queries of this part; of the lists the worst."""
    times = [value for what, value, unit in found if unit == "ms" and what.endswith("wall")]
    queries = [value for _, value, unit in found if unit == "queries"]
    if part == "lists":
        return {"lists-ms": max(times), "lists-queries": max(queries)}
    return {f"{part}-ms": times[0], f"{part}-queries": queries[0]}
