"""Reads moments as people and scripts spell them: `10m` ago, or ISO 8601."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from extdebug.wire.events import read_ts

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_AGO: Final = re.compile(r"(\d{1,9})([smhd])", re.ASCII)


class BadMoment(ValueError):
    """Neither a time ago nor ISO 8601."""


def read_moment(text: str, *, now: dt.datetime) -> int:
    """`10m`, `2h`, `90s`, `1d` ago, or ISO 8601 (without a zone: UTC, a date alone: its start), in
    milliseconds since 1970. BadMoment if neither."""
    ago = _AGO.fullmatch(text)
    if ago is not None:
        seconds = int(ago[1]) * _UNITS[ago[2]]
        return max(0, round((now.timestamp() - seconds) * 1000))
    found = read_ts(text) or read_ts(f"{text}T00:00:00")
    if found is None:
        raise BadMoment(f"expected 10m, 2h, 90s, 1d or ISO 8601, got {text[:40]!r}")
    return max(0, round(dt.datetime.fromisoformat(found).timestamp() * 1000))
