import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.runner.output.line_splitter import PAUSE
from extdebug.runner.output.stack_traces import (
    MOST_BYTES,
    MOST_LINES,
    MOST_MESSAGE,
    MOST_OTHER_BYTES,
    MOST_OTHERS,
    MOST_TIME,
    TraceJoiner,
)
from extdebug.wire.events import Output
from tests.fixtures.programs import need

# As the languages print them.
TRACES: dict[str, str] = {}
TRACES["py"] = """Traceback (most recent call last):
  File "/app/main.py", line 3, in <module>
    main()
    ~~~~^^
  File "/app/main.py", line 9, in main
    raise ValueError("x")
ValueError: x

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/main.py", line 3, in <module>
    main()
app.errors.Boom: y"""
TRACES["group"] = """  + Exception Group Traceback (most recent call last):
  |   File "<stdin>", line 1, in <module>
  | ExceptionGroup: a (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ValueError: 1
    +---------------- 2 ----------------
    | TypeError: 2
    +------------------------------------"""
TRACES["js"] = """TypeError: Cannot read properties of undefined (reading 'x')
    at handler (/app/index.js:10:5)
    at async Promise.all (index 0)
    at node:internal/main/run_main_module:28:49 {
  code: 'E_X',
  [cause]: Error: inner
      at foo (file:///a.js:1:2)
}"""
TRACES["aggregate"] = """AggregateError: many
    at [eval]:1:15
    at node:internal/main/eval_string:51:3 {
  [errors]: [
    Error: a
        at [eval]:1:35
        at evalScript (node:internal/process/execution:133:3),
    TypeError: b
        at [eval]:1:50
  ]
}"""
TRACES["rust 2"] = """thread 'main' (28891) panicked at m.rs:1:38:
assertion `left == right` failed: len
  left: 0
 right: 1
stack backtrace:
   0: __rustc::rust_begin_unwind
             at /rustc/59807616/library/std/src/panicking.rs:689:5
   1: m::main
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace."""
TRACES["sm"] = """Error: boom
handler@index.js:10:5
@index.js:1:1"""
TRACES["java"] = """Exception in thread "main" java.lang.RuntimeException: outer
\tat com.acme.Main.main(Main.java:5)
\tat java.base/java.lang.Thread.run(Thread.java:833)
\tSuppressed: java.lang.Exception: s
\t\tat com.acme.Main.x(Main.java:7)
Caused by: java.lang.IllegalStateException: inner
\tat com.acme.Main.y(Main.java:8)
\t... 1 more"""
TRACES["go"] = """panic: runtime error: index out of range [5] with length 3

goroutine 1 [running]:
main.f(...)
\t/tmp/x.go:8
main.main()
\t/tmp/x.go:4 +0x1d
created by main.start in goroutine 1
\t/tmp/x.go:2 +0x1d
exit status 2"""
TRACES["rust"] = """thread 'main' panicked at src/main.rs:2:5:
assertion `left == right` failed
  left: 1
 right: 2
stack backtrace:
   0: rust_begin_unwind
             at /rustc/abc/library/std/src/panicking.rs:645:5
   1: core::panicking::panic_fmt
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace."""
TRACES["anyhow"] = """Error: failed to load

Caused by:
    0: reading config
    1: No such file

Stack backtrace:
   0: anyhow::error"""
TRACES["net"] = """Unhandled exception. System.InvalidOperationException: outer
 ---> System.ArgumentException: inner (Parameter 'x')
   at App.Program.G() in /src/Program.cs:line 12
   --- End of inner exception stack trace ---
   at App.Program.Main(String[] args) in /src/Program.cs:line 5
   at System.Threading.Tasks.Task.<>c.<ThrowAsync>b__128_0(Object state)"""


def joined(text: str, *, most_bytes: int = MOST_BYTES) -> list[str]:
    lines: list[str] = []
    joiner = TraceJoiner(lambda _, line, cut: lines.append(line.decode()), most_bytes=most_bytes)
    for line in text.split("\n"):
        joiner.line(Output.STDERR, line.encode(), False)
    joiner.flush()
    assert not joiner.holding
    return lines


@pytest.mark.parametrize("name", TRACES)
def test_a_trace_is_one_event_between_the_lines_around_it(name):
    trace = TRACES[name]
    assert joined(f"before\n{trace}\nafter 1\nafter 2") == ["before", trace, "after 1", "after 2"]


def coloured(trace: str) -> str:
    """As it is printed to a terminal: a colour at the start of each line, and one within."""
    return "\n".join(f"\x1b[1;35m{line[:4]}\x1b[0m{line[4:]}" for line in trace.split("\n"))


@pytest.mark.parametrize("name", TRACES)
def test_colours_are_seen_through(name):
    trace = coloured(TRACES[name])
    assert joined(f"before\n{trace}\nafter 1") == ["before", trace, "after 1"]


