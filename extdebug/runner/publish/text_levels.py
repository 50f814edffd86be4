"""The level of a plain line, guessed from the prefixes that loggers and tools usually write.

Only the beginning of a line is looked at, and a word counts as a level where it stands as loggers
put it: in capitals, in brackets, before a colon or behind a time. docs/loggers.md has a table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from extdebug.runner.publish.level_names import NAMES, level_named, level_numbered
from extdebug.wire.events import Level
from policies.redaction.visible_text import strip

LOOKED_AT: Final = 400  # characters of a line

_CAPITALS: Final = (
    "TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|CRIT|FATAL|SEVERE|D?PANIC|EMERG(?:ENCY)?"
    "|TRCE?|DBG|DEBG|INF|WRN|ERRO?|EROR|FTL|VRB"
)
_FURTHER_CAPITALS: Final = _CAPITALS + "|ALERT|SUCCESS|VERBOSE|CONFIG|FINE(?:R|ST)?|LOG"
_ANY_CASE: Final = f"(?i:{_CAPITALS}|alert|verbose|success|dbug|fail|note|silly|finest|finer)"
_BRACKETED: Final = (
    rf"(?:\[\s*(?:[\w.-]+[:#])?(?P<square>{_ANY_CASE})\s*\]|\(\s*(?P<round>{_ANY_CASE})\s*\)"
    rf"|<(?P<angle>{_ANY_CASE})>(?=\s))"
)
_BEFORE_DELIMITER: Final = (
    rf"(?P<before>{_ANY_CASE})(?:(?:\[E\d{{2,5}}\])?\s*:(?=\s|$|[\w.<>/-]+:)|\s*\|(?!\|)|\s+-\s|\t)"
)
_CAPITAL: Final = rf"(?P<capital>{_CAPITALS})(?=[\s\[(/\]>|,:]|$)"

_CLOCK: Final = (
    r"(?:\d\d?:\d\d(?:[:.]\d\d(?:[.,]\d{1,9})?)?(?:\s?[AaPp][Mm]\b)?|\d\d\.\d\d\.\d\d(?=\s))"
)
_ZONE: Final = r"(?:\s?(?:Z|[+-]\d\d:?\d\d|UTC|GMT|[A-Z]{2,4}T)(?=[\s\]|]))?"
_DATE: Final = (
    r"(?:\d{4}[-/.]\d\d[-/.]\d\d|\d\d[-/.]\d\d[-/.]\d{4}|\d\d?[-/ ][A-Z][a-z]{2}[-/ ]\d{4})"
)
_TIME: Final = (
    rf"(?:{_DATE}(?:[T:,\s-]\s?{_CLOCK})?"
    rf"|(?:[A-Z][a-z]{{2}} )?[A-Z][a-z]{{2}} {{1,2}}\d\d? {_CLOCK}"
    rf"(?: \d{{4}})?|{_CLOCK}|\d{{10}}(?:\d{{3}})?(?:\.\d+)?|\d{{1,9}}(?= \[)){_ZONE}"
)
_MARK: Final = r"(?:[^\w\s\x00-\x7f]|\u2139){1,3}"  # a sign of one or several characters
# What loggers put between a time and the level: threads, processes, names before a separator.
_PIECE: Final = (
    r"(?:\[[^\]\n]{0,60}\]|\{[^}\n]{0,60}\}|#\d+\]|[-|:]{1,3}(?=[\s|A-Z\[])|\d{1,10}(?=\s)"
    r"|[0-9a-f]{8}-[0-9a-f-]{27}|[\w.$/:@-]{1,60}\s+[-|](?=\s)"
    r"|[\w.-]{1,60} [\w./-]{1,40}(?:(?:\[\d+\])?:|\[\d+\](?=\s))|[\w./-]{1,40}\[[\w.-]{1,20}\]:"
    rf"|[\w.-]{{1,40}}[=@][\w./:-]{{1,60}}(?=\s)|{_MARK}(?=\s)|\])\s*"
)
_TIMED: Final = re.compile(
    rf"(?:[DIWEFA], )?[\[(]?{_TIME}[\])]?\s*(?:{_PIECE}){{0,5}}?"
    rf"(?:{_BRACKETED}|(?:[\w-]{{1,40}}\.)?{_CAPITAL}|{_BEFORE_DELIMITER}"
    rf"|(?P<word>trace|debug|info|warn|warning|error|fatal)\s|(?P<logged>LOG)(?=:\s\s))"
)
_LEADING: Final = re.compile(
    rf"(?:npm )?(?:{_BRACKETED}|{_BEFORE_DELIMITER}|{_CAPITAL})"
    r"|(?:npm|gyp) (?P<npm>ERR!|WARN|notice|error|warn|info)(?=\s)"
    rf"|\[[^\]\n]{{1,60}}\]\s+(?:{_CAPITAL.replace('capital', 'later')})"
)
_FURTHER: Final = re.compile(rf"(?P<further>{_FURTHER_CAPITALS}):(?=\s|\w)")
_KLOG: Final = re.compile(r"([IWEF])(?:\d{4}|\d{8}) \d\d:\d\d:\d\d[.\d]*\s")
_TORNADO: Final = re.compile(r"\[([DIWEC]) (?:\d{6}|\d{4}-\d\d-\d\d) \d\d:\d\d")
_KLOG_LEVELS: Final[Mapping[str, Level]] = {
    "I": Level.INFO, "W": Level.WARN, "E": Level.ERROR, "F": Level.ERROR,
    "C": Level.ERROR, "D": Level.DEBUG,
}  # fmt: skip
# NestJS: `[Nest] 7  - 01/31/2026, 9:30:00 AM   ERROR [Orders] text`.
_NEST: Final = re.compile(
    r"\[[\w -]{1,40}\] \d{1,10}\s+- \d[\d./:, -]{8,30}(?:[AP]M)?\s+"
    r"(VERBOSE|DEBUG|LOG|WARN|ERROR|FATAL)\s"
)
# A sign and then the level: `❌ ERROR text`; signale: `[scope] › ✖  error     text`.
_SIGN: Final = re.compile(
    rf"(?:\[[^\]\n]{{1,60}}\] › )?{_MARK}\s{{1,3}}"
    rf"(?:{_CAPITAL}|(?P<signed>[a-z]{{3,8}})\s\s)"
)
# `%(name)s - %(levelname)s - text`, a line that none of the other forms begins.
_LOGGER: Final = re.compile(rf"[\w.-]{{1,60}}+ - ({_CAPITALS}) - ")
# What compilers, interpreters and their warnings begin with: `a.c:3:5: error: text`.
_PLACED: Final = re.compile(
    r"[^\s:()\[\]]{1,200}+"
    r"(?:(?::\d{1,6}(?::\d{1,5})?|\(\d{1,6}(?:,\d{1,5})?\)):|:\d{1,6}:\d{1,5} -)"
    r" (?:fatal )?(error|warning|\w{0,40}Warning|note)(?=[\s:])"
    r"|PHP (?:\w+ )?(error|Warning|Notice|Deprecated):\s|\(\w+:\d+\) (?:\[\w+\] )?(\w*Warning):\s"
)
_PLACED_LEVELS: Final[Mapping[str, Level]] = {
    "error": Level.ERROR, "note": Level.INFO, "Notice": Level.INFO, "Deprecated": Level.WARN,
}  # fmt: skip
_PRIORITY: Final = re.compile(r"<(\d{1,3})>(?=\S)")
_LOGFMT: Final = re.compile(
    r'(?:[\w.@/-]++=(?:"(?:[^"\\]|\\.)*+"|[^\s"]*+)\s++){0,12}?'
    rf'(?:(?:level|lvl|severity|loglevel|log\.level)=|at=(?=(?i:"?(?:{_CAPITALS})\b)))'
    r'(?:"([^"\s]{1,24})"|([^\s"]{1,24}))(?=\s|$)'
)
# How a line begins that begins with a level or with npm: a cheap first look.
_STARTS: Final = frozenset({*(name[:3] for name in NAMES), "npm", "gyp"})
_DAYS: Final = frozenset(
    ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
     "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
)  # fmt: skip
_PAIR: Final = re.compile(r"[\w.@/-]+=")


def guess_level(line: str) -> Level | None:
    """The level that the line's prefix names; None where it names none."""
    if "\x1b" in line[:LOOKED_AT]:
        line = strip(line[:LOOKED_AT].encode("utf-8", "replace")).decode("utf-8", "replace")
    line = line[:LOOKED_AT].lstrip(" \t\ufeff")
    first = line[:1]
    if first.isalpha() and first != "\u2139":
        return _lettered(line)
    if first == "<" and (found := _PRIORITY.match(line)):
        number = int(found[1])
        return level_numbered(number % 8, "level") if number < 192 else None
    if first.isdecimal():
        return _named(_TIMED.match(line))
    if first == "[" and (found := _TORNADO.match(line)):
        return _KLOG_LEVELS[found[1]]
    if first in ("[", "("):
        return (
            _named(_LEADING.match(line))
            or _named(_TIMED.match(line))
            or _named(_NEST.match(line))
            or _named(_SIGN.match(line))
            or _placed(line)
        )
    if first == "<":
        return _named(_LEADING.match(line))
    if first in ("/", "."):
        return _placed(line)
    return None if first.isascii() else _named(_SIGN.match(line))


