"""The names and numbers that loggers give their levels, read as one of ours.

A number means different things in different loggers, so its scale is chosen by the key it stands
under and by its size. What no scale knows is no level.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from extdebug.wire.events import Level

NAMES: Final[Mapping[str, Level]] = {
    name: level
    for level, names in {
        Level.TRACE: "trace trce trc tra verbose vrb silly finest finer spam",
        Level.DEBUG: "debug debg dbug dbg deb fine config http timing diagnostic",
        Level.INFO: "info information informational inf notice note log success default input "
        "prompt help",
        Level.WARN: "warn warning wrn warni",
        Level.ERROR: "error err eror erro fail failure fatal ftl critical crit crt panic dpanic "
        "severe emergency emerg emrg alert alrt abort",
    }.items()
    for name in names.split()
}
# `LogLevel.Error`, `SEVERITY_NUMBER_ERROR`, `Level::WARN`.
_PREFIX: Final = re.compile(r"(?:(?:log|level|severity|number|loglevel)[\s._:-]+)+")
_COLOUR: Final = re.compile(r"\x1b\[[0-9;:]*m")
_AROUND: Final = "[]()<>{}|:*!\"' \t\r\n\ufeff\u200b"
# slog adds the distance to the next level of its own; OpenTelemetry numbers finer steps 2 to 4.
_STEP: Final = re.compile(r"([a-z]+)(?:([+-]\d{1,4})|[2-4])")
_SLOG: Final[Mapping[str, int]] = {"debug": -4, "info": 0, "warn": 4, "error": 8}
_NUMBER: Final = re.compile(r"[+-]?\d{1,6}(?:\.0+)?", re.ASCII)
MOST: Final = 64  # characters of a level's name; longer text is none


def level_named(text: str) -> Level | None:
    """The level of a name in any case, with colours, brackets or an enumeration's name around."""
    if len(text) > MOST:
        return None
    found = NAMES.get(text)
    if found is not None:
        return found
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    name = text.strip(_AROUND).lower()
    name = _PREFIX.sub("", name)
    step = _STEP.fullmatch(name)
    if step is None:
        return NAMES.get(name)
    if step[2] is None:
        return NAMES.get(step[1])
    return _by_slog(_SLOG[step[1]] + int(step[2])) if step[1] in _SLOG else None


def level_numbered(number: float, key: str) -> Level | None:
    """The level of a number under `key`, which is in lower case and without separators."""
    if number != number // 1:
        return None
    return SCALES.get(key, _by_size)(int(number))


def level_of_value(value: object, key: str) -> Level | None:
    """The level that a JSON value under `key` names, None when it names none."""
    if isinstance(value, str):
        found = level_named(value)
        if found is None and _NUMBER.fullmatch(text := value.strip(_AROUND)):
            return level_numbered(float(text), key)
        return found
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return level_numbered(value, key) if abs(value) < 1_000_000 else None


_Bounds = tuple[tuple[int, Level | None], ...]


def _floor(number: int, bounds: _Bounds) -> Level | None:
    """The level of the greatest bound that the number reaches."""
    return next((level for least, level in bounds if number >= least), None)


_SYSLOG: Final[_Bounds] = (
    (8, None), (7, Level.DEBUG), (5, Level.INFO), (4, Level.WARN), (0, Level.ERROR),
)  # fmt: skip
_PINO: Final[_Bounds] = (
    (70, None), (50, Level.ERROR), (40, Level.WARN), (30, Level.INFO), (20, Level.DEBUG),
    (10, Level.TRACE),
)  # fmt: skip
_PYTHON: Final[_Bounds] = (
    (101, None), (40, Level.ERROR), (30, Level.WARN), (20, Level.INFO), (10, Level.DEBUG),
    (0, Level.TRACE),
)  # fmt: skip
_MONOLOG: Final[_Bounds] = (
    (601, None), (400, Level.ERROR), (300, Level.WARN), (200, Level.INFO), (100, Level.DEBUG),
)  # fmt: skip
_GCP: Final[_Bounds] = (
    (801, None), (500, Level.ERROR), (400, Level.WARN), (200, Level.INFO), (100, Level.DEBUG),
)  # fmt: skip
_JAVA_UTIL: Final[_Bounds] = (
    (1001, None), (1000, Level.ERROR), (900, Level.WARN), (800, Level.INFO), (700, Level.DEBUG),
)  # fmt: skip
_LOGBACK: Final[_Bounds] = (
    (50_001, None), (40_000, Level.ERROR), (30_000, Level.WARN), (20_000, Level.INFO),
    (10_000, Level.DEBUG), (5_000, Level.TRACE),
)  # fmt: skip
_OTEL: Final[_Bounds] = (
    (25, None), (17, Level.ERROR), (13, Level.WARN), (9, Level.INFO), (5, Level.DEBUG),
    (1, Level.TRACE),
)  # fmt: skip
_DOTNET: Final[_Bounds] = (
    (6, None), (4, Level.ERROR), (3, Level.WARN), (2, Level.INFO), (1, Level.DEBUG),
    (0, Level.TRACE),
)  # fmt: skip


def _by_slog(number: int) -> Level | None:
    return _floor(
        number, ((8, Level.ERROR), (4, Level.WARN), (0, Level.INFO), (-4, Level.DEBUG),
                 (-1_000, Level.TRACE)),
    )  # fmt: skip


def _by_size(number: int) -> Level | None:
    """A bare `level`: syslog's, pino's and bunyan's, monolog's, Java's and logback's numbers."""
    if number < 8:
        return _floor(number, _SYSLOG)
    if number < 100:
        return _floor(number, _PINO)
    if number <= 600:
        return _floor(number, _MONOLOG)
    return _floor(number, _JAVA_UTIL if number <= 1_000 else _LOGBACK)


def _by_severity(number: int) -> Level | None:
    """Google Cloud's severity; smaller numbers are syslog's, or another logger's."""
    return _floor(number, _GCP) if number >= 100 else _by_size(number)


def _scale(bounds: _Bounds) -> Callable[[int], Level | None]:
    return lambda number: _floor(number, bounds)


SCALES: Final[Mapping[str, Callable[[int], Level | None]]] = {
    "severity": _by_severity,
    "severitynumber": _scale(_OTEL),
    "loglevel": lambda number: _floor(number, _DOTNET) if number < 6 else _by_size(number),
    "levelno": _scale(_PYTHON),
    "levelnumber": _scale(_PYTHON),
    "no": _scale(_PYTHON),
}
