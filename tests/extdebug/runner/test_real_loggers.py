"""What is understood of each logger's lines, measured from what the loggers print.

The table in docs/loggers.md is this measurement;
`python -m tests.extdebug.runner.test_real_loggers` prints it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from extdebug.runner.context import RequestFlow
from extdebug.runner.publish.redacting_encoder import Captured, prepare
from extdebug.runner.publish.redaction import load_redaction
from extdebug.wire.events import Event, Level, Output
from tests.extdebug.runner.loggers import MESSAGE, NODE, PYTHON, RECORDED, Logger, printed
from tests.files import ROOT

FLOW = RequestFlow.of("acme", extension="invoice-sync")
REDACTION = load_redaction(None)
TABLE = (ROOT / "docs" / "loggers.md").read_text()


def event_of(line: bytes, *, level: Level = Level.INFO) -> Event:
    """The event of a line, as a runner publishes it. `level` is that of the output."""
    item = Captured("s", 1, 1_769_851_800_123, FLOW, Output.STDOUT, level, line, None, False, True)
    return prepare(item, REDACTION, max_bytes=8192)


def row(logger: Logger) -> str:
    """The logger's row of the table."""
    calls = [Level(name) for name in logger.calls.split()]
    lines = printed(logger)
    assert len(lines) == len(calls), lines
    # On both outputs: a level that is what the output says anyway would prove nothing.
    events = [event_of(line) for line in lines]
    others = [event_of(line, level=Level.ERROR) for line in lines]
    read = [
        event.level is other.level is level
        for event, other, level in zip(events, others, calls, strict=True)
    ]
    levels = "all" if all(read) else f"{sum(read)} of {len(read)}"
    guessed = " (guessed)" if all(event.marks for event in events) else ""
    message = "yes" if all(event.message == MESSAGE for event in events) else "in the line"
    fields = all((event.fields or {}).get("ms") == 812 for event in events)
    nested = all("812" in str(event.fields) for event in events)
    kept = "yes" if fields else "nested" if nested else "no"
    how = "written by us" if logger in RECORDED else logger.version or "the standard library's"
    return f"| {logger.name} | {how} | {levels}{guessed} | {message} | {kept} |"


def named(loggers: Iterable[Logger]) -> list[object]:
    return [pytest.param(logger, id=logger.name) for logger in loggers]


@pytest.mark.parametrize("logger", named((*PYTHON, *NODE, *RECORDED)))
def test_the_table_says_what_is_understood(logger):
    assert row(logger) in TABLE.splitlines()


def test_every_level_is_understood_but_for_one_that_is_said_to_be_none():
    partly = [line for line in TABLE.splitlines() if re.search(r"\| \d+ of \d+", line)]
    assert [line.split("|")[1].strip() for line in partly] == [
        "winston, simple",
        "winston, colorize and simple",
    ]


if __name__ == "__main__":
    print("\n".join(row(logger) for logger in (*PYTHON, *NODE, *RECORDED)))
