import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.runner.publish.text_levels import LOOKED_AT, guess_level
from extdebug.wire.events import Level

# Lines as the loggers' own formats write them.
ERROR = [
    "[E 240101 12:00:00 web:1] boom",
    "[2024-01-01, 00:00:00 UTC] {taskinstance.py:12} ERROR - boom",
    "ERROR:root:boom",
    "ERROR something broke",
    "ERROR: cannot open",
    "[ERROR] x",
    "error: linker failed",
    "fail: App[0]",
    "crit: App[0]",
    "2024-01-01 12:00:00,123 ERROR app failed",
    "2024-01-01 12:00:00,123 - app.db - ERROR - failed",
    "2024-01-01 12:00:00.123 | ERROR    | mod:f:1 - msg",
    "[2024-01-01T12:00:00Z ERROR app] msg",
    "[2024-01-01T12:00:00Z ERROR app::m] msg",
    "2024-01-01T00:00:00.000+0100\tERROR\tmain.go:1\tmsg",
    "ERRO[0000] msg",
    "time=2024-01-01T00:00:00Z level=ERROR msg=x",
    'level=error ts=1 msg="x"',
    "E0102 15:04:05.000000   1 file.go:1] msg",
    "3:04PM ERR msg",
    "[12:00:00 ERR] msg",
    "2024/01/01 12:00:00 [error] 1#1: *1 open() failed",
    "2024-01-01 12:00:00.123 UTC [123] ERROR:  relation",
    "<3>kernel thing",
    "<11>Jan  1 00:00:00 host app: x",
    "2024-01-01 12:00:00 [error    ] event   key=val",
    "[2024-01-01T00:00:00.1+00:00] app.ERROR: msg [] []",
    "12:00:00.000 [error] msg",
    "2024-01-01T00:00:00.000Z\t6f1cbb3e-6b1a-4a41-9f2c-000000000000\tERROR\tmsg",
    "[ERROR]\t2024-01-01T00:00:00Z\tid\tmsg",
    "Jan  1 12:00:00 host app[12]: ERROR msg",
    "[Wed Oct 11 14:32:52.123 2000] [core:error] [pid 1] x",
    "npm ERR! code E404",
    "SEVERE: something",
    "\x1b[31merror\x1b[39m: boom",
    "Error: boom",
    "npm error code E404",
    "gyp ERR! build error",
    '2026-01-31 09:30:00.120 UTC [7] app@db ERROR:  relation "x" does not exist',
    "09:30:00.120 request_id=F1 [error] GenServer terminating",
    "2026-01-31 09:30:00 host app[7] CRITICAL disk full",
    "31-Jan-2026 09:30:00.120 SEVERE [main] org.apache.catalina.Service failed",
    "2026-01-31T09:30:00+0000 [app#critical] disk full",
    "20:34.12 [error    ] sync failed   ms=812",
    "2026/01/31-09.30.00 ERROR app - disk full",
    "2026-01-31T09:30:00Z app[web.1]: ERROR disk full",
    'at=ERROR when="2026-01-31" msg="disk full" ms=812',
    'at=error code=H12 desc="Request timeout"',
    "[Nest] 7  - 01/31/2026, 8:35:13 PM   ERROR [App] disk full",
    "❌ ERROR disk full",
    "✖  fatal     disk full",
    "app.sync - ERROR - disk full",
    "error[E0425]: cannot find value `x` in this scope",
    "foo.c:3:5: error: expected ';'",
    "src/a.ts(3,5): error TS2304: Cannot find name 'x'.",
    "src/a.ts:3:5 - error TS2304: Cannot find name 'x'.",
    "PHP Fatal error:  Uncaught TypeError: x in /a.php:3",
]
WARN = [
    "WARNING:py.warnings:x",
    "[warn] y",
    "12:00:00.123 [main] WARN  com.x.Y - msg",
    "2024-01-01T12:00:00.123456Z  WARN app: msg",
    "WARN[0012] msg  a=1",
    'time="2024-01-01T00:00:00Z" level=warning msg="x y"',
    "W20240102 15:04:05.000000   1 file.go:1] msg",
    "<12>1 2024-01-01T00:00:00Z host app - - - x",
    "W, [2024-01-01T00:00:00.123456 #123]  WARN -- : msg",
    "[main] WARN com.x.Y - msg",
    "npm WARN deprecated",
    "warn - something",
    "npm warn deprecated har-validator@5.1.5: no longer supported",
    "gyp WARN EACCES no permission",
    "20:34:12 ⚠️ WARNING  slow page",
    "[app] › ⚠  warning   slow page",
    "foo.c:3:5: warning: unused variable",
    "/app/a.py:3: DeprecationWarning: x is deprecated",
    "config.py:3: UserWarning: x",
    "(node:7) Warning: Setting the variable",
    "(node:7) [DEP0040] DeprecationWarning: The module is deprecated.",
    "PHP Warning:  Undefined variable $x",
]
INFO = [
    "INFO:app:started",
    "info: Microsoft.Hosting.Lifetime[14]",
    "2024-01-01T00:00:00.000Z\tinfo\tmain.go:1\tmsg",
    "15:04:05 INF msg",
    "2024-01-01 12:00:00.0000|INFO|Program|msg",
    "INFO:     Started server process [1]",
    "[2024-01-01 00:00:00 +0000] [1] [INFO] Booting",
    "[2024-01-01 12:00:00,123: INFO/MainProcess] ready",
    "2024-01-01T12:00:00.123Z  INFO 1234 --- [main] c.e.App : msg",
    "0 [main] INFO com.x - msg",
    "\x1b[32mINFO\x1b[0m  started",
    "\x1b[90m2024-01-01T12:00:00Z\x1b[0m \x1b[32mINF\x1b[0m started",
    "info  | x",
    "2026-01-31 09:30:00.120 UTC [7] LOG:  checkpoint complete",
    "20:34:12 ℹ️ INFO     page fetched",
    "[Nest] 7  - 31.01.2026, 20:35:13     LOG [App] started",
    "ℹ  info      page fetched",
    "PHP Notice:  Undefined index",
]
DEBUG = [
    "dbug: App[0]",
    "FINE: something",
    "CONFIG: loaded",
    "2026-01-31 09:30:00 host app[7] DEBUG page fetched",
    "[Nest] 7  - 31.01.2026, 20:35:13   DEBUG [App] page fetched",
]
TRACE = [
    "trce: App[0]",
    "time=1 level=DEBUG-4 msg=x",
]
NONE = [
    'msg="level=error in text" a=1',
    "TypeError: x is not a function",
    "an error occurred",
    'msg="x level=error y" a=1',
    "Error opening file",
    "Information about the run",
    "Information: none",
    "2024-01-01 12:00:00 the user saw an ERROR page",
    "[1/3] ERRORS found",
    "12 errors",
    "INFORMATION",
    "errors: 0",
    "error=0 ok",
    "http: listening",
    "a=b level=high",
    "warnings are errors",
    "GET /error 200",
    "200 OK",
    "CONFIG loaded",
    "debugging started",
    "Infos",
    "log: x",
    "input: y",
    "order:1:ERROR",
    "note that",
    "ERRORS: 5",
    '{"level":"error"}',
    "----- ERROR -----",
    "",
    "DEBUG=1 node x",
    "ERROR=0",
    "Fine: we go",
    "10:30 meeting info for all",
    '<error message="x"/>',
    "<info>",
    "fail2ban: started",
    "failure: none",
    "at=home now",
    "npm install error handling",
    "✅ all tests passed",
    "❌ order failed",
    "ℹ info is on the page",
    "user@example.com ERROR-free",
    "orders - total - 12",
    "at a.ts:3:5 an error was found",
    "PHP is error prone",
    "localhost:8080 - error rate 3",
    "[app] 12 - the last ERROR of today was fixed",
    "a.js:3 error: x",
    "order:12:7: warnings off",
]


