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
SPLITTER: Final = "extdebug/runner/output/line_splitter.py"
SPLITTER_TESTS: Final = "tests/extdebug/runner/output/test_line_splitter.py"
CAPTURE: Final = "extdebug/runner/output/capture.py"
CAPTURE_TESTS: Final = "tests/extdebug/runner/output/test_capture.py"
TRACES: Final = "extdebug/runner/output/stack_traces.py"
TRACE_TESTS: Final = "tests/extdebug/runner/output/test_stack_traces.py"
SEEN: Final = "policies/redaction/visible_text.py"
SEEN_TESTS: Final = "tests/policies/redaction/test_visible_text.py"
BATCH: Final = "extdebug/filters/batch.py"
EVALUATOR: Final = "extdebug/filters/evaluator.py"
EVALUATOR_TESTS: Final = "tests/extdebug/filters/test_evaluator.py"

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
        "json.loads(_NO_NUMBER.sub(_as_text, line), strict=False)", "_decoder.decode(line)",
        JSON_TESTS,
    ),
    Mutation(
        "a word in a text is taken for NaN", JSON_LINES,
        "r'\"(?s:[^\"\\\\]|\\\\.)*+(?:\"|\\\\?\\Z)|([+-]?", "r'([+-]?", JSON_TESTS,
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
    Mutation(
        "the first state of progress is kept", SPLITTER,
        "for state in reversed(states) if _seen", "for state in states if _seen", SPLITTER_TESTS,
    ),
    Mutation(
        "blanks that erase a state count as one", SPLITTER,
        'return bool(_ERASE.sub(b"", state).strip())', "return bool(state)", SPLITTER_TESTS,
    ),
    Mutation(
        "progress that goes on is never shown", SPLITTER,
        "if now - self._since >= PROGRESS:", "if now - self.fed_at >= PROGRESS:", SPLITTER_TESTS,
    ),
    Mutation(
        "lines of a private key are passed over", SPLITTER,
        'if any(b"PRIVATE KEY" in', 'if any(b"PUBLIC KEY" in', SPLITTER_TESTS,
    ),
    Mutation(
        "the end of a line whose state was shown is a line", SPLITTER,
        "self._skip_lf = not begun", "self._skip_lf = False", SPLITTER_TESTS,
    ),
    Mutation(
        "a level's number is not read where only its key says what it is",
        "extdebug/runner/publish/json_lines.py",
        "(numbers or plain in _LOGGERS_NUMBERS)", "numbers",
        "tests/extdebug/runner/publish/test_json_lines.py",
    ),
    Mutation(
        "a compiler's warning is taken for what its output says",
        "extdebug/runner/publish/text_levels.py",
        "return _klog(line) or _placed(line)", "return _klog(line)",
        "tests/extdebug/runner/publish/test_text_levels.py",
    ),
    Mutation(
        "an error's further lines are its trace's, whatever follows them", TRACES,
        "_CONFIRMS if self._loose", "_FOLLOWS if self._loose", TRACE_TESTS,
    ),
    Mutation(
        "a message has no bound of lines", TRACES,
        "and self._loose < MOST_MESSAGE\n", "and True\n", TRACE_TESTS,
    ),
    Mutation(
        "a line of the other output overtakes a trace", TRACES,
        "            if output is self.output:\n", "            if True:\n", TRACE_TESTS,
    ),
    Mutation(
        "a line of the other output parts a trace", TRACES,
        "            not ended\n            and len(self._others)",
        "            False\n            and len(self._others)", TRACE_TESTS,
    ),
    Mutation(
        "what waits for a trace has no bound", TRACES,
        "and len(self._others) < MOST_OTHERS\n", "and True\n", TRACE_TESTS,
    ),
    Mutation(
        "what waited for a trace is lost at the end", TRACES,
        "            self.line(output, line, cut)\n", "            continue\n", TRACE_TESTS,
    ),
    Mutation(
        "a log line within a trace is swallowed", TRACES,
        "return start.startswith", "return False and start.startswith", TRACE_TESTS,
    ),
    Mutation(
        "blank lines behind a trace are lost", TRACES,
        "        for line in loose:", "        for line in loose[:0]:", TRACE_TESTS,
    ),
    Mutation(
        "a trace has no bound of bytes", TRACES,
        " or self._bytes + len(line) >= self._most_bytes", "", TRACE_TESTS,
    ),
    Mutation(
        "a trace has no bound of lines", TRACES,
        "len(self._lines) >= MOST_LINES or ", "", TRACE_TESTS,
    ),
    Mutation(
        "a trace has no bound of time", TRACES,
        " or now - self._began >= MOST_TIME", "", TRACE_TESTS,
    ),
    Mutation(
        "a second trace is taken for the first one's", TRACES,
        "if self._chained and _PYTHON_HEAD", "if _PYTHON_HEAD", TRACE_TESTS,
    ),
    Mutation(
        "a trace is not flushed at the end of the flow", CAPTURE,
        "            self.stderr.flush()\n            self._traces.flush()\n",
        "            self.stderr.flush()\n", CAPTURE_TESTS,
    ),
    Mutation(
        "a pause ends a trace while its feeder stands still", CAPTURE,
        "self.stderr).held:", "self.stderr).pending:", CAPTURE_TESTS,
    ),
    Mutation(
        "messages are matched with their escape sequences", BATCH,
        "return as_seen(list(map(_MESSAGE, self.events)))",
        "return list(map(_MESSAGE, self.events))", EVALUATOR_TESTS,
    ),
    Mutation(
        "what is looked for is not seen as lines are", EVALUATOR,
        "return as_seen([text])[0] or text", "return text", EVALUATOR_TESTS,
    ),
    Mutation(
        "fields are matched with their escape sequences", EVALUATOR,
        "return text if text.isascii() and text.isprintable() else as_seen([text])[0]",
        "return text", EVALUATOR_TESTS,
    ),
    Mutation(
        "an invisible character alone is not found out", SEEN,
        "if _hint().search(wide", 'if "\\x1b" not in whole or _hint().search(wide', SEEN_TESTS,
    ),
]  # fmt: skip
