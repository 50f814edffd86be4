"""Planted faults in what is read from lines: levels, messages, and lines that belong together."""

from __future__ import annotations

from typing import Final

from tests.mutations.runner import Mutation

JSON_LINES: Final = "extdebug/runner/publish/json_lines.py"
JSON_TESTS: Final = "tests/extdebug/runner/publish/test_json_lines.py"
NAMES: Final = "extdebug/runner/publish/level_names.py"
NAME_TESTS: Final = "tests/extdebug/runner/publish/test_level_names.py"
ENCODER: Final = "extdebug/runner/publish/redacting_encoder.py"
ENCODER_TESTS: Final = "tests/extdebug/runner/publish/test_redacting_encoder.py"
TEXT: Final = "extdebug/runner/publish/text_levels.py"
TEXT_TESTS: Final = "tests/extdebug/runner/publish/test_text_levels.py"
ENTRIES: Final = "extdebug/wire/entries.py"
ENTRY_TESTS: Final = "tests/extdebug/wire/test_entries.py"

LEVELS: Final = [
    Mutation(
        "keys of a line are read in their own case", JSON_LINES,
        '_SEPARATORS.sub("", key).lower()', '_SEPARATORS.sub("", key)', JSON_TESTS,
    ),
    Mutation(
        "a level without a message does not count", JSON_LINES,
        "        if level is None:\n            return None\n        return level, line",
        "        if level is not None:\n            return None\n        return level, line",
        JSON_TESTS,
    ),
    Mutation(
        "NaN makes a line an ordinary one", JSON_LINES,
        "_object(_NO_NUMBER.sub(_as_text, line))", "_object(line)", JSON_TESTS,
    ),
    Mutation(
        "a word in a text is taken for NaN", JSON_LINES,
        "r'\"(?:[^\"\\\\]|\\\\.)*+\"|([+-]?", "r'([+-]?", JSON_TESTS,
    ),
    Mutation(
        "a stray byte order mark hides a line", JSON_LINES,
        '" \\t\\r\\n\\x00\\x1e\\ufeff\\u200b"', '" \\t\\r\\n\\x00\\x1e\\u200b"', JSON_TESTS,
    ),
    Mutation(
        "what stands beside a nested message is lost where a name is taken", JSON_LINES,
        "    if taken:\n", "    if not taken:\n", JSON_TESTS,
    ),
    Mutation(
        "a number in somebody's data is a level", JSON_LINES,
        "numbers=plain in _OF_LOGGERS", "numbers=True", JSON_TESTS,
    ),
    Mutation(
        "a number as text is no level", NAMES,
        "found is None and _NUMBER", "found is not None and _NUMBER", NAME_TESTS,
    ),
    Mutation(
        "Python's numbers are read as pino's", NAMES,
        '"levelno": _scale(_PYTHON)', '"levelno": _scale(_PINO)', NAME_TESTS,
    ),
    Mutation(
        "levels are guessed though that is switched off", ENCODER,
        "item.structured and guess_levels and", "item.structured and", ENCODER_TESTS,
    ),
    Mutation(
        "a log call's level is guessed", ENCODER,
        "guess_levels and item.output is not Output.LOG", "guess_levels", ENCODER_TESTS,
    ),
    Mutation(
        "a guess is not marked as one", ENTRIES,
        '        flat += ("guessed", "level")', "        pass", ENTRY_TESTS,
    ),
    Mutation(
        "a guess loses its mark where it is read", ENTRIES,
        'get(b"guessed") == b"level"', 'get(b"guessed") == b"1"', ENTRY_TESTS,
    ),
    Mutation(
        "a colour hides a prefix", TEXT,
        'if "\\x1b" in line', 'if "\\x1c" in line', TEXT_TESTS,
    ),
    Mutation(
        "a level is looked for in the whole line", TEXT,
        "line = line[:LOOKED_AT].lstrip", "line = line.lstrip", TEXT_TESTS,
    ),
    Mutation(
        "a level within a text of logfmt counts", TEXT,
        '(?:"(?:[^"\\\\]|\\\\.)*+"|[^\\s"]*+)', '[^\\s]*+', TEXT_TESTS,
    ),
]  # fmt: skip
