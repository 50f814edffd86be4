"""Lines that are JSON objects, read into level, message and fields, and nothing else.

A guest that prints `{"level": "warn", "msg": "slow", "ms": 12}` gets a warning with a field. Keys
are taken in any case and with any separators, so `log.level`, `LogLevel` and `log_level` are one;
docs/loggers.md lists which loggers are read.
Ids of the execution are never taken from a line: what a guest prints about its tenant or its
request stays data in `fields`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from extdebug.runner.publish.level_names import level_named, level_of_value
from extdebug.wire.events import Level
from extdebug.wire.truncation import clean_text
from policies.redaction.visible_text import strip

# Longer lines are not worth a parse: they will be cut anyway.
MOST_BYTES: Final = 32 * 1024
CLAIM_BYTES: Final = 4096  # of a line are looked at for its level

# In order of preference: a name says more than a number that stands beside it.
_LEVEL_KEYS: Final = (
    "level", "severity", "lvl", "levelname", "loglevel", "severitytext", "levelstr", "levelno",
    "levelnumber", "severitynumber", "levelvalue", "priority", "l",
)  # fmt: skip
_MESSAGE_KEYS: Final = (
    "message", "msg", "renderedmessage", "shortmessage", "textpayload", "formattedmessage",
)  # fmt: skip
_NAMED_ALONE: Final = ("priority", "l")
# Words that are a message only beside a level, and that are somebody's data otherwise.
_BESIDE_LEVEL: Final = (
    "event", "body", "text", "log", "m", "mt", "messagetemplate", "logformat",
)  # fmt: skip
# Where loggers put the record, or what they know of it, one level down.
_NESTED: Final = (
    "fields", "record", "log", "jsonpayload", "payload", "data", "event", "entry", "logentry",
    "attributes", "context", "extra", "properties", "state", "level", "severity", "body",
    "loglevel",
)  # fmt: skip
# A number named level in any other of them may well be somebody's data.
_OF_LOGGERS: Final = ("record", "log", "jsonpayload", "logentry", "level", "severity")
_LEVEL_OBJECTS: Final = ("level", "severity", "loglevel")
# Names that no other number has, wherever they stand.
_LOGGERS_NUMBERS: Final = ("loglevel", "levelno", "severitynumber")
_LEVEL_OBJECT_KEYS: Final = ("name", "levelstr", "level", "no", "value", "label", "text")
_TEXT_OBJECT_KEYS: Final = ("stringvalue", "value", "text", "message", "msg", "original")
_SEPARATORS: Final = re.compile(r"[\s@$._-]+")
# Around the object: blanks, a byte order mark, RFC 7464's separator, lumberjack's cookie.
_AROUND: Final = " \t\r\n\x00\x1e\ufeff\u200b"
_COOKIE: Final = "@cee:"
_BEGINS: Final = frozenset("{@\x1b" + _AROUND)
# JavaScript's, Python's and C's numbers that JSON has no words for. Texts are passed over whole.
_NO_NUMBER: Final = re.compile(
    r'"(?s:[^"\\]|\\.)*+(?:"|\\?\Z)|([+-]?(?:NaN|nan|Infinity|infinity|inf|Inf))(?=\s*[,}\]])'
)
_CLAIMS_ERROR: Final = re.compile(
    rb'"[@_]?(?:log[._]?)?(?:level|severity|lvl|priority|l)(?:[._]?(?:name|text|str))?"\s*:\s*'
    rb'(?:\{[^{}]{0,80}?"(?:name|levelstr)"\s*:\s*)?'
    rb'(?:"[^"]{0,24}?(?:err|eror|error|erro|fail|failure|fatal|ftl|critical|crit|d?panic|severe|'
    rb"emergency|emerg|alert)(?:\W|[234+-]|\\u001b)[^\"]{0,12}"
    rb'|"?(?:[56]\d|[5-8]00|40000)\b)',
    re.IGNORECASE,
)
_decoder: Final = msgspec.json.Decoder()

Structured = tuple[Level | None, str, dict[str, Any] | None]


def claims_error(line: bytes) -> bool:
    """Whether a line looks like a JSON object of level error; cheap, for the guest's thread."""
    start = line.find(b"{", 0, 16)
    return start >= 0 and _CLAIMS_ERROR.search(line, start, CLAIM_BYTES) is not None


def read_structured(line: str) -> Structured | None:
    """Level (if named), message and the other members as fields; None for an ordinary line.

    An object with a level and without a message is its own message.
    """
    parsed = _parse(line)
    if parsed is None:
        return None
    keys = _by_plain_key(parsed)
    level, used = _find_level(parsed, keys)
    found = _find_message(parsed, keys, beside_level=level is not None)
    if level is None and "mt" in keys and "t" in keys:
        level = Level.INFO  # Serilog's compact form leaves this one level out
    if found is None:
        if level is None:
            return None
        return level, line.strip(_AROUND), {k: v for k, v in parsed.items() if k != used} or None
    message, holder, key = found
    message = clean_text(message)
    fields = {k: v for k, v in parsed.items() if k not in (used, holder or key)}
    if holder is not None:
        _merge(fields, parsed[holder], without=key, holder=holder)
    nested = fields.get("fields")
    if len(fields) == 1 and isinstance(nested, dict):
        fields = nested
    return level, message, fields or None