@pytest.mark.parametrize(
    ("level", "line"),
    [
        (level, line)
        for level, lines in (
            (Level.ERROR, ERROR),
            (Level.WARN, WARN),
            (Level.INFO, INFO),
            (Level.DEBUG, DEBUG),
            (Level.TRACE, TRACE),
        )
        for line in lines
    ],
)
def test_the_prefixes_that_loggers_write_name_a_level(level, line):
    assert guess_level(line) is level
    assert guess_level(f"  {line}") is level
    assert guess_level(f"\x1b[36m\x1b[1m{line}\x1b[0m") is level


@pytest.mark.parametrize("line", NONE)
def test_words_in_a_text_name_none(line):
    assert guess_level(line) is None


@given(st.text(), st.sampled_from([*ERROR, *INFO, ""]))
def test_what_comes_behind_a_prefix_changes_nothing(rest, line):
    assert guess_level(f"{line} {rest}") is guess_level(f"{line} x") or not line


@given(st.text(max_size=500))
def test_no_text_is_too_odd(text):
    assert guess_level(text) in (None, *Level)


@pytest.mark.parametrize("start", ["2024-01-01 12:00:00 ", "[", "a=", "[2024-01-01 12:00:00] "])
@pytest.mark.parametrize("part", ["\t", "[x] ", "a b[1]: ", "- ", 'a="', "| ", "1 "])
def test_a_long_line_costs_no_more_than_its_beginning(start, part):
    before = time.thread_time()
    for _ in range(20):
        guess_level(start + part * 100_000)
    assert time.thread_time() - before < 0.5


def test_a_level_far_inside_a_line_is_not_looked_for():
    assert guess_level("[" + "x" * LOOKED_AT + "] ERROR x") is None