@pytest.mark.parametrize("name", TRACES)
@pytest.mark.parametrize(
    "log", ["2026-01-01 12:00:00 INFO app: next", '{"level":"info","msg":"x"}', "INFO:app:next"]
)
def test_a_log_line_between_is_not_swallowed(name, log):
    first, *rest = TRACES[name].split("\n")
    for place in range(len(rest) + 1):
        text = "\n".join([first, *rest[:place], log, *rest[place:]])
        lines = joined(text)
        assert log in lines
        assert "\n".join(lines) == text


@pytest.mark.parametrize(
    "text",
    [
        "ValueError: bad input\nfetched 3 orders",
        "Error: boom\n{ a: 1 }",
        "panic: nothing\nfetched(3)",
        "  indented\n  lines\n  of text",
        "http.server.Error handler\n  at noon",
        "wrote to a@b.example:25:10 ok\nnext",
        "Caused by: nothing before it\n  x",
    ],
)
def test_lines_that_only_look_like_a_trace_stay_lines(text):
    assert joined(text) == text.split("\n")


def test_blank_lines_after_a_trace_are_lines_of_their_own():
    trace = TRACES["py"].split("\n\nDuring")[0]
    assert joined(f"{trace}\n\nnext") == [trace, "", "next"]


def test_two_traces_in_a_row_are_two_events():
    for name in ("py", "js", "java", "net"):
        trace = TRACES[name]
        assert joined(f"{trace}\n{trace}") == [trace, trace]


def test_what_is_left_of_an_interrupted_trace_is_joined_again():
    frames = "\n".join(f"    at f{n} (a.js:{n}:1)" for n in range(4))
    assert joined(f"Error: x\n{frames}\nINFO: y\n{frames}") == [
        f"Error: x\n{frames}",
        "INFO: y",
        frames,
    ]


@pytest.mark.parametrize("most", [200, MOST_BYTES])
def test_a_long_trace_becomes_events_within_the_bounds(most):
    text = "Error: x\n" + "\n".join(f"    at f{n} (a.js:{n}:1)" for n in range(2_000))
    lines = joined(text, most_bytes=most)
    assert "\n".join(lines) == text
    assert all(len(line) <= most and line.count("\n") < MOST_LINES for line in lines)
    assert len(lines) > 1


def held_since(*lines: bytes) -> tuple[TraceJoiner, list[bytes], float]:
    got: list[bytes] = []
    joiner = TraceJoiner(lambda _, line, cut: got.append(line))
    for line in lines:
        joiner.line(Output.STDERR, line, False)
    return joiner, got, joiner._fed_at


def test_a_trace_is_over_after_a_pause():
    joiner, got, fed = held_since(b"Error: x", b"    at f (a.js:1:1)")
    joiner.due(fed + PAUSE * 0.9)
    assert got == []
    joiner.due(fed + PAUSE)
    assert got == [b"Error: x\n    at f (a.js:1:1)"]


def test_a_trace_that_goes_on_and_on_is_shown_in_time():
    joiner, got, fed = held_since(b"Error: x", b"    at f (a.js:1:1)")
    joiner._fed_at = fed + MOST_TIME  # a line came a moment ago
    joiner.due(fed + MOST_TIME)
    assert len(got) == 1


