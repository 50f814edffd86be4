"""What a runner says of an execution itself: that it began, or how it ended and how long it took.

The entry field `execution` is `start`, or `end OUTCOME` with the milliseconds behind it where they
are known: `end 200 41.532`, `end timeout 30000.1`. It stands beside `fields` and not in them, so
that nothing a guest prints or logs can say it. OUTCOME is the HTTP status of the answer, or why
there was none: small letters with `_` between, at most three digits last (`trap`, `exit_3`).
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

MAX_OUTCOME: Final = 32  # characters
_OUTCOME: Final = r"[1-5]\d\d|[a-z]+(?:_[a-z]+)*(?:_\d{1,3})?"
_TEXT: Final = re.compile(rf"start|end ({_OUTCOME})(?: (\d{{1,10}}(?:\.\d{{1,6}})?))?", re.ASCII)
_LONGEST: Final = MAX_OUTCOME + 24  # bytes of a text worth a look


class Execution(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The beginning of an execution, or its end with its outcome and, where known, its duration."""

    phase: Literal["start", "end"]
    outcome: str | None = None
    duration_ms: float | None = None

    @property
    def text(self) -> str:
        """As the entry field has it."""
        if self.phase == "start":
            return "start"
        known = self.duration_ms is not None
        return f"end {self.outcome} {self.duration_ms:.3f}" if known else f"end {self.outcome}"


STARTED: Final = Execution("start")


def ended(outcome: int | str, *, seconds: float) -> Execution:
    """An end: `outcome` is the status of the answer, or the word for why there was none."""
    if isinstance(outcome, int):
        outcome = str(outcome) if 100 <= outcome < 600 else "invalid_status"
    return Execution("end", outcome, round(seconds * 1000, 3))


def read_execution(raw: bytes) -> Execution | None:
    """What the entry field says; None when it is something else than ours."""
    if len(raw) > _LONGEST:
        return None
    match = _TEXT.fullmatch(raw.decode("ascii", "replace"))
    if match is None:
        return None
    outcome, duration = match.groups()
    if outcome is None:
        return STARTED
    if len(outcome) > MAX_OUTCOME:
        return None
    return Execution("end", outcome, None if duration is None else float(duration))
