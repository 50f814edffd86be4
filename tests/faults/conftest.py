"""The fault suite's stage and its tables. FAULTS_LONG=minutes makes every row longer."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest_asyncio

from extdebug.demo.sample import Cast
from tests.faults.stage import COLUMNS, Stage
from tests.faults.table import table, write_json
from tests.fixtures.console import Console


@pytest_asyncio.fixture
async def stage(
    live_console: Callable[..., Console], cast: Cast, record_property: Callable[[str, Any], None]
) -> AsyncIterator[Stage]:
    """Consoles, watchers, writers and proxies of one row; writes its line of the table."""
    one = Stage(live_console, cast)
    try:
        yield one
    finally:
        await one.close()
        for row in one.rows:
            record_property("fault", row)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The fault plan's rows, and the product's table with a seed for each kind of failure."""
    plays = _said(terminalreporter, "play")
    if plays:
        terminalreporter.section("faults x watchers x producers")
        for line in table(plays):
            terminalreporter.write_line(line)
        if path := os.environ.get("FAULTS_JSON"):
            write_json(plays, Path(path))
    rows = _said(terminalreporter, "fault")
    if not rows:
        return
    lines = [COLUMNS, *map(tuple, rows)]
    widths = [max(len(str(row[i])) for row in lines) for i in range(len(COLUMNS))]
    terminalreporter.section("faults")
    for row in lines:
        cells = (str(cell).ljust(width) for cell, width in zip(row, widths, strict=True))
        terminalreporter.write_line("  ".join(cells).rstrip())


def _said(terminalreporter: Any, name: str) -> list[Any]:
    """What tests recorded under a name, whatever became of them."""
    return [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "teardown"
        for key, value in report.user_properties
        if key == name
    ]
