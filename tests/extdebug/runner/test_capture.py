import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.runner.capture import MAX_LINE_BYTES, Capture, CaptureInput, Splitter
from extdebug.wire.events import Output
from tests.fixtures.programs import wait_until


def split(*chunks: bytes) -> list[tuple[bytes, bool]]:
    lines: list[tuple[bytes, bool]] = []
    splitter = Splitter(Output.STDOUT, lambda _, line, cut: lines.append((line, cut)))
    for chunk in chunks:
        splitter.feed(chunk)
    splitter.flush()
    return lines


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ((b"a\nb\n",), [b"a", b"b"]),
        ((b"a\r\nb\rc\n",), [b"a", b"b", b"c"]),
        ((b"a\r", b"\nb\n"), [b"a", b"b"]),
        ((b"a\r", b"b\n"), [b"a", b"b"]),
        ((b"\n\n",), [b"", b""]),
        ((b"\r\n\r\n",), [b"", b""]),
        ((b"\r", b"\r", b"\n"), [b"", b""]),
        ((b"hello", b" ", b"world", b"\n"), [b"hello world"]),
        ((b"gr\xc3", b"\xbc\xc3\x9fe\n"), ["grüße".encode()]),
        ((b"no end",), [b"no end"]),
        ((b"nul \x00 bad \xff\n",), [b"nul \x00 bad \xff"]),
        ((b"",), []),
    ],
)
def test_lines_end_at_lf_cr_and_crlf_however_they_are_chunked(chunks, lines):
    assert split(*chunks) == [(line, False) for line in lines]


@given(st.lists(st.sampled_from([b"a", b"\n", b"\r", b"\xc3\xbc", b"bc", b"\x00"])), st.data())
def test_chunking_never_changes_the_lines(parts, data):
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    places = [0, *cuts, len(whole)]
    chunks = [whole[a:b] for a, b in itertools.pairwise(places)]
    assert split(*chunks) == split(whole)
    expected = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    if expected[-1] == b"":
        expected.pop()
    assert [line for line, _ in split(whole)] == expected


@pytest.mark.parametrize("step", [1024 * 1024, 4096, 1000])
def test_a_mebibyte_line_is_one_cut_line_and_the_next_is_whole(step):
    data = b"x" * (1024 * 1024) + b"\nafter\n"
    chunks = [data[i : i + step] for i in range(0, len(data), step)]
    assert split(*chunks) == [(b"x" * MAX_LINE_BYTES, True), (b"after", False)]


def test_byte_by_byte_writing_keeps_one_line():
    assert split(*(bytes([b]) for b in b"y" * 5000 + b"\n")) == [(b"y" * 5000, False)]


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