def _parse(line: str) -> dict[str, Any] | None:
    if not line or line[0] not in _BEGINS or len(line) > MOST_BYTES:
        return None
    if line[0] != "{" or line[-1] != "}":
        if "\x1b" in line:
            line = strip(line.encode("utf-8", "replace")).decode("utf-8", "replace")
        line = line.strip(_AROUND).removeprefix(_COOKIE).lstrip()
        if len(line) < 2 or line[0] != "{" or line[-1] != "}":
            return None
    try:
        parsed: dict[str, Any] = _decoder.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return _parse_leniently(line)
    return parsed


def _parse_leniently(line: str) -> dict[str, Any] | None:
    """What other encoders write: NaN, halves of characters, raw control characters in texts."""
    try:
        parsed = json.loads(_NO_NUMBER.sub(_as_text, line), strict=False)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _as_text(found: re.Match[str]) -> str:
    return f'"{found[1]}"' if found[1] else found[0]


def _by_plain_key(parsed: Mapping[str, Any]) -> dict[str, str]:
    """The object's own keys by their plain form; of two that are alike the first one counts."""
    keys: dict[str, str] = {}
    for key in parsed:
        keys.setdefault(_plain(key) if len(key) <= 40 else key, key)
    return keys


@lru_cache(maxsize=1024)  # the same few keys come with every line
def _plain(key: str) -> str:
    return _SEPARATORS.sub("", key).lower()


def _nested(parsed: Mapping[str, Any], keys: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for plain in _NESTED:
        key = keys.get(plain)
        if key is not None and isinstance(parsed[key], dict):
            yield plain, key
    if not keys.keys().isdisjoint(_MESSAGE_KEYS):
        return
    for key, value in parsed.items():  # any other name, if what it holds is surely a log line
        if isinstance(value, dict) and _is_record(value):
            yield "record of another name", key


def _is_record(value: Mapping[str, Any]) -> bool:
    keys = _by_plain_key(value)
    level, _ = _level_among(value, keys, _LEVEL_KEYS, numbers=False)
    return (
        level is not None and _text_among(value, keys, _MESSAGE_KEYS, any_value=False) is not None
    )


def _find_level(
    parsed: Mapping[str, Any], keys: Mapping[str, str]
) -> tuple[Level | None, str | None]:
    """The level, and the line's own key whose value says it and nothing else."""
    level, used = _level_among(parsed, keys, _LEVEL_KEYS)
    if level is not None:
        return level, used
    for plain, key in _nested(parsed, keys):
        inner = parsed[key]
        inner_keys = _by_plain_key(inner)
        wanted = _LEVEL_OBJECT_KEYS if plain in _LEVEL_OBJECTS else _LEVEL_KEYS
        level, _ = _level_among(inner, inner_keys, wanted, numbers=plain in _OF_LOGGERS)
        if level is None and isinstance(record := _get(inner, inner_keys, "level"), dict):
            level, _ = _level_among(record, _by_plain_key(record), _LEVEL_OBJECT_KEYS)
        if level is not None:
            return level, None
    return None, None


def _level_among(
    parsed: Mapping[str, Any],
    keys: Mapping[str, str],
    wanted: tuple[str, ...],
    *,
    numbers: bool = True,
) -> tuple[Level | None, str | None]:
    numbered: tuple[Level | None, str | None] = (None, None)
    for plain in wanted:
        key = keys.get(plain)
        if key is None:
            continue
        value = parsed[key]
        # A priority is a number in the journal alone, which writes its names in capitals.
        if (numbers or plain in _LOGGERS_NUMBERS) and (
            plain not in _NAMED_ALONE or key == "PRIORITY"
        ):
            level = level_of_value(value, plain)
        else:
            level = level_named(value) if isinstance(value, str) else None
        if level is None:
            continue
        if isinstance(value, str):
            return level, keys[plain]
        if numbered[0] is None:
            numbered = level, keys[plain]
    return numbered


def _find_message(
    parsed: Mapping[str, Any], keys: Mapping[str, str], *, beside_level: bool
) -> tuple[str, str | None, str] | None:
    """The message, the key of the object that holds it (None: the line itself), and its key."""
    own = _text_among(parsed, keys, _MESSAGE_KEYS, any_value=beside_level)
    if own is not None:
        return own[0], None, own[1]
    for plain, key in _nested(parsed, keys):
        inner = parsed[key]
        wanted = _TEXT_OBJECT_KEYS if plain == "body" else _MESSAGE_KEYS
        found = _text_among(inner, _by_plain_key(inner), wanted, any_value=False)
        if found is not None and (beside_level or plain in ("fields", "record", "jsonpayload")):
            return found[0], key, found[1]
    if beside_level or {"t", "mt"} <= keys.keys():
        own = _text_among(parsed, keys, _BESIDE_LEVEL, any_value=False)
    return None if own is None else (own[0], None, own[1])


def _text_among(
    parsed: Mapping[str, Any], keys: Mapping[str, str], wanted: tuple[str, ...], *, any_value: bool
) -> tuple[str, str] | None:
    for plain in wanted:
        value = _get(parsed, keys, plain)
        if isinstance(value, str) and value.strip():
            return value, keys[plain]
        if any_value and isinstance(value, int | float):
            return msgspec.json.encode(value).decode(), keys[plain]
    return None


def _get(parsed: Mapping[str, Any], keys: Mapping[str, str], plain: str) -> Any:
    key = keys.get(plain)
    return None if key is None else parsed[key]


def _merge(fields: dict[str, Any], inner: Mapping[str, Any], *, without: str, holder: str) -> None:
    """What stood beside a nested message; under its holder's name where a name is taken."""
    rest = {key: value for key, value in inner.items() if key != without}
    taken = {key: value for key, value in rest.items() if key in fields}
    fields.update((key, value) for key, value in rest.items() if key not in taken)
    if taken:
        fields[holder] = taken
