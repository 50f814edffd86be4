"""The two events that a host adds to a flow: its execution begins, and how it ended.

Only hosts call these: what a console shows as a request's outcome is their word alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from extdebug.runner.context import RequestFlow
from extdebug.runner.publish.publisher import Publisher
from extdebug.wire.events import Level, Output
from extdebug.wire.executions import STARTED, ended

GOOD: Final = ("ok", "exit_0")


def tell_start(publisher: Publisher, flow: RequestFlow, what: str) -> None:
    """The execution begins; call it before anything of the flow is published."""
    publisher.emit(
        flow, Output.LOG, Level.DEBUG, f"{what} started",
        fields={"event": "start"}, execution=STARTED,
    )  # fmt: skip


def tell_end(
    publisher: Publisher,
    flow: RequestFlow,
    outcome: int | str,
    *,
    seconds: float,
    fields: Mapping[str, Any] | None = None,
) -> None:
    """The execution ended; call it after all else of the flow.

    `outcome` is the HTTP status of the answer, or why there was none (docs/wire-contract.md): `ok`
    and `exit_0` are good ends. `fields` are added to the event's own.
    """
    well = outcome < 500 if isinstance(outcome, int) else outcome in GOOD
    said = {"event": "end", "status": outcome, "duration_ms": round(seconds * 1000, 3)}
    publisher.emit(
        flow,
        Output.LOG,
        Level.INFO if well else Level.WARN,
        f"finished: {outcome} in {seconds * 1000:.1f} ms",
        fields={**said, **(fields or {})},
        execution=ended(outcome, seconds=seconds),
    )
