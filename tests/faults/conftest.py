"""The fault suite's stage and its table. FAULTS_LONG=1 makes every row longer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest_asyncio

from extdebug.demo.sample import Cast
from tests.faults.stage import COLUMNS, Stage
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
    """fault, expected, seen, lost, doubled, time to recover."""
    rows = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "teardown"
        for name, value in report.user_properties
        if name == "fault"
    ]
    if not rows:
        return
    table = [COLUMNS, *map(tuple, rows)]
    widths = [max(len(str(row[i])) for row in table) for i in range(len(COLUMNS))]
    terminalreporter.section("faults")
    for row in table:
        cells = (str(cell).ljust(width) for cell, width in zip(row, widths, strict=True))
        terminalreporter.write_line("  ".join(cells).rstrip())