def _lettered(line: str) -> Level | None:
    timed = (line[3:4] == " " and line[:3] in _DAYS) or line[1:3] == ", "
    if line[:3].lower() not in _STARTS and not timed and not _PAIR.match(line):
        return _klog(line) or _placed(line)
    if _PAIR.match(line):
        pair = _LOGFMT.match(line)
        return level_named(pair[1] or pair[2]) if pair else None
    level = _klog(line) or _named(_LEADING.match(line))
    if level is None and line[1:2].isupper():
        level = _named(_FURTHER.match(line))
    if level is None and timed:
        level = _named(_TIMED.match(line))
    return level or _placed(line)


def _placed(line: str) -> Level | None:
    """The level behind a place in a file or the name of a logger."""
    found = _PLACED.match(line)
    if found is None:
        name = _LOGGER.match(line)
        return level_named(name[1]) if name else None
    word = next(word for word in found.groups() if word is not None)
    return _PLACED_LEVELS.get(word, Level.WARN)


def _klog(line: str) -> Level | None:
    found = _KLOG.match(line) if line[0] in _KLOG_LEVELS else None
    return _KLOG_LEVELS[found[1]] if found else None


def _named(found: re.Match[str] | None) -> Level | None:
    if found is None:
        return None
    word = next(word for word in found.groups() if word is not None)
    return level_named(word)