@pytest.mark.parametrize("part", [b"(", b"a(", b" ", b"\tat ", b"@", b":1", b".a", b"|", b"Error"])
@pytest.mark.parametrize("head", [b"panic: x", b"goroutine 1 [running]:", b"Error: x", b" at a(b)"])
def test_a_long_line_costs_no_more_than_its_beginning(head, part):
    joiner, _, _ = held_since(head)
    before = time.thread_time()
    for _ in range(20):
        joiner.line(Output.STDERR, part * (60_000 // len(part)), False)
        joiner.line(Output.STDERR, head, False)
    assert time.thread_time() - before < 0.5


def test_a_cut_line_ends_a_trace_and_is_handed_on_as_cut():
    got: list[tuple[bytes, bool]] = []
    joiner = TraceJoiner(lambda _, line, cut: got.append((line, cut)))
    joiner.line(Output.STDERR, b"Error: x", False)
    joiner.line(Output.STDERR, b"    at f (a.js:1:1)", True)
    assert got == [(b"Error: x", False), (b"    at f (a.js:1:1)", True)]


PARTS = st.sampled_from(
    [line for trace in TRACES.values() for line in trace.split("\n")]
    + ["INFO: x", "text", "  text", "", "}", '{"a":1}']
)


@given(st.lists(PARTS, max_size=30), st.integers(20, 400))
def test_no_line_is_lost_doubled_or_moved(lines, most):
    text = "\n".join(lines)
    got = joined(text, most_bytes=most)
    assert "\n".join(got) == text
    assert all("\n" not in line or len(line) <= most for line in got)


MESSAGES = {
    "js": """AssertionError [ERR_ASSERTION]: Expected values to be equal:
+ actual - expected

+ 1
- 2
    at main (/app/a.js:3:8)
    at node:internal/main/run_main_module:28:49""",
    "java": """java.lang.IllegalStateException: bad
second line
\tat M.main(M.java:2)
Caused by: java.io.IOException: worse
of two lines
\tat M.f(M.java:1)
\t... 1 more""",
    "thread": """Exception in thread "w-1" java.lang.IllegalStateException: bad

  with a blank line
\tat M.main(M.java:2)""",
    "rust": """thread 'main' (7) panicked at m.rs:2:179:
cannot go on
second line: E
stack backtrace:
   0: __rustc::rust_begin_unwind
             at /rustc/x/library/std/src/panicking.rs:689:5""",
    "rust without": """thread 'main' panicked at m.rs:2:179:
cannot go on
second line: E
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace""",
    "go": """panic: bad
second line

goroutine 1 [running]:
main.main()
\t/app/main.go:7 +0x1d
exit status 2""",
    ".net": """Unhandled exception. System.InvalidOperationException: bad
second line
   at App.Program.Main(String[] args) in /src/Program.cs:line 5""",
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_of_several_lines_is_part_of_its_trace(name):
    trace = MESSAGES[name]
    assert joined(f"before\n{trace}\nafter 1") == ["before", trace, "after 1"]


@pytest.mark.parametrize(
    "lines",
    [
        ["Error: x", "text", "", "more text"],
        ["Error: x", "text", "   12: a line of a list", "note: that"],
        ["Error: x", "INFO: y", "    at f (a.js:1:1)"],
        ["Error: x", "text", "Error: y", "text"],
        ["Error: x", "text", '{"level":"info"}'],
        ["Error: x", *["text"] * (MOST_MESSAGE + 1), "    at f (a.js:1:1)"],
    ],
)
def test_lines_behind_an_error_without_frames_stay_lines(lines):
    assert joined("\n".join(lines)) == lines


Written = list[tuple[Output, str]]


def joined_of_both(written: Written, *, most_bytes: int = MOST_BYTES, end: bool = True) -> Written:
    got: Written = []
    joiner = TraceJoiner(
        lambda output, line, cut: got.append((output, line.decode())), most_bytes=most_bytes
    )
    for output, line in written:
        joiner.line(output, line.encode(), False)
    if end:
        joiner.flush()
        assert not joiner.holding
    return got


def on(output: Output, text: str) -> Written:
    return [(output, line) for line in text.split("\n")]


@pytest.mark.parametrize("name", TRACES)
def test_what_the_other_output_says_in_the_midst_of_a_trace_follows_it(name):
    lines = on(Output.STDERR, TRACES[name])
    other = on(Output.STDOUT, "next order\nINFO: the one after")
    got = joined_of_both([*lines[:-1], *other, lines[-1]])
    assert got == [(Output.STDERR, TRACES[name]), *other]


def test_a_trace_of_the_other_output_in_the_midst_of_one_is_joined_too():
    one, two = on(Output.STDERR, TRACES["js"]), on(Output.STDOUT, TRACES["rust 2"])
    got = joined_of_both([*one[:3], *two[:2], *one[3:5], *two[2:], *one[5:]])
    assert got == [(Output.STDERR, TRACES["js"]), (Output.STDOUT, TRACES["rust 2"])]


@pytest.mark.parametrize(
    "begun", ["text", 'Traceback (most recent call last):\n  File "a.py", line 1\nKeyError: 1']
)
def test_what_need_not_go_on_lets_the_other_output_go_on_at_once(begun):
    other = on(Output.STDOUT, "next order")
    got = joined_of_both([*on(Output.STDERR, begun), *other], end=False)
    assert got == [(Output.STDERR, begun), *other]


@pytest.mark.parametrize("other", [["x"] * (MOST_OTHERS + 1), ["x" * (MOST_OTHER_BYTES // 2)] * 3])
def test_what_waits_for_a_trace_is_bounded(other):
    begun = "Error: x\n    at f (a.js:1:1)"
    lines = [(Output.STDOUT, line) for line in other]
    got = joined_of_both([*on(Output.STDERR, begun), *lines], end=False)
    assert got == [(Output.STDERR, begun), *lines]


@given(st.lists(st.tuples(st.sampled_from([Output.STDOUT, Output.STDERR]), PARTS), max_size=120))
def test_of_two_outputs_no_line_is_lost_doubled_or_moved_within_its_own(written):
    got = joined_of_both(written)
    for output in (Output.STDOUT, Output.STDERR):
        assert "\n".join(text for which, text in got if which is output) == "\n".join(
            text for which, text in written if which is output
        )


PYTHON_FAILS = """
def f():
    try:
        1 / 0
    except Exception as e:
        raise ExceptionGroup("many", [ValueError(1), TypeError(2)]) from e
f()
"""
NODE_FAILS = """
console.error(Object.assign(new Error('outer', { cause: new TypeError('inner') }), { code: 'E' }));
console.error(new AggregateError([new Error('a'), new RangeError('b')], 'many'));
"""


@pytest.mark.parametrize(("program", "events"), [("python", 1), ("node", 2)])
def test_what_an_interpreter_prints_of_an_error_is_one_event(program, events):
    if program == "python":
        command = [sys.executable, "-c", PYTHON_FAILS]
    else:
        command = [need("node", package="nodejs"), "-e", NODE_FAILS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    text = done.stderr.rstrip("\n")
    lines = joined(text)
    assert "\n".join(lines) == text
    assert len(lines) == events
