import time

import pytest

from extdebug.runner.output.capture import Capture, CaptureInput
from extdebug.runner.output.line_splitter import PAUSE, PROGRESS
from extdebug.wire.events import Output
from tests.fixtures.programs import wait_until


def test_stdout_and_stderr_come_in_the_order_of_completion():
    lines: list[tuple[str, bytes]] = []
    capture = Capture(lambda output, line, _: lines.append((output.value, line)))
    capture.out(b"begun ")
    capture.err(b"err 1\n")
    capture.out(b"ended\n")
    capture.err(b"err 2\n")
    assert lines == [
        ("stderr", b"err 1"),
        ("stdout", b"begun ended"),
        ("stderr", b"err 2"),
    ]


def test_a_partial_line_is_shown_after_a_pause_and_at_the_end():
    lines: list[bytes] = []
    capture = Capture(lambda _, line, __: lines.append(line))
    capture.out(b"prompt> ")
    assert lines == []
    wait_until(lambda: lines == [b"prompt> "], seconds=3, what="the partial line")
    capture.out(b"answer")
    capture.close()
    assert lines == [b"prompt> ", b"answer"]


def test_a_line_still_being_written_is_not_split_by_the_sweep():
    lines: list[bytes] = []
    capture = Capture(lambda _, line, __: lines.append(line))
    capture.out(b"one ")
    assert capture.sweep(time.monotonic())
    capture.out(b"line\n")
    assert lines == [b"one line"]


def test_a_line_is_not_split_while_its_feeder_stands_still():
    lines: list[bytes] = []
    capture = Capture(lambda _, line, __: lines.append(line))
    capture.out(b"one ")
    capture.hold(Output.STDOUT, held=True)
    assert capture.sweep(time.monotonic() + 10)
    assert lines == []
    capture.hold(Output.STDOUT, held=False)
    assert capture.sweep(time.monotonic())  # the pause begins anew
    capture.out(b"line\n")
    assert lines == [b"one line"]


def test_each_output_has_an_input_of_its_own():
    lines: list[tuple[Output, bytes]] = []
    capture = Capture(lambda output, line, _: lines.append((output, line)))
    for output in (Output.STDERR, Output.STDOUT):
        CaptureInput(capture, output).feed(b"x\n")
        CaptureInput(capture, output).hold(held=True)
    assert lines == [(Output.STDERR, b"x"), (Output.STDOUT, b"x")]
    assert capture.stdout.held
    assert capture.stderr.held


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (b"api_key=", b"9f8e7d6c5b4a39281706aabb"),
        (b"api_k", b"ey=9f8e7d6c5b4a39281706aabb"),
        (b"api_key=9f8e7d", b"6c5b4a39281706aabb"),
        (b"caf\xc3", b"\xa9"),
        (b"Authorization: Bearer ", b"abcdef0123456789"),
        (b'{"name":"x-api-key","value":', b'"abcdef0123456789"}'),
        (b"postgres://app:s3cr", b"et@db/app"),
        (b"using gh", b"p_0123456789"),
    ],
)
def test_what_may_become_a_secret_or_a_character_is_not_split_by_a_pause(first, second):
    lines: list[bytes] = []
    capture = Capture(lambda _, line, __: lines.append(line))
    capture.out(first)
    assert not capture.sweep(time.monotonic() + 60)
    assert lines == []
    capture.out(second + b"\nnext")
    assert lines == [first + second]
    assert not capture.sweep(time.monotonic() + 60)
    assert lines == [first + second, b"next"]


def test_what_is_held_back_is_shown_at_the_end():
    lines: list[bytes] = []
    capture = Capture(lambda _, line, __: lines.append(line))
    capture.err(b"password: ")
    assert not capture.sweep(time.monotonic() + 60)
    capture.close()
    assert lines == [b"password: "]


TRACE = b'Traceback (most recent call last):\n  File "a.py", line 1, in f\nValueError: x\n'


def shown_by(capture_of=Capture) -> tuple[Capture, list[tuple[Output, bytes]]]:
    lines: list[tuple[Output, bytes]] = []
    return capture_of(lambda output, line, _: lines.append((output, line))), lines


def test_a_stack_trace_is_one_line_after_a_pause():
    capture, lines = shown_by()
    capture.err(TRACE)
    assert lines == []
    wait_until(lambda: lines, seconds=3, what="the trace")
    assert lines == [(Output.STDERR, TRACE[:-1])]
    assert not capture.sweep(time.monotonic())


def test_a_line_of_the_other_output_comes_after_the_trace_before_it():
    capture, lines = shown_by()
    capture.err(TRACE)
    capture.out(b"During handling of the above exception, nothing happened\n")
    capture.close()
    assert [output for output, _ in lines] == [Output.STDERR, Output.STDOUT]


@pytest.mark.parametrize("end", ["settle", "close"])
def test_what_is_held_back_comes_before_a_log_call_and_the_end(end):
    capture, lines = shown_by()
    capture.err(TRACE)
    getattr(capture, end)()
    assert lines == [(Output.STDERR, TRACE[:-1])]


def test_a_trace_is_not_ended_while_its_feeder_stands_still():
    capture, lines = shown_by()
    capture.err(TRACE)
    capture.hold(Output.STDERR, held=True)
    assert capture.sweep(time.monotonic() + 10)
    assert lines == []
    capture.hold(Output.STDERR, held=False)
    assert not capture.sweep(time.monotonic() + PAUSE)
    assert lines == [(Output.STDERR, TRACE[:-1])]


def test_progress_is_shown_by_the_sweep():
    capture, lines = shown_by()
    capture.out(b"10%\r")
    capture.out(b"20%\r")
    assert not capture.sweep(time.monotonic() + PROGRESS)
    assert lines == [(Output.STDOUT, b"20%")]
